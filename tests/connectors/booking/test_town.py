"""What is the town's own booking site's alone: keys under which the same request is the same act."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from haloop.connectors.booking.town import DEADLINE, TownBooking
from haloop.connectors.town_site import TIMEOUT
from haloop.kernel.connector import Connectors
from haloop.kernel.desk import NotDone, Permanent, Transient, Why
from haloop.kernel.operation import Idempotent, Queryable
from haloop.ports.booking import Booked, Cancelled
from haloop.testing.clock import MovableClock
from haloop.town.line import Trouble
from haloop.town.street import Town
from tests.connectors.booking.conftest import CALL, SHORT, WISH, Tried

CANCELLING = replace(CALL, key="c" * 40)


@pytest.fixture
async def site(town: Town) -> AsyncIterator[TownBooking]:
    async with TownBooking.opened(town.booking_address) as site:
        yield site


async def a_reservation(site: TownBooking) -> Booked:
    booked = await site.reserve((await site.find(CALL.account, WISH))[0], CALL)
    assert isinstance(booked, Booked)
    return booked


async def test_nothing_free_is_an_answer(site: TownBooking) -> None:
    """An empty list is not a failure."""
    assert await site.find(CALL.account, WISH.model_copy(update={"place": "nowhere"})) == []


async def test_a_slow_search_is_given_up(town: Town) -> None:
    """Nobody waits for ever."""
    town.booking_line.troubles.append(Trouble.SLOW)
    async with TownBooking.opened(town.booking_address, patience=SHORT) as site:
        with pytest.raises(Transient):
            await site.find(CALL.account, WISH)


async def test_a_site_that_is_not_there_may_come_back(clock: MovableClock) -> None:
    """Nobody listens at that address now."""
    async with TownBooking.opened("http://127.0.0.1:9") as site:
        with pytest.raises(Transient):
            await site.find(CALL.account, WISH)


async def test_an_address_that_is_no_booking_site_never_will_be_one(town: Town) -> None:
    """What is not found there is not looked for again."""
    async with TownBooking.opened(f"{town.booking_address}/elsewhere") as site:
        with pytest.raises(Permanent):
            await site.find(CALL.account, WISH)


async def test_a_reservation_remembers_its_key(site: TownBooking, town: Town) -> None:
    """The reference and the key are those of the book."""
    booked = await a_reservation(site)

    (line,) = town.book.of()
    assert (booked.reference, CALL.key) == (line.reference, line.key)


async def test_the_same_key_is_the_same_cancelling(site: TownBooking) -> None:
    """However often it is sent."""
    booked = await a_reservation(site)

    first, second = await site.cancel(booked, CANCELLING), await site.cancel(booked, CANCELLING)

    assert first == second == Cancelled(reference=booked.reference)


async def test_too_late_is_a_no(site: TownBooking, clock: MovableClock) -> None:
    """Shortly before dinner the restaurant keeps the reservation."""
    booked = await a_reservation(site)
    clock.move(timedelta(hours=9))

    refused = await site.cancel(booked, CANCELLING)

    assert isinstance(refused, NotDone)
    assert (refused.why, refused.code) == (Why.DECLINED, "booking.too_late")


async def test_the_connector_says_how_the_unknown_is_cleared_up(at_the_town: Tried) -> None:
    """Reserving is looked up, cancelling is sent again, and both give up before the engine does."""
    connectors = Connectors([at_the_town.connector])
    reserving, cancelling = (connectors.effect(name)[1].rules for name in ("Booking.reserve", "Booking.cancel"))

    assert isinstance(reserving.recovery, Queryable)
    assert isinstance(cancelling.recovery, Idempotent)
    assert 4 * TIMEOUT < min(reserving.deadline, cancelling.deadline) == DEADLINE
