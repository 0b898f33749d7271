"""What goes back to an agent: an answer whole, an answer piece by piece, or a no in its provider's form."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.types import Send

from haloop.connectors.gateway.providers import Provider, refusal
from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical

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
        self.is_begun = False
        self._in_events = False

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.is_begun = True
        self._in_events = headers.get("content-type", "").startswith(EVENTS)
        told = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": told})

    async def piece(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def refuse(self, no: Refused) -> None:
        """Where events have begun to come it is the last of them; of anything else that has begun there is no more."""
        said = refusal(self._provider, no.status, no.sentence, no.headers.get("retry-after", ""))
        if self.is_begun and not self._in_events:
            return
        if self.is_begun:
            await self.piece(_last_event(self._provider, said))
        else:
            whole = canonical.encode(said)
            about = {"content-type": "application/json", "content-length": str(len(whole))}
            await self.begin(no.status, {**no.headers, **about})
            await self.piece(whole)
        await self.end()


def _last_event(provider: Provider, said: Mapping[str, Canonical]) -> bytes:
    """An error as the provider says one in the middle of its events, of which the last may be cut off anywhere."""
    match provider:
        case Provider.ANTHROPIC:
            return b"\n\nevent: error\ndata: " + canonical.encode(said) + b"\n\n"
        case Provider.OPENAI:  # its older form looks for `error`, the newer for a type and what is beside it
            within = said["error"]
            assert isinstance(within, dict)
            return b"\n\ndata: " + canonical.encode({**within, **said, "type": "error"}) + b"\n\n"
        case Provider.GEMINI:  # whose own clients take only what is no event for an error, or what has no end
            return b"\n\n" + canonical.encode(said) + b"\n"
