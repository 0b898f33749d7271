"""What Resy answers, as far as a table takes it. The shapes are those that its unasked users describe."""

from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from pydantic import Field, NaiveDatetime

from haloop.connectors.answers import Message
from haloop.kernel.desk import Malformed
from haloop.kernel.errors import BadMoney
from haloop.kernel.money import Money
from haloop.ports.booking import Booked, Table


class _Place(Message):
    time_zone: ZoneInfo


class _Id(Message):
    resy: int


class _Venue(Message):
    id: _Id
    name: str
    location: _Place
    average_bill_size: Decimal | None = None
    currency_code: str | None = None

    def estimate(self, party: int) -> Money | None:
        """What such a party usually spends, if Resy guesses."""
        if self.average_bill_size is None or self.currency_code is None:
            return None
        try:
            return Money.of_major(f"{self.average_bill_size * party:.2f}", self.currency_code)
        except BadMoney:
            return None


class _Config(Message):
    token: str
    type: str


class _Date(Message):
    start: NaiveDatetime


class _SlotPayment(Message):
    """What Resy does not say is not taken for free."""

    is_paid: bool
    deposit_fee: Decimal | None
    cancellation_fee: Decimal | None

    def words(self) -> str | None:
        if self.deposit_fee:
            return f"a deposit of {self.deposit_fee:f}"
        if self.cancellation_fee:
            return f"a card that is charged {self.cancellation_fee:f} for not coming"
        return "a payment" if self.is_paid else None


class _Slot(Message):
    config: _Config
    date: _Date
    payment: _SlotPayment


class _Found(Message):
    venue: _Venue
    slots: list[_Slot]


class _Results(Message):
    venues: list[_Found]


class Free(Message):
    """The answer to `/4/find`."""

    results: _Results

    def tables(self, party: int) -> Iterator[Table]:
        for found in self.results.venues:
            venue = found.venue
            for slot in found.slots:
                yield Table(
                    slot=slot.config.token,
                    restaurant=venue.name,
                    name=slot.config.type,
                    at=_there(slot.date.start, venue.location.time_zone),
                    party=party,
                    payment=slot.payment.words(),
                    estimate=venue.estimate(party),
                )


class _BookToken(Message):
    value: str


class _Amounts(Message):
    total: Decimal


class _Payment(Message):
    amounts: _Amounts


class Cancellation(Message):
    """What not coming costs."""

    fee: Decimal | None


class Details(Message):
    """The answer to `/3/details`: what booking a slot takes now."""

    book_token: _BookToken
    payment: _Payment
    cancellation: Cancellation

    @property
    def wants(self) -> str | None:
        """What it wants paid or promised, in words."""
        if self.payment.amounts.total:
            return f"a payment of {self.payment.amounts.total:f}"
        return f"a card that is charged {self.cancellation.fee:f} for not coming" if self.cancellation.fee else None


class Made(Message):
    """The answer to `/3/book`."""

    reservation_id: int
    resy_token: str = Field(min_length=1, repr=False)


class _VenueNumber(Message):
    id: int


class Reservation(Message):
    """One that stands."""

    reservation_id: int
    resy_token: str = Field(repr=False)
    """With it, and signed in, it can be cancelled."""
    venue: _VenueNumber
    day: date
    time_slot: time
    num_seats: int
    cancellation: Cancellation


class Upcoming(Message):
    """The answer to `/3/user/reservations`."""

    reservations: list[Reservation]
    venues: dict[str, _Venue]

    def booked(self) -> list[Booked]:
        return [self._booked(one) for one in self.reservations]

    def _booked(self, one: Reservation) -> Booked:
        venue = self.venues.get(str(one.venue.id))
        if venue is None:
            raise Malformed("Resy lists a reservation at a restaurant that it does not describe.")
        at = _there(datetime.combine(one.day, one.time_slot), venue.location.time_zone)
        return Booked(reference=str(one.reservation_id), restaurant=venue.name, at=at, party=one.num_seats)


def _there(at: datetime, zone: ZoneInfo) -> datetime:
    """A restaurant's own time, with its distance from everybody's."""
    return datetime.fromisoformat(at.replace(tzinfo=zone).isoformat())
