"""Turns at something scarce: so many at once, one of a household, and what was approved before what only looks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from haloop.kernel.failure import Transient
from haloop.kernel.queueing import say_place


@dataclass(eq=False, slots=True, kw_only=True)
class _Waiting:
    household: str
    is_approved: bool
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class Turns:
    """Who is at it, and who waits."""

    def __init__(self, what: str, *, at_once_max: int) -> None:
        self._what = what
        self._at_once_max = at_once_max
        self._waiting: list[_Waiting] = []
        self._at_work: list[_Waiting] = []

    @asynccontextmanager
    async def turn(
        self, household: str, *, is_approved: bool, patience: timedelta | None = None
    ) -> AsyncIterator[None]:
        """One's turn, once it comes; whoever waits says where in the queue, and again once half of those have gone."""
        mine = _Waiting(household=household, is_approved=is_approved)
        self._waiting.append(mine)
        self._waiting.sort(key=lambda one: not one.is_approved)
        self._let_in()
        try:
            await self._come(mine, patience)
            yield
        finally:
            (self._waiting if mine in self._waiting else self._at_work).remove(mine)
            self._let_in()

    async def _come(self, mine: _Waiting, patience: timedelta | None) -> None:
        try:
            async with asyncio.timeout(None if patience is None else patience.total_seconds()):
                await self._wait(mine)
        except TimeoutError as error:
            raise Transient(f"No {self._what} became free in time.") from error

    async def _wait(self, mine: _Waiting) -> None:
        said = 0
        while mine in self._waiting:
            place = self._waiting.index(mine) + 1
            if not said or place * 2 <= said:
                said = place
                say_place(self._what, place)
            mine.moved.clear()
            await mine.moved.wait()

    def _let_in(self) -> None:
        for one in tuple(self._waiting):
            is_busy = any(other.household == one.household for other in self._at_work)
            if len(self._at_work) < self._at_once_max and not is_busy:
                self._waiting.remove(one)
                self._at_work.append(one)
            one.moved.set()
