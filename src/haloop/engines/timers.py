"""What is due when: one heap of moments, told in the time that the timekeeper believes.

A timer never fires early and at most once for each time it was set. The event loop's own timer only says when
it is worth looking again; what the clock says then decides. While nobody knows what time it is, because the
wall clock was moved, nothing fires.
"""

import asyncio
import heapq
from collections.abc import Callable

from haloop.engines.timekeeper import Timekeeper
from haloop.kernel.ids import RunId

LOOK_SECONDS_MAX = 30.0
_SECOND = 1_000_000
_SPARE = 1_000

Timed = tuple[RunId, str]
"""Whose, and at which position."""


class Timers:
    """The moments that runs wait for."""

    def __init__(self, time: Timekeeper, on_due: Callable[[RunId, str], None]) -> None:
        self._time = time
        self._on_due = on_due
        self._heap: list[tuple[int, RunId, str]] = []
        self._due: dict[Timed, int] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0

    def set(self, run: RunId, at: str, due: int) -> None:
        """Fire once when the clock reaches `due`; an earlier setting for the same place is forgotten."""
        self._due[run, at] = due
        heapq.heappush(self._heap, (due, run, at))
        if len(self._heap) > 2 * len(self._due) + _SPARE:
            self._drop_what_was_cleared()
        if self._alarm is None or due < self._alarm_at:
            self._look_again()

    def clear(self, run: RunId, at: str) -> None:
        """Do not fire."""
        self._due.pop((run, at), None)

    def look(self) -> None:
        """Fire what is due."""
        now = self._time.now()
        while self._heap and self._heap[0][0] <= now and not self._time.moved:
            due, run, at = heapq.heappop(self._heap)
            if self._due.get((run, at)) == due:
                del self._due[run, at]
                self._on_due(run, at)
        self._look_again()

    def close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._heap.clear()
        self._due.clear()

    def __len__(self) -> int:
        return len(self._due)

    @property
    def kept(self) -> int:
        """How many places in memory they take, with those that were cleared."""
        return len(self._heap)

    def _drop_what_was_cleared(self) -> None:
        """Most timers are cleared long before they are due, and would be kept till then."""
        self._heap = [(due, *place) for place, due in self._due.items()]
        heapq.heapify(self._heap)

    def _look_again(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._heap:
            self._alarm_at = self._heap[0][0]
            wait = LOOK_SECONDS_MAX if self._time.moved else (self._alarm_at - self._time.now()) / _SECOND
            self._alarm = asyncio.get_running_loop().call_later(min(max(wait, 0.0), LOOK_SECONDS_MAX), self.look)
