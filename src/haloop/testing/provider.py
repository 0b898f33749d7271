"""An outside system that has all the troubles of life, and a book that tells the truth.

A connector under test does its acts through `act`. What happens is decided by the trouble set for that act:
the reply is lost after the act was done, the request is lost before, it declines, dawdles or lies. The book
counts what was really done, by key, so a test judges by what the world saw and not by what we believe.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from haloop.kernel.operation import Absent, Call, Found, NotDone, Unknown, Why

T = TypeVar("T")


class Trouble(StrEnum):
    """What may go wrong with one request, or with one question about it."""

    NONE = "none"
    REPLY_LOST = "reply_lost"
    """Done, and the line breaks before we hear of it."""
    REQUEST_LOST = "request_lost"
    """The line breaks before it arrives."""
    ARRIVES_LATE = "arrives_late"
    """The line breaks, and the request arrives all the same, a while later: at `catch_up`."""
    ERROR_AFTER = "error_after"
    """Done, and answered with an error all the same."""
    DECLINED = "declined"
    """A clear no; to a question: ask later."""
    DAWDLES = "dawdles"
    """Done, and answered long after the deadline."""
    LIES = "lies"
    """Done, and answered with something else than was agreed."""


class LineBroke(ConnectionError):
    """What a connector sees of a lost request or reply."""


@dataclass(slots=True)
class Provider:
    """One outside system."""

    same_key_same_act: bool = True
    """Whether a second request with a key is answered from the first, as idempotent systems do."""
    troubles: deque[Trouble] = field(default_factory=deque)
    """For the next requests, in order; none when it is empty."""
    lookup_troubles: deque[Trouble] = field(default_factory=deque)
    """For the next questions, in order."""
    requests: Counter[str] = field(default_factory=Counter)
    """How often each key was asked for."""
    done: Counter[str] = field(default_factory=Counter)
    """How often each key was really done."""
    results: dict[str, object] = field(default_factory=dict)
    on_request: Callable[[Call], None] = field(default=lambda _call: None)
    """Called when a request leaves for here, before anything else happens to it."""
    on_question: Callable[[Call], None] = field(default=lambda _call: None)
    """Called when somebody asks about a request."""
    _declined: set[str] = field(default_factory=set)
    _late: list[Callable[[], object]] = field(default_factory=list)

    async def act(self, call: Call, make: Callable[[], T]) -> T | NotDone:
        """Do something once, or in whatever way today's trouble has it."""
        self.on_request(call)
        self.requests[call.key] += 1
        trouble = self.troubles.popleft() if self.troubles else Trouble.NONE
        if trouble is Trouble.REQUEST_LOST:
            raise LineBroke("The line broke.")
        if trouble is Trouble.ARRIVES_LATE:
            self._late.append(lambda: self._declines(call.key, Trouble.NONE) or self._do(call.key, make))
            raise LineBroke("The line broke.")
        if self._declines(call.key, trouble):
            return NotDone(why=Why.DECLINED, sentence="They said no.")
        result = self._do(call.key, make)
        match trouble:
            case Trouble.REPLY_LOST:
                raise LineBroke("The line broke.")
            case Trouble.ERROR_AFTER:
                raise RuntimeError("500 Internal Server Error")
            case Trouble.DAWDLES:
                await asyncio.Event().wait()
            case Trouble.LIES:
                return "yes, yes"  # type: ignore[return-value]  # that is the lie
        return result

    async def look_up(self, call: Call) -> Found[object] | Absent | Unknown:
        """What the outside says about a key when it is asked."""
        self.on_question(call)
        trouble = self.lookup_troubles.popleft() if self.lookup_troubles else Trouble.NONE
        match trouble:
            case Trouble.NONE:
                return Found(result=self.results[call.key]) if call.key in self.results else Absent()
            case Trouble.DECLINED:
                return Unknown(sentence="Ask later.")
            case Trouble.ERROR_AFTER:
                raise RuntimeError("500 Internal Server Error")
            case Trouble.DAWDLES:
                await asyncio.Event().wait()
            case Trouble.LIES:
                return "no idea"  # type: ignore[return-value]  # that is the lie
        raise LineBroke("The line broke.")

    def catch_up(self) -> None:
        """What was late on its way arrives."""
        late, self._late = self._late, []
        for act in late:
            act()

    def _declines(self, key: str, trouble: Trouble) -> bool:
        """Where a key is an act, what was done stays done, and a no stays a no."""
        if self.same_key_same_act and key in self.results:
            return False
        if trouble is Trouble.DECLINED:
            self._declined.add(key)
        return trouble is Trouble.DECLINED or (self.same_key_same_act and key in self._declined)

    def _do(self, key: str, make: Callable[[], T]) -> T:
        if not (self.same_key_same_act and key in self.results):
            self.done[key] += 1
            self.results[key] = make()
        return self.results[key]  # type: ignore[return-value]  # put there under the same key
