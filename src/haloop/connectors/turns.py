"""Turns at something scarce: so many at once, in fair order between those for whom it is done.

Whoever has least at work goes before whoever has more, and among equals the one whose last turn is longest past: where
an account asks for fifty things, one that asks for one waits until the first of those at work ends. Among an account's
own the first come goes first, which is in turns where each of them asks for the next only after the one before.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from haloop.kernel.failure import Transient
from haloop.kernel.queueing import HAS_COME, say_place


@dataclass(eq=False, slots=True, kw_only=True)
class _Waiting:
    account: str
    is_first: bool
    place: int = 0
    said: int = 0
    """The place that was said last; none yet."""
    farthest: int = 0
    """Of those that were said."""
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def has_news(self) -> bool:
        """Whether it is nearer, or farther than ever, by so much that it is worth a word: others may go before."""
        return not self.said or self.place * 2 <= self.said or self.place >= self.farthest * 2


class Turns:
    """Who is at it, and who waits."""

    def __init__(self, what: str, *, at_once_max: int, of_one_account_max: int | None = None) -> None:
        self._what = what
        self._at_once_max = at_once_max
        self._of_one_account_max = of_one_account_max or at_once_max
        self._waiting: list[_Waiting] = []
        self._at_work: list[_Waiting] = []
        self._turns = count(1)
        self._last: dict[str, int] = {}
        """The number of each account's last turn."""

    @property
    def at_work(self) -> int:
        """How many are at it."""
        return len(self._at_work)

    @asynccontextmanager
    async def turn(
        self, account: str, *, is_first: bool = False, patience: timedelta | None = None
    ) -> AsyncIterator[None]:
        """One's turn, once it comes; whoever waits says where in the queue, and again where that is half or twice."""
        mine = _Waiting(account=account, is_first=is_first)
        self._waiting.append(mine)
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
        while mine in self._waiting:
            if mine.has_news:
                mine.said = mine.place
                mine.farthest = max(mine.farthest, mine.place)
                say_place(self._what, mine.place)
            mine.moved.clear()
            await mine.moved.wait()
        if mine.said:
            say_place(self._what, HAS_COME)

    def _let_in(self) -> None:
        for one in self._in_order():
            is_free = sum(other.account == one.account for other in self._at_work) < self._of_one_account_max
            if len(self._at_work) < self._at_once_max and is_free:
                self._waiting.remove(one)
                self._at_work.append(one)
                self._last[one.account] = next(self._turns)
                one.moved.set()
        for place, one in enumerate(self._in_order(), start=1):
            one.place = place
            if one.has_news:
                one.moved.set()

    def _in_order(self) -> list[_Waiting]:
        """Those who wait, the next one first."""
        has = Counter(one.account for one in self._at_work)
        ranks: dict[_Waiting, int] = {}
        for one in sorted(self._waiting, key=lambda one: not one.is_first):
            ranks[one] = has[one.account]
            has[one.account] += 1
        return sorted(ranks, key=lambda one: (not one.is_first, ranks[one], self._last.get(one.account, 0)))
