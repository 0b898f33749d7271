"""The book of the town's booking site: who sits where and when, and what was answered under which key.

A table is given once for each time. The site keeps what it answered for a day, and answers the same again to
whoever asks under the same key; a reservation remembers its key for as long as there is a book. Whatever changes
is written to the file, if there is one, before anybody is answered.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, Field

from haloop.kernel.clock import Clock, as_datetime
from haloop.kernel.money import Money
from haloop.town.pages import read_pages, write_pages
from haloop.town.restaurants import RESTAURANTS, SITTING, Offer, Restaurant

KEYS_KEPT_FOR = timedelta(hours=24)
CANCEL_BEFORE = timedelta(hours=2)
OFFERS_MAX = 12
STRANGER = "somebody else"


class Reservation(BaseModel, frozen=True):
    """One line of the book."""

    reference: str
    guest: str
    key: str
    slot: str
    restaurant: str
    table: str
    at: AwareDatetime
    party: int
    charged: Money | None
    cancelled: bool = False


class Cancellation(BaseModel, frozen=True):
    """What a guest gets back."""

    reference: str
    refunded: Money | None


class Refusal(BaseModel, frozen=True):
    """A clear no."""

    code: str
    message: str


Answer = Reservation | Cancellation | Refusal


class Reply(BaseModel, frozen=True):
    """What was answered under a key."""

    request: str
    answer: Answer
    until: AwareDatetime


class _Pages(BaseModel):
    reservations: dict[str, Reservation] = Field(default_factory=dict)
    replies: dict[str, Reply] = Field(default_factory=dict)


class Book:
    """The site's memory."""

    def __init__(self, clock: Clock, file: Path | None = None) -> None:
        self._clock = clock
        self._file = file
        self._turning_away: set[str] = set()
        self._pages = read_pages(_Pages, file)

    # What guests ask

    def offers(self, place: str | None, party: int, near: datetime, *, area: str | None = None) -> list[Offer]:
        """Free tables around a time, the nearest first."""
        meant = (restaurant for restaurant in RESTAURANTS if restaurant.is_meant(place, area))
        free = [offer for one in meant for offer in one.offers(party, near) if self._is_free(offer)]
        return sorted(free, key=lambda offer: abs(offer.at - near))[:OFFERS_MAX]

    def offers_on(self, restaurant: Restaurant, party: int, day: date) -> list[Offer]:
        """A restaurant's free tables on a day, the earliest first."""
        return [offer for offer in restaurant.offers_on(party, day) if self._is_free(offer)]

    def reserve(self, guest: str, key: str, slot: str) -> Answer:
        """Give a guest a table under a key, once."""
        return self._once(guest, key, f"reserve {slot}", lambda: self._reserve(guest, key, slot))

    def cancel(self, guest: str, key: str, reference: str) -> Answer:
        """Take a reservation back under a key, once."""
        return self._once(guest, key, f"cancel {reference}", lambda: self._cancel(guest, reference))

    def of(self, guest: str | None = None, *, key: str | None = None) -> list[Reservation]:
        """A guest's reservations, or all guests', cancelled ones too; only the one under a key, if a key is given."""
        known = self._pages.reservations.values()
        mine = (one for one in known if (one.guest != STRANGER if guest is None else one.guest == guest))
        return [one for one in mine if key in (None, one.key)]

    # What happens in town without anybody asking

    def walk_in(self, slot: str) -> None:
        """Somebody else takes a table."""
        self.reserve(STRANGER, f"walk-in {slot}", slot)

    def turn_away(self, guest: str) -> None:
        """From now on no restaurant takes this guest."""
        self._turning_away.add(guest)

    # The rules

    def _once(self, guest: str, key: str, request: str, act: Callable[[], Answer]) -> Answer:
        name, now = f"{guest}\n{key}", self._now()  # no header can hold a line's end
        known = self._pages.replies.get(name)
        if known is not None and known.until > now:
            reused = Refusal(code="key_reused", message="This key was used for something else.")
            return known.answer if known.request == request else reused
        answer = act()
        self._pages.replies[name] = Reply(request=request, answer=answer, until=now + KEYS_KEPT_FOR)
        write_pages(self._pages, self._file)
        return answer

    def _reserve(self, guest: str, key: str, slot: str) -> Answer:
        offer = next((one for one in _every_offer_like(slot) if one.slot == slot and self._is_free(one)), None)
        if offer is None:
            return Refusal(code="slot_gone", message="This table is not free any more.")
        twice = next((one for one in self.of(guest) if _is_same_visit(one, offer)), None)
        if twice is not None:
            return Refusal(
                code="already_reserved",
                message=f"You have {twice.reference} at {twice.restaurant} already, at {twice.at:%H:%M} on that day.",
            )
        if guest in self._turning_away:
            return Refusal(code="declined", message=f"{offer.restaurant} does not take this reservation.")
        reservation = Reservation(
            reference=f"R{len(self._pages.reservations) + 1:04}",
            guest=guest,
            key=key,
            slot=slot,
            restaurant=offer.restaurant,
            table=offer.table,
            at=offer.at,
            party=offer.party,
            charged=offer.deposit,
        )
        self._pages.reservations[reservation.reference] = reservation
        return reservation

    def _cancel(self, guest: str, reference: str) -> Answer:
        reservation = self._pages.reservations.get(reference)
        if reservation is None or reservation.guest != guest:
            return Refusal(code="unknown_reservation", message="There is no such reservation.")
        if reservation.cancelled:
            return Refusal(code="already_cancelled", message="It was cancelled before.")
        if self._now() > reservation.at - CANCEL_BEFORE:
            return Refusal(code="too_late", message="It is too late to cancel.")
        self._pages.reservations[reference] = reservation.model_copy(update={"cancelled": True})
        return Cancellation(reference=reference, refunded=reservation.charged)

    def _is_free(self, offer: Offer) -> bool:
        booked = (one for one in self._pages.reservations.values() if not one.cancelled)
        taken = [one for one in booked if _same_table(one, offer)]
        return offer.at > self._now() and all(abs(one.at - offer.at) >= SITTING for one in taken)

    def _now(self) -> datetime:
        return as_datetime(self._clock.read().wall)


def _is_same_visit(reservation: Reservation, offer: Offer) -> bool:
    is_there = reservation.restaurant == offer.restaurant and reservation.at.date() == offer.at.date()
    return is_there and not reservation.cancelled


def _same_table(reservation: Reservation, offer: Offer) -> bool:
    return (reservation.restaurant, reservation.table) == (offer.restaurant, offer.table)


def _every_offer_like(slot: str) -> Iterator[Offer]:
    """What could go by this name: nothing, if nobody ever offered such a thing."""
    match slot.split("/"):
        case [restaurant, _, at, party, _] if party.isdecimal():
            try:
                near = datetime.fromisoformat(at)
            except ValueError:
                return
            for one in RESTAURANTS:
                if one.id == restaurant and near.tzinfo is not None:
                    yield from one.offers(int(party), near)
