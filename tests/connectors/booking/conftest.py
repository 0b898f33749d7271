"""Booking sites behind the one port, each with its own line to trouble, over the town's one book of reservations."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from haloop.connectors.booking.resy import ResyBooking, resy_booking
from haloop.connectors.booking.resy_logins import ResyLogin, ResyLogins, Venue
from haloop.connectors.booking.town import TownBooking, town_booking
from haloop.connectors.profiles import Profiles
from haloop.kernel.connector import Connector, Connectors
from haloop.kernel.desk import Call
from haloop.kernel.operation import Queryable
from haloop.ports.booking import Booked, Table, TableWish
from haloop.testing.clock import MovableClock
from haloop.town.line import Line
from haloop.town.resy_counter import VENUES
from haloop.town.street import Town

WISH = TableWish(place="Luigi", party=2, at=datetime(2027, 1, 15, 18, tzinfo=UTC))
ODILE = WISH.model_copy(update={"place": "Odile"})
CALL = Call(key="f" * 40, account="acc", deadline=0, live=False)
SHORT = timedelta(milliseconds=50)
"""Because whoever is slow is really waited for."""


@dataclass(kw_only=True)
class Tried:
    """A booking site, and what can be done to it from outside."""

    site: TownBooking | ResyBooking
    connector: Connector
    line: Line
    booking: str
    """The one request that reserves."""
    cancelling: Callable[[Booked], str]

    async def a_table(self, wish: TableWish = WISH) -> Table:
        return (await self.site.find(CALL.account, wish))[0]

    async def a_reservation(self) -> Booked:
        booked = await self.site.reserve(await self.a_table(), CALL)
        assert isinstance(booked, Booked), booked
        return booked

    async def looked_up(self, operation: str, argument: object) -> object:
        how = Connectors([self.connector]).effect(operation)[1].rules.recovery
        assert isinstance(how, Queryable)
        return await how.lookup(self.site, argument, CALL)


def a_login(town: Town, household: str = CALL.account) -> ResyLogin:
    """A household that has signed in at the town's likeness of Resy, and eats everywhere."""
    venues = tuple(Venue(name=venue.name, id=id_) for id_, venue in VENUES.items())
    return ResyLogin(api_key="haloop", token=town.resy_counter.sign_in(household), venues=venues)


@pytest.fixture
def logins(tmp_path: Path) -> ResyLogins:
    return ResyLogins(Profiles(tmp_path / "shops"), "resy-in-town")


@pytest.fixture
async def at_the_town(town: Town) -> AsyncIterator[Tried]:
    async with TownBooking.opened(town.booking_address) as site:
        yield Tried(
            site=site,
            connector=town_booking(site),
            line=town.booking_line,
            booking="POST /reservations",
            cancelling=lambda booked: f"POST /reservations/{booked.reference}/cancel",
        )


@pytest.fixture
async def at_resy(town: Town, logins: ResyLogins, clock: MovableClock) -> AsyncIterator[Tried]:
    logins.keep(CALL.account, a_login(town))
    async with ResyBooking.opened(logins, town_address=town.resy_address, clock=clock) as site:
        yield Tried(
            site=site,
            connector=resy_booking(site, practice=True),
            line=town.resy_line,
            booking="POST /3/book",
            cancelling=lambda _: "POST /3/cancel",
        )


@pytest.fixture(params=["town", "resy"])
def tried(request: pytest.FixtureRequest) -> Tried:
    """Each site in turn."""
    site = request.getfixturevalue("at_resy" if request.param == "resy" else "at_the_town")
    assert isinstance(site, Tried)
    return site
