"""What the calls of all agents reserve before they leave, each in its turn.

A call for which there is enough, only that calls under way have taken it for now, waits until one of them has ended.
Whoever asks later takes nothing that it waits for, so however much it needs, it is its turn in the end.
"""

import asyncio
from typing import Any

from haloop.kernel.clock import Clock
from haloop.ports.models import Cost, Expense, Spending


class GivenUp(Exception):
    """There is no reservation, since nobody wants it any more."""


class Reserving:
    """For all lines of one home."""

    def __init__(self, spending: Spending, clock: Clock) -> None:
        self._spending = spending
        self._clock = clock
        self._waiting: list[Expense] = []
        """Whoever has waited longest is the first."""
        self._changed: asyncio.Future[None] | None = None
        """The next change, where anybody waits for it."""

    async def reserve(self, expense: Expense, *ends: asyncio.Future[Any]) -> int:
        """Reserve that once it is there, and name the reservation; Spent as soon as it cannot be there any more.

        GivenUp once one of the ends has come: nothing is reserved after that.
        """
        self._waiting.append(expense)
        reservation: int | None = None
        try:
            while reservation is None:
                if any(end.done() for end in ends):
                    raise GivenUp
                reservation = self._reserved(expense)
                if reservation is None:
                    await asyncio.wait((self._change(), *ends), return_when=asyncio.FIRST_COMPLETED)
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
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set_result(None)

    def _change(self) -> asyncio.Future[None]:
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        return self._changed
