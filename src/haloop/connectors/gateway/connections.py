"""The connections to one attempt's socket, each of which costs the whole house a descriptor.

Whoever is in a sandbox may open as many as it likes and say nothing at them. So they are counted before anything is
asked, a request has a time in which to be whole, and whoever does not take their answer is let go of.
"""

import asyncio
import logging

from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS_MAX = 32
"""Of one attempt, whatever they do; more are cut off."""
SECONDS_TO_ASK = 60.0
"""So long a request may take to be whole, from when it could have begun."""
SECONDS_TO_TAKE = 30.0
"""So long what is answered may lie there before more of it can be said."""
SECONDS_IDLE = 5


class Connection(H11Protocol):
    """One of them."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.logger = logging.getLogger(__name__)
        self.logger.setLevel(logging.ERROR)  # a line for each thing that an agent does wrong would push out all others
        self._asking = _Limit(SECONDS_TO_ASK, transport)
        self._taking = _Limit(SECONDS_TO_TAKE, transport)
        if len(self.connections) > CONNECTIONS_MAX:
            self.connections.discard(self)
            transport.abort()
        else:
            self._asking.begin()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._expect_a_request()

    def send_400_response(self, msg: str) -> None:
        """To whoever asked nothing yet: beside an answer that is on its way, or after it, nothing can be said."""
        if self._has_asked:
            self.transport.abort()
        else:
            super().send_400_response(msg)

    def on_response_complete(self) -> None:
        self._asking.end()
        super().on_response_complete()
        self._expect_a_request()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._taking.begin()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._taking.end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._asking.end()
        self._taking.end()
        super().connection_lost(exc)

    def _expect_a_request(self) -> None:
        """Until it is whole; a little of it at a time wins nothing."""
        if self._is_at_work:
            self._asking.end()
        elif not self.transport.is_closing():
            self._asking.begin()

    @property
    def _is_at_work(self) -> bool:
        """Whether there is a whole request without its whole answer."""
        return self._has_asked and not (self.cycle.more_body or self.cycle.response_complete)

    @property
    def _has_asked(self) -> bool:
        """Whether there ever was the beginning of a request."""
        return self.cycle is not None


class _Limit:
    """So long something may take before its connection is cut off."""

    def __init__(self, seconds: float, transport: asyncio.Transport) -> None:
        self._seconds = seconds
        self._transport = transport
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """From now on, unless it has begun."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._transport.abort)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
