"""The same key again: whoever repeats a POST under the key of the first one hears what the first one was answered.

A reply can be lost on its way, and then nobody knows whether to try again. Under a key that is safe: what worked is
answered once more and not done once more, and a second try that comes while the first is under way waits for it. What
was refused is tried anew. Answers are held in memory for a day; what must not happen twice however long ago, a request
and a decision, the ledger itself knows.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from haloop.api.asking import caller_of
from haloop.api.house import House
from haloop.identity import NotKnown
from haloop.kernel.errors import BadInput, Conflict
from haloop.kernel.ids import AccountId, RunId

KEY = "Idempotency-Key"
KEY_LENGTH_MAX = 200
HELD_SECONDS = 86_400
HELD_MAX = 2_000

_SECOND = 1_000_000
_PARAMETER: dict[str, Any] = {
    "name": KEY,
    "in": "header",
    "required": False,
    "description": "What this is known by: sent again under the same key, it is done once and answered as it was.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX, "pattern": "^[!-~]+$"},
}


@dataclass(slots=True, kw_only=True)
class _Held:
    said: bytes
    """A hash of all that was asked."""
    until: int
    over: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Response | None = None


class Answers:
    """What was answered under keys, of one door."""

    def __init__(self, house: House) -> None:
        self._now = house.engine.world.now
        house.engine.watch_erasures(self.forget)
        self._held: OrderedDict[str, _Held] = OrderedDict()

    async def once(self, name: str, said: bytes, do: Callable[[], Awaitable[Response]]) -> Response:
        """Do it, or hear again what came of it; Conflict where the key stands for something else."""
        while (held := self._of(name)) is not None:
            if held.said != said:
                raise Conflict(
                    "This key was used for another request.", code="request.key_taken", next_step="Use a new key."
                )
            await held.over.wait()
            if held.answer is not None:
                return _again(held.answer)
        mine = _Held(said=said, until=self._now() + HELD_SECONDS * _SECOND)
        self._hold(name, mine)
        try:
            answer = await do()
            if answer.status_code < HTTPStatus.MULTIPLE_CHOICES and "set-cookie" not in answer.headers:
                mine.answer = _again(answer)
            return answer
        finally:
            if mine.answer is None:
                self._held.pop(name, None)
            mine.over.set()

    def _of(self, name: str) -> _Held | None:
        held = self._held.get(name)
        return held if held is not None and (self._now() < held.until or not held.over.is_set()) else None

    def forget(self, account: AccountId, _run: RunId) -> None:
        """Words were erased: nothing that may hold them is said again."""
        gone = [name for name, held in self._held.items() if held.over.is_set() and name.startswith(f"{account} ")]
        for name in gone:
            del self._held[name]

    def _hold(self, name: str, held: _Held) -> None:
        over = [name for name, held in self._held.items() if held.over.is_set() and self._now() >= held.until]
        for one in over:
            del self._held[one]
        self._held[name] = held
        while len(self._held) > HELD_MAX and next(iter(self._held.values())).over.is_set():
            self._held.popitem(last=False)


class Keyed(APIRoute):
    """A route whose POST takes a key."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:  # noqa: ANN401  # the framework's
        if "POST" in (more.get("methods") or ()):
            extra = more.get("openapi_extra") or {}
            more["openapi_extra"] = {**extra, "parameters": [*extra.get("parameters", []), _PARAMETER]}
        super().__init__(path, endpoint, **more)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def keyed(request: Request) -> Response:
            key = request.headers.get(KEY)
            if request.method != "POST" or key is None:
                return await handle(request)
            if not 1 <= len(key) <= KEY_LENGTH_MAX or not (key.isascii() and key.isprintable() and " " not in key):
                raise BadInput(f"A key is up to {KEY_LENGTH_MAX} letters, digits and signs.", code="request.key")
            try:
                caller = await caller_of(request, None)
            except NotKnown:  # the route itself says so, if it matters to it
                return await handle(request)
            answers: Answers = request.app.state.answers
            asked = b"\0".join(
                [str(request.url).encode(), request.headers.get("if-match", "").encode(), await request.body()]
            )
            rights = " ".join(sorted(caller.roles))
            name = f"{caller.account} {caller.actor} {rights} {key}"
            return await answers.once(name, sha256(asked).digest(), lambda: handle(request))

        return keyed


def _again(answer: Response) -> Response:
    """The same answer for somebody else to send."""
    copied = Response(answer.body, answer.status_code)
    copied.raw_headers = [*answer.raw_headers]
    return copied
