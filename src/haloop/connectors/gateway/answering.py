"""What goes back to an agent: an answer whole, an answer piece by piece, or a no in its provider's form."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.types import Send

from haloop.connectors.gateway.providers import Provider, refusal
from haloop.kernel import canonical

EVENTS = "text/event-stream"


class Refused(Exception):
    """A no of ours, in a sentence for whoever asked."""

    def __init__(
        self, status: HTTPStatus, sentence: str, *, is_free: bool = True, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.is_free = is_free
        """Whether the provider certainly did nothing."""
        self.headers = headers or {}
        """What is said beside it, such as when to try again."""


class Answering:
    """One answer on its way in."""

    def __init__(self, send: Send, provider: Provider) -> None:
        self._send = send
        self._provider = provider
        self._is_begun = False

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        self._is_begun = True
        told = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": told})

    async def piece(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def refuse(self, no: Refused) -> None:
        """Where events have begun to come it is the last of them."""
        said = canonical.encode(refusal(self._provider, no.status, no.sentence))
        if self._is_begun:
            await self.piece(b"event: error\ndata: " + said + b"\n\n")
        else:
            about = {"content-type": "application/json", "content-length": str(len(said))}
            await self.begin(no.status, {**no.headers, **about})
            await self.piece(said)
        await self.end()
