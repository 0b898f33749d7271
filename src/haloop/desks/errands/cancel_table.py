"""Cancel a reservation: find the one that is meant, and cancel it once somebody said yes."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import ClassVar, Self

from pydantic import BaseModel

from haloop.desks.errands.naming import named
from haloop.kernel.desk import Approved, BadDraft, Draft, Effect, Ended, NotDone, Receipt, Run, procedure
from haloop.ports.booking import Booked, Booking, Cancelled, Place

ANSWER_WITHIN = timedelta(days=2)


class Held(BaseModel, frozen=True, extra="forbid"):
    """What somebody says of a reservation: where it is and when, as far as they say."""

    place: Place | None = None
    day: date | None = None


class AnotherReservation(BaseModel, frozen=True, extra="forbid"):
    """A change: another one of the household's."""

    reference: str


class TableEndingDraft(Draft):
    """One reservation to cancel, and the others that could have been meant."""

    grants: ClassVar[bool] = False

    held: tuple[Booked, ...]
    cancel: Effect[Cancelled]

    @classmethod
    def offer(cls, held: Sequence[Booked], meant: Booked) -> Self:
        """Plan to cancel one of them."""
        return cls(held=tuple(held), cancel=Effect.of(Booking.cancel, meant))

    def apply(self, change: AnotherReservation) -> Self:
        """Cancel another one instead."""
        meant = next((one for one in self.held if one.reference == change.reference), None)
        if meant is None:
            raise BadDraft("This is none of the reservations.", code="reservation.unknown")
        return self.offer(self.held, meant)


@procedure(version=1)
async def cancel_table(run: Run, wish: Held) -> Receipt[Cancelled] | NotDone | Ended:
    """Find the reservation and, once somebody said yes, cancel it."""
    ahead = [one for one in await run.step(Booking.held, run.account) if one.at > run.now()]
    meant = [one for one in ahead if wish.day in (None, one.at.date())]
    meant = named(wish.place, meant, lambda one: one.restaurant) if wish.place else meant
    if len(meant) != 1:
        return Ended(reason=_which(meant or ahead, is_meant=bool(meant)), code="reservation.which")
    draft = TableEndingDraft.offer(ahead, meant[0])
    yes = await run.gate(draft, within=min(ANSWER_WITHIN, meant[0].at - run.now()))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.cancel)


def _which(held: Sequence[Booked], *, is_meant: bool) -> str:
    if not held:
        return "Nothing is reserved."
    listed = "; ".join(f"{one.restaurant}, {one.at:%A %-d %B at %H:%M}, for {one.party}" for one in held)
    return f"It could be any of these: {listed}." if is_meant else f"No such table is reserved. There are: {listed}."
