"""A loop in which dice decide everything: what is taken first, when time passes, and how long the disk takes.

Nobody sleeps in earnest: once there is nothing to do, the loop's time goes to the next moment that somebody waits
for. Nothing has a thread here, for time would pass beside it. The ledger's writer works on the loop, as many turns
after it was asked as the dice say, so that a seed tells the same story each time; and a crash may come before it has
written anything.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import Empty
from random import Random
from threading import Thread
from typing import Any, TypeVar, TypeVarTuple

from haloop.kernel.errors import LedgerClosed
from haloop.store import opening, writer
from haloop.store.submission import Submission
from tests.faults.controls import patched

_WRITING_TURNS_MAX = 8

_Args = TypeVarTuple("_Args")
_Done = TypeVar("_Done")


class SeededLoop(asyncio.SelectorEventLoop):
    """Takes what is ready in any order, and lets time pass only when nothing is."""

    def __init__(self, dice: Random) -> None:
        super().__init__()
        self._dice = dice
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def run_in_executor(
        self, executor: object, func: Callable[[*_Args], _Done], *args: *_Args
    ) -> asyncio.Future[_Done]:
        """What would go to a thread, done on the loop when its turn comes."""

        async def in_turn() -> _Done:
            return func(*args)

        return self.create_task(in_turn())

    def _run_once(self) -> None:
        ready: deque[Any] = self._ready  # type: ignore[attr-defined]  # asyncio's own queue of callbacks
        if len(ready) > 1:
            shuffled = list(ready)
            self._dice.shuffle(shuffled)
            ready.clear()
            ready.extend(shuffled)
        elif not ready:
            self._now = max(self._now, self._next_moment())
        super()._run_once()  # type: ignore[misc]  # as above

    def _next_moment(self) -> float:
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # as above
        return min((timer.when() for timer in timers if not timer.cancelled()), default=self._now)


class Disk:
    """Writes when the dice say so, and in a crash perhaps not at all."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._newest: _LoopWriter | None = None

    def used(self) -> AbstractContextManager[None]:
        """The product, with every home's writer on the loop."""
        return patched(opening, Writer=self._writer)

    def crash(self) -> None:
        """What is on its way to the disk gets there, or nobody ever hears of it again."""
        if self._newest is not None and self._dice.random() < 0.5:
            self._newest.forget()

    def _writer(self, *arguments: Any, **named: Any) -> writer.Writer:
        self._newest = _LoopWriter(self._dice, *arguments, **named)
        return self._newest


class _LoopWriter(writer.Writer):
    """The shipped writer; only who calls it, and when, is different."""

    def __init__(self, dice: Random, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._thread = _NoThread(target=self._run)
        self._dice = dice
        self._is_called = False

    def submit(self, submission: Submission) -> None:
        super().submit(submission)
        self._call()

    async def do(self, chore: writer.Chore) -> object:
        self._call()
        return await super().do(chore)

    def forget(self) -> None:
        """The process is dead: whoever waits is refused, and nothing that waits is written."""
        while True:
            try:
                order = self._queue.get_nowait()
            except Empty:
                return
            if isinstance(order, Submission):
                order.refuse(LedgerClosed("The process is dead."))
                self._tell([order.finish])

    def _call(self) -> None:
        if not self._is_called:
            self._is_called = True
            self._loop.call_soon(self._come_after, self._dice.randrange(_WRITING_TURNS_MAX))

    def _come_after(self, turns: int) -> None:
        if turns:
            self._loop.call_soon(self._come_after, turns - 1)
            return
        self._is_called = False
        if not self._queue.empty():  # else it was closed in between
            self._run()

    def _turn(self, batch: list[Submission]) -> bool:
        return super()._turn(batch) and not self._queue.empty()

    def _checkpoint(self) -> None:
        super()._checkpoint()
        self._checkpointed_at = self._loop.time()

    def _checkpoint_due(self) -> bool:
        return bool(self._unsigned) and self._loop.time() >= self._checkpointed_at + writer.CHECKPOINT_SECONDS


class _NoThread(Thread):
    """Never begins: what is left to do is done when somebody waits for the end of it."""

    def start(self) -> None:
        pass

    def join(self, timeout: float | None = None) -> None:
        self.run()
