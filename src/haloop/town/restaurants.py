"""The town's restaurants: when they are open, which tables they have, and under which terms they offer one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel

from haloop.kernel.money import Money

SITTING = timedelta(hours=2)
BETWEEN_SITTINGS = timedelta(minutes=30)
NEAR = timedelta(minutes=90)
ZONE = "Europe/Berlin"
_SEATS_TO_SPARE = 2
_NO_HELP = frozenset({"", "a", "an", "at", "in", "nice", "place", "restaurant", "the", "town", "chez", "zum"})
_MONDAY, _TUESDAY, _SUNDAY = 0, 1, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DiningTable:
    """One table, which is never pushed together with another."""

    id: str
    name: str
    seats: int
    deposit: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restaurant:
    """One restaurant."""

    id: str
    name: str
    kitchen: str
    quarter: str
    opens: time
    closes: time
    a_head: Money
    """What one guest usually spends."""
    tables: tuple[DiningTable, ...]
    closed: frozenset[int] = frozenset()
    """The days of the week, Monday being 0."""

    def is_meant(self, place: str | None, area: str | None = None) -> bool:
        """Whether somebody who looks for this, and there, would be glad to find it; None is anything and anywhere."""
        known = _words(f"{self.name} {self.kitchen} {self.quarter}")
        return (place is None or not _words(place).isdisjoint(known)) and (
            area is None or not _words(area).isdisjoint(_words(self.quarter))
        )

    def offers(self, party: int, near: datetime) -> "Iterator[Offer]":
        """Every table for such a party around a time, whether or not it is free."""
        for offer in self.offers_on(party, near.astimezone(ZoneInfo(ZONE)).date()):
            if abs(offer.at - near) <= NEAR:
                yield offer

    def offers_on(self, party: int, day: date) -> "Iterator[Offer]":
        """Every table for such a party on a day, whether or not it is free."""
        for at in self._sittings(day):
            yield from (self._offer(table, at, party) for table in self.tables if _fits(table, party))

    def _sittings(self, day: date) -> Iterator[datetime]:
        zone = ZoneInfo(ZONE)
        at, last = datetime.combine(day, self.opens, zone), datetime.combine(day, self.closes, zone) - SITTING
        while at <= last and day.weekday() not in self.closed:
            yield at
            at += BETWEEN_SITTINGS

    def _offer(self, table: DiningTable, at: datetime, party: int) -> "Offer":
        terms = "0" if table.deposit is None else f"{table.deposit.minor}{table.deposit.currency}"
        return Offer(
            slot=f"{self.id}/{table.id}/{at.isoformat(timespec='minutes')}/{party}/{terms}",
            restaurant=self.name,
            table=table.name,
            at=at,
            party=party,
            deposit=table.deposit,
            estimate=Money(minor=self.a_head.minor * party, currency=self.a_head.currency),
        )


class Offer(BaseModel, frozen=True):
    """A table at a time for a party, and what it takes to reserve it."""

    slot: str
    """Its name holds all its terms, so that nobody reserves under terms that have changed."""
    restaurant: str
    table: str
    at: AwareDatetime
    party: int
    deposit: Money | None
    estimate: Money | None = None
    """What such a party usually spends, as the site guesses; no term of the offer."""


def _words(said: str) -> set[str]:
    """The words that tell places apart."""
    return {word.strip(".,'’") for word in said.casefold().split()} - _NO_HELP


def _fits(table: DiningTable, party: int) -> bool:
    return 0 <= table.seats - party <= _SEATS_TO_SPARE


def _euros(amount: int) -> Money:
    return Money(minor=amount * 100, currency="EUR")


RESTAURANTS = (
    Restaurant(
        id="luigi",
        name="Trattoria Luigi",
        kitchen="Italian",
        quarter="Old Town",
        opens=time(17),
        closes=time(23),
        a_head=_euros(32),
        closed=frozenset({_MONDAY}),
        tables=(
            DiningTable(id="window", name="Window table", seats=2),
            DiningTable(id="corner", name="Corner table", seats=4),
            DiningTable(id="long", name="Long table", seats=8, deposit=_euros(40)),
        ),
    ),
    Restaurant(
        id="odile",
        name="Chez Odile",
        kitchen="French",
        quarter="Old Town",
        opens=time(18),
        closes=time(22, 30),
        a_head=_euros(55),
        closed=frozenset({_SUNDAY, _MONDAY}),
        tables=(
            DiningTable(id="salon", name="In the salon", seats=2, deposit=_euros(20)),
            DiningTable(id="garden", name="In the garden", seats=4, deposit=_euros(40)),
        ),
    ),
    Restaurant(
        id="hanami",
        name="Hanami",
        kitchen="Japanese",
        quarter="Harbour",
        opens=time(12),
        closes=time(22),
        a_head=_euros(40),
        closed=frozenset({_TUESDAY}),
        tables=(
            DiningTable(id="bar", name="Two at the bar", seats=2),
            DiningTable(id="tatami", name="Tatami room", seats=6, deposit=_euros(30)),
        ),
    ),
    Restaurant(
        id="anker",
        name="Zum Anker",
        kitchen="Fish",
        quarter="Harbour",
        opens=time(11, 30),
        closes=time(23),
        a_head=_euros(36),
        tables=(
            DiningTable(id="deck", name="On deck", seats=4),
            DiningTable(id="cabin", name="In the cabin", seats=6),
            DiningTable(id="hold", name="The whole hold", seats=20, deposit=_euros(200)),
        ),
    ),
)
