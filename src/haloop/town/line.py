"""The line to one of the town's servers, and what goes wrong on it when somebody wants to see that.

Troubles are put on the line from outside, by whoever serves the town; no request can ask for one. Without any,
the line does nothing.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from enum import StrEnum

from fastapi import Request, Response

RETRY_AFTER_SECONDS = 20


class Trouble(StrEnum):
    """What may happen to one request."""

    NONE = "none"
    REQUEST_LOST = "request_lost"
    """The line breaks before it arrives."""
    REPLY_LOST = "reply_lost"
    """Done, and the line breaks before anybody hears of it."""
    SLOW = "slow"
    """It arrives only when it is let go, and is done then."""
    BUSY = "busy"
    """Not done: the server has no time."""
    RATE_LIMITED = "rate_limited"
    """Not done: there were too many."""
    ERROR_AFTER = "error_after"
    """Done, and answered with an error all the same."""
    GARBAGE = "garbage"
    """Done, and answered with something that nobody can read."""


class Line:
    """The way to a server and back."""

    def __init__(self) -> None:
        self.troubles: deque[Trouble] = deque()
        """For the next requests, in order; none when it is empty."""
        self.awaiting: dict[str, Trouble] = {}
        """For the next request of a kind, such as `POST /reservations`, whatever else is sent before it."""
        self.steady = Trouble.NONE
        """For every request that nothing else is meant for, until it is taken away."""
        self.requests: list[str] = []
        """What was sent on it, such as `POST /reservations`."""
        self.is_holding = asyncio.Event()
        """Set while something slow is on its way."""
        self._held: list[_Held] = []

    async def carry(self, request: Request, server: Callable[[Request], Awaitable[Response]]) -> Response:
        """Take a request to the server and its answer back, or whatever happens to them today."""
        kind = f"{request.method} {request.url.path}"
        self.requests.append(kind)
        trouble = self.awaiting.pop(kind, None) or (self.troubles.popleft() if self.troubles else self.steady)
        match trouble:
            case Trouble.REQUEST_LOST:
                return _cut_off()
            case Trouble.BUSY:
                return Response(status_code=503)
            case Trouble.RATE_LIMITED:
                return Response(status_code=429, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
            case Trouble.SLOW:
                return await self._hold(request, server)
        answer = await server(request)
        match trouble:
            case Trouble.REPLY_LOST:
                return _cut_off()
            case Trouble.ERROR_AFTER:
                return Response(status_code=500)
            case Trouble.GARBAGE:
                return Response(content="<h1>Welcome</h1>", status_code=answer.status_code)
        return answer

    async def let_go(self) -> None:
        """What was slow arrives, and is done."""
        held, self._held = self._held, []
        self.is_holding.clear()
        for one in held:
            one.released.set()
        await asyncio.gather(*(one.done.wait() for one in held))

    async def _hold(self, request: Request, server: Callable[[Request], Awaitable[Response]]) -> Response:
        held = _Held()
        self._held.append(held)
        await request.body()  # its sender may hang up meanwhile
        self.is_holding.set()
        try:
            await held.released.wait()
            return await server(request)
        finally:
            held.done.set()


class _Held:
    """A request that is on its way for long."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.done = asyncio.Event()


def _cut_off() -> Response:
    """An answer that promises more than ever comes: the server closes the connection in the middle of it."""
    return Response(headers={"Content-Length": "1"})
