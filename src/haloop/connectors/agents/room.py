"""The room there is for agents: so many are at work at once, in turns, and those that asked for something wait in it.

One that waits gives its turn away, and its sandbox too, once, where all there may be are taken: then it is asked anew
once there is an answer, and told that.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from haloop.connectors.agents.at_work import AtWork
from haloop.connectors.agents.endings import Endings
from haloop.connectors.sandboxes.room import THERE_OF_EACH_TURN_MAX
from haloop.connectors.turns import Turns
from haloop.kernel.failure import StepFault
from haloop.ports.agents import AttemptId, Task

SANDBOX = "sandbox"
"""What a step waits its turn for."""

_log = logging.getLogger(__name__)


class Room:
    """For so many at once."""

    def __init__(self, at_once_max: int) -> None:
        self._at_once_max = at_once_max
        self._turns = Turns(SANDBOX, at_once_max=at_once_max)
        self._called: set[AttemptId] = set()
        """Those that are asked to work or in the queue for it: whoever of them waited has its answer."""
        self._waiting: dict[AttemptId, AtWork] = {}
        """Those that asked for something, the one that waits longest first; none of them has a turn."""
        self._gave_way: Counter[str] = Counter()
        """How often the agent that is at a run's step did."""
        self._there: set[AttemptId] = set()
        """Those that have a sandbox."""
        self._endings = Endings()

    # An attempt, from its turn to its end

    @asynccontextmanager
    async def turn(self, task: Task) -> AsyncIterator[None]:
        """Its turn, once it comes. Whoever has its answer and still its sandbox goes first: it takes up room."""
        self._called.add(task.attempt)
        try:
            async with self._turns.turn(task.account, is_first=task.attempt in self._waiting):
                yield
        finally:
            self._called.discard(task.attempt)

    def taken_up(self, attempt: AttemptId) -> AtWork | None:
        """One that waited here for its answer."""
        return self._waiting.pop(attempt, None)

    @asynccontextmanager
    async def entered(self, attempt: AttemptId) -> AsyncIterator[AsyncExitStack]:
        """Room for one that begins, and what goes with it; at once, and to the last, where it does not get to work."""
        await self._endings.gone(attempt)  # it would take away what begins now under the same name
        await self._make_room()
        self._there.add(attempt)
        has = AsyncExitStack()
        has.callback(self._there.discard, attempt)
        try:
            yield has
        except BaseException:
            await self._endings.see_through(attempt, has.aclose())
            raise

    def wait(self, at_work: AtWork) -> None:
        """It asked for something."""
        self._waiting[at_work.attempt] = at_work

    def waits(self, at_work: AtWork) -> bool:
        return self._waiting.get(at_work.attempt) is at_work

    async def leave(self, at_work: AtWork) -> None:
        """Its step is done, or not to be done any more."""
        self._gave_way.pop(at_work.task.run, None)
        await self._endings.see_through(at_work.attempt, at_work.end())

    # Those that wait

    async def let_go(self, attempt: AttemptId) -> None:
        """End one that waits; nothing happens where none does."""
        if at_work := self._waiting.pop(attempt, None):
            await self._endings.see_through(attempt, at_work.end())

    async def let_be(self, which: Callable[[AtWork], bool]) -> None:
        """End those of them, whatever becomes of that."""
        await asyncio.gather(*(self._let_be(one.attempt) for one in list(self._waiting.values()) if which(one)))

    def forget(self, run: str) -> None:
        """A run is over."""
        self._gave_way.pop(run, None)

    async def close(self) -> None:
        """End those that wait, and see all to their end."""
        await self.let_be(lambda _: True)
        await self._endings.all()

    async def _make_room(self) -> None:
        """Where there are as many sandboxes as may be at work, one whose agent waits for an answer gives way."""
        while len(self._there) >= self._at_once_max:
            if (first := self._next_to_give_way()) is not None:
                self._gave_way[first.task.run] += 1
                await self._let_be(first.attempt)
            elif self._endings:
                await self._endings.first()
            else:
                return

    def _next_to_give_way(self) -> AtWork | None:
        """Who waits longest and never did; one that did before would get nowhere, and does only beyond all bounds."""
        waiting = [one for attempt, one in self._waiting.items() if attempt not in self._called]
        first = min(waiting, key=self._how_often, default=None)
        is_full = len(self._there) >= THERE_OF_EACH_TURN_MAX * self._at_once_max
        return first if first is not None and (is_full or not self._how_often(first)) else None

    def _how_often(self, at_work: AtWork) -> int:
        return self._gave_way[at_work.task.run]

    async def _let_be(self, attempt: AttemptId) -> None:
        try:
            await self.let_go(attempt)
        except (StepFault, OSError) as fault:  # nobody waits for it any more; the next start takes it away
            _log.warning("an attempt that is over goes on", extra={"run": attempt, "code": type(fault).__name__})
