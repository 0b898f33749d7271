"""What the calls of all agents reserve before they leave, each in its turn.

A call for which there is enough, only that calls under way have taken it for now, waits until one of them has ended.
Whoever asks later takes nothing that it waits for, so however much it needs, it is its turn in the end.
"""

import asyncio

from haloop.kernel.clock import Clock
from haloop.ports.models import Cost, Expense, Spending


class Reserving:
    """For all lines of one home."""

    def __init__(self, spending: Spending, clock: Clock) -> None:
        self._spending = spending
        self._clock = clock
        self._waiting: list[Expense] = []
        """Whoever has waited longest is the first."""
        self._changed = asyncio.Event()

    async def reserve(self, expense: Expense) -> int:
        """Reserve that once it is there, and name the reservation; Spent as soon as it cannot be there any more."""
        self._waiting.append(expense)
        reservation: int | None = None
        try:
            while (reservation := self._reserved(expense)) is None:
                await self._changed.wait()
        finally:
            self._waiting.remove(expense)
            if reservation is None:
                self._say_changed()  # it goes without, and leaves what it waited for to the others
        return reservation

    def settle(self, reservation: int, use: Cost) -> None:
        """It was that in the end."""
        self._spending.settle(reservation, use)
        self._say_changed()

    def used_by(self, attempt: str) -> Cost:
        """What an attempt has used and reserved so far."""
        return self._spending.used_by(attempt)

    def _reserved(self, expense: Expense) -> int | None:
        ahead = self._waiting[: self._waiting.index(expense)]
        return self._spending.reserve(expense, now=self._clock.read().wall, ahead=ahead)

    def _say_changed(self) -> None:
        """To those who wait now: whoever waits again after that waits for the next change."""
        self._changed.set()
        self._changed = asyncio.Event()
