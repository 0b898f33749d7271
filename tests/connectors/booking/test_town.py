"""The connector to the town's booking site, against the real site: every trouble of the line, in its words."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from httpx2 import HTTPError, HTTPStatusError
from pydantic import ValidationError

from haloop.connectors.booking.town import DEADLINE, TIMEOUT, TownBooking, town_booking
from haloop.kernel.connector import Connectors
from haloop.kernel.desk import Absent, Call, Found, Malformed, NotDone, Permanent, RateLimited, Transient, Why
from haloop.kernel.failure import StepFault
from haloop.kernel.money import Money
from haloop.kernel.operation import Idempotent, Queryable
from haloop.ports.booking import Booked, Booking, Cancelled, Table, TableWish
from haloop.testing.clock import MovableClock
from haloop.town.line import RETRY_AFTER_SECONDS, Trouble
from haloop.town.street import Town

WISH = TableWish(place="Odile", party=2, at=datetime(2027, 1, 15, 18, tzinfo=UTC))
CALL = Call(key="f" * 40, account="acc", deadline=0, live=False)
CANCELLING = replace(CALL, key="c" * 40)
SHORT = timedelta(milliseconds=50)
"""Because whoever is slow is really waited for."""


@pytest.fixture
async def site(town: Town) -> AsyncIterator[TownBooking]:
    async with TownBooking.opened(town.booking_address) as site:
        yield site


async def a_table(site: TownBooking) -> Table:
    return (await site.find(WISH))[0]


async def a_reservation(site: TownBooking) -> Booked:
    booked = await site.reserve(await a_table(site), CALL)
    assert isinstance(booked, Booked)
    return booked


async def looked_up(site: TownBooking, table: Table) -> object:
    how = Connectors([town_booking(site)]).effect("Booking.reserve")[1].rules.recovery
    assert isinstance(how, Queryable)
    return await how.lookup(site, table, CALL)


async def test_a_table_is_found_as_the_site_offers_it(site: TownBooking) -> None:
    """A person reads what the restaurant says: its own time, and the deposit."""
    table = await a_table(site)

    assert (table.restaurant, table.name, table.party) == ("Chez Odile", "In the salon", 2)
    assert table.at.isoformat() == "2027-01-15T19:00:00+01:00"
    assert table.deposit == Money(minor=2000, currency="EUR")


async def test_nothing_free_is_an_answer(site: TownBooking) -> None:
    """An empty list is not a failure."""
    assert await site.find(WISH.model_copy(update={"place": "nowhere"})) == []


@pytest.mark.parametrize(
    ("trouble", "fault"),
    [
        (Trouble.REQUEST_LOST, Transient),
        (Trouble.REPLY_LOST, Transient),
        (Trouble.BUSY, Transient),
        (Trouble.ERROR_AFTER, Transient),
        (Trouble.RATE_LIMITED, RateLimited),
        (Trouble.GARBAGE, Malformed),
    ],
)
async def test_a_search_that_fails_says_whether_to_try_again(
    town: Town, site: TownBooking, trouble: Trouble, fault: type[StepFault]
) -> None:
    """Each trouble has its class, and the next search is well again."""
    town.booking_line.troubles.append(trouble)

    with pytest.raises(fault):
        await site.find(WISH)
    assert await site.find(WISH)


async def test_a_slow_search_is_given_up(town: Town) -> None:
    """Nobody waits for ever."""
    town.booking_line.troubles.append(Trouble.SLOW)
    async with TownBooking.opened(town.booking_address, patience=SHORT) as site:
        with pytest.raises(Transient):
            await site.find(WISH)


async def test_the_site_is_asked_again_when_it_says(town: Town, site: TownBooking) -> None:
    """Whoever is told to wait knows how long."""
    town.booking_line.troubles.append(Trouble.RATE_LIMITED)

    with pytest.raises(RateLimited) as told:
        await site.find(WISH)
    assert told.value.after_seconds == RETRY_AFTER_SECONDS


async def test_a_site_that_is_not_there_may_come_back(clock: MovableClock) -> None:
    """Nobody listens at that address now."""
    async with TownBooking.opened("http://127.0.0.1:9") as site:
        with pytest.raises(Transient):
            await site.find(WISH)


async def test_an_address_that_is_no_booking_site_never_will_be_one(town: Town) -> None:
    """What is not found there is not looked for again."""
    async with TownBooking.opened(f"{town.booking_address}/elsewhere") as site:
        with pytest.raises(Permanent):
            await site.find(WISH)


async def test_a_table_is_reserved_in_the_sites_own_words(town: Town, site: TownBooking) -> None:
    """The reference, the time and what was charged are the site's."""
    booked = await a_reservation(site)

    (line,) = town.book.of()
    assert (booked.reference, booked.restaurant, booked.at) == (line.reference, line.restaurant, line.at)
    assert booked.charged == line.charged == Money(minor=2000, currency="EUR")
    assert line.key == CALL.key


async def test_a_table_that_is_gone_is_not_reserved(town: Town, site: TownBooking) -> None:
    """Somebody was quicker: it is no longer what the person saw."""
    table = await a_table(site)
    town.book.walk_in(table.slot)

    refused = await site.reserve(table, CALL)

    assert refused == NotDone(why=Why.DRIFTED, code="booking.slot_gone", sentence="This table is not free any more.")


async def test_a_guest_who_is_turned_away_is_told(town: Town, site: TownBooking) -> None:
    """A clear no is no mystery."""
    town.book.turn_away(CALL.account)

    refused = await site.reserve(await a_table(site), CALL)

    assert isinstance(refused, NotDone)
    assert (refused.why, refused.code) == (Why.DECLINED, "booking.declined")


@pytest.mark.parametrize(
    ("trouble", "done"),
    [
        (Trouble.REQUEST_LOST, 0),
        (Trouble.BUSY, 0),
        (Trouble.RATE_LIMITED, 0),
        (Trouble.REPLY_LOST, 1),
        (Trouble.ERROR_AFTER, 1),
        (Trouble.GARBAGE, 1),
    ],
)
async def test_no_clear_answer_is_never_taken_for_one(
    town: Town, site: TownBooking, trouble: Trouble, done: int
) -> None:
    """Whatever is neither a reservation nor a no raises, is not sent again, and a look into the book clears it up."""
    table = await a_table(site)
    town.booking_line.troubles.append(trouble)

    with pytest.raises((HTTPError, ValidationError)):
        await site.reserve(table, CALL)
    found = await looked_up(site, table)

    assert town.booking_line.requests.count("POST /reservations") == 1
    assert len(town.book.of()) == done
    assert isinstance(found, Found if done else Absent)


async def test_a_slow_reservation_is_found_once_it_arrived(town: Town, site: TownBooking) -> None:
    """It is absent until the restaurant has it, which is why an absence counts only later."""
    table = await a_table(site)
    town.booking_line.troubles.append(Trouble.SLOW)
    sending = asyncio.create_task(site.reserve(table, CALL))
    await town.booking_line.is_holding.wait()
    sending.cancel()

    before = await looked_up(site, table)
    await town.booking_line.let_go()

    assert before == Absent()
    assert isinstance(await looked_up(site, table), Found)


@pytest.mark.parametrize(
    ("trouble", "fault"),
    [(Trouble.BUSY, HTTPStatusError), (Trouble.REPLY_LOST, HTTPError), (Trouble.GARBAGE, ValidationError)],
)
async def test_a_lookup_that_fails_has_told_nothing(
    town: Town, site: TownBooking, trouble: Trouble, fault: type[Exception]
) -> None:
    """It is neither found nor absent."""
    table = await a_table(site)
    await site.reserve(table, CALL)
    town.booking_line.troubles.append(trouble)

    with pytest.raises(fault):
        await looked_up(site, table)


async def test_what_is_looked_up_is_what_was_answered(site: TownBooking) -> None:
    """A receipt reads the same whichever way it was come by."""
    booked = await a_reservation(site)

    assert await looked_up(site, await a_table(site)) == Found(result=booked)


async def test_a_reservation_is_cancelled_once(town: Town, site: TownBooking) -> None:
    """The same key is the same cancelling; another finds that it was so already."""
    booked = await a_reservation(site)

    first, second = await site.cancel(booked, CANCELLING), await site.cancel(booked, CANCELLING)
    other = await site.cancel(booked, replace(CALL, key="d" * 40))

    assert first == second == Cancelled(reference=booked.reference, refunded=Money(minor=2000, currency="EUR"))
    assert isinstance(other, NotDone)
    assert other.why is Why.ALREADY
    assert [line.cancelled for line in town.book.of()] == [True]


async def test_too_late_is_a_no(site: TownBooking, clock: MovableClock) -> None:
    """Shortly before dinner the restaurant keeps the reservation."""
    booked = await a_reservation(site)
    clock.move(timedelta(hours=9))

    refused = await site.cancel(booked, CANCELLING)

    assert isinstance(refused, NotDone)
    assert (refused.why, refused.code) == (Why.DECLINED, "booking.too_late")


async def test_what_nobody_reserved_cannot_be_cancelled(site: TownBooking) -> None:
    """The site knows of no such reservation."""
    booked = await a_reservation(site)

    refused = await site.cancel(booked.model_copy(update={"reference": "R9999"}), CANCELLING)

    assert isinstance(refused, NotDone)
    assert refused.code == "booking.unknown_reservation"


async def test_a_cancelling_whose_answer_was_lost_is_sent_again(town: Town, site: TownBooking) -> None:
    """Under the same key it is answered as it was the first time."""
    booked = await a_reservation(site)
    town.booking_line.troubles.append(Trouble.REPLY_LOST)
    with pytest.raises(HTTPError):
        await site.cancel(booked, CANCELLING)

    assert isinstance(await site.cancel(booked, CANCELLING), Cancelled)


async def test_the_connector_says_how_the_unknown_is_cleared_up(site: TownBooking) -> None:
    """Reserving is looked up, cancelling is sent again, and both give up before the engine does."""
    connectors = Connectors([town_booking(site)])
    reserving, cancelling = (connectors.effect(name)[1].rules for name in ("Booking.reserve", "Booking.cancel"))

    assert isinstance(reserving.recovery, Queryable)
    assert isinstance(cancelling.recovery, Idempotent)
    assert 4 * TIMEOUT < min(reserving.deadline, cancelling.deadline) == DEADLINE


def test_the_connector_is_a_booking(site: TownBooking) -> None:
    """It offers what the port asks for, by type."""
    speaks: Booking = site
    assert speaks is site
