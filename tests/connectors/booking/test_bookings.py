"""What every booking site keeps to behind the port, whichever it is: the restaurants' own book is the judge."""

import asyncio
from dataclasses import replace

import pytest
from httpx2 import HTTPError
from pydantic import ValidationError

from haloop.kernel.connector import Connectors
from haloop.kernel.desk import Absent, Found, Malformed, NotDone, RateLimited, Transient, Why
from haloop.kernel.failure import StepFault
from haloop.kernel.money import Money
from haloop.kernel.operation import Queryable
from haloop.ports.booking import Booking, Cancelled
from haloop.town.line import RETRY_AFTER_SECONDS, Trouble
from haloop.town.street import Town
from tests.connectors.booking.conftest import CALL, ODILE, WISH, Tried

CANCELLING = replace(CALL, key="c" * 40)
DONE = [(Trouble.REPLY_LOST, 1), (Trouble.ERROR_AFTER, 1), (Trouble.GARBAGE, 1)]
NOT_DONE = [(Trouble.REQUEST_LOST, 0), (Trouble.BUSY, 0), (Trouble.RATE_LIMITED, 0)]


async def test_a_table_is_found_as_the_site_offers_it(tried: Tried) -> None:
    """A person reads what the restaurant says: its own time, what a dinner costs, and what it wants beforehand."""
    table, dear = await tried.a_table(), await tried.a_table(ODILE)

    assert (table.restaurant, table.name, table.party) == ("Trattoria Luigi", "Window table", 2)
    assert table.at.isoformat() == "2027-01-15T19:00:00+01:00"
    assert table.estimate == Money(minor=6400, currency="EUR")
    assert table.payment is None
    assert str(dear.payment).startswith("a deposit of 20")


async def test_the_nearest_table_comes_first(tried: Tried) -> None:
    """There are enough to choose three from, none of them hours away."""
    apart = [abs(table.at - WISH.at) for table in await tried.site.find(CALL.account, WISH)]
    assert apart == sorted(apart)
    assert len(set(apart)) >= 3


async def test_nothing_is_paid_for_a_table(tried: Tried, town: Town) -> None:
    """One that takes a deposit is not reserved, and the site is not even asked."""
    table = await tried.a_table(ODILE)
    tried.line.requests.clear()

    refused = await tried.site.reserve(table, CALL)

    assert isinstance(refused, NotDone)
    assert (refused.why, refused.code) == (Why.DECLINED, "booking.payment")
    assert (town.book.of(), tried.line.requests) == ([], [])


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
    tried: Tried, trouble: Trouble, fault: type[StepFault]
) -> None:
    """Each trouble has its class, and the next search is well again."""
    tried.line.troubles.append(trouble)

    with pytest.raises(fault) as told:
        await tried.site.find(CALL.account, WISH)
    assert getattr(told.value, "after_seconds", RETRY_AFTER_SECONDS) == RETRY_AFTER_SECONDS
    assert await tried.site.find(CALL.account, WISH)


async def test_a_table_is_reserved_and_held(tried: Tried, town: Town) -> None:
    """It stands once in the book, free of charge, and among what the household holds."""
    booked = await tried.a_reservation()

    (line,) = town.book.of()
    assert (line.guest, line.restaurant, line.at, line.party) == (
        CALL.account,
        booked.restaurant,
        booked.at,
        booked.party,
    )
    assert booked.charged is line.charged is None
    assert await tried.site.held(CALL.account) == [booked]


async def test_a_table_that_is_gone_is_not_reserved(tried: Tried, town: Town) -> None:
    """Somebody was quicker: it is no longer what the person saw."""
    table = await tried.a_table()
    town.book.walk_in("luigi/window/2027-01-15T19:00+01:00/2/0")

    refused = await tried.site.reserve(table, CALL)

    assert isinstance(refused, NotDone)
    assert refused.why is Why.DRIFTED
    assert "This table is not free any more." in refused.sentence


async def test_a_guest_who_is_turned_away_is_told(tried: Tried, town: Town) -> None:
    """A clear no is no mystery."""
    town.book.turn_away(CALL.account)

    assert isinstance(await tried.site.reserve(await tried.a_table(), CALL), NotDone)
    assert town.book.of() == []


async def test_nobody_sits_at_two_tables(tried: Tried, town: Town) -> None:
    """What the household has there on that day already, by whatever way, is not reserved a second time."""
    await tried.a_reservation()
    other = (await tried.site.find(CALL.account, WISH))[-1]

    refused = await tried.site.reserve(other, replace(CALL, key="e" * 40))

    assert isinstance(refused, NotDone)
    assert (refused.why, refused.code) == (Why.ALREADY, "booking.already_reserved")
    assert len(town.book.of()) == 1


@pytest.mark.parametrize(("trouble", "done"), [*NOT_DONE, *DONE])
async def test_no_clear_answer_is_never_taken_for_one(tried: Tried, town: Town, trouble: Trouble, done: int) -> None:
    """Whatever is neither a reservation nor a no raises, is not sent again, and a look clears it up."""
    table = await tried.a_table()
    tried.line.awaiting[tried.booking] = trouble

    with pytest.raises((HTTPError, ValidationError)):
        await tried.site.reserve(table, CALL)
    found = await tried.looked_up("Booking.reserve", table)

    assert tried.line.requests.count(tried.booking) == 1
    assert len(town.book.of()) == done
    assert isinstance(found, Found if done else Absent)


async def test_a_slow_reservation_is_found_once_it_arrived(tried: Tried) -> None:
    """It is absent until the restaurant has it, which is why an absence counts only later."""
    table = await tried.a_table()
    tried.line.awaiting[tried.booking] = Trouble.SLOW
    sending = asyncio.create_task(tried.site.reserve(table, CALL))
    await tried.line.is_holding.wait()
    sending.cancel()

    before = await tried.looked_up("Booking.reserve", table)
    await tried.line.let_go()

    assert before == Absent()
    assert isinstance(await tried.looked_up("Booking.reserve", table), Found)


@pytest.mark.parametrize("trouble", [Trouble.BUSY, Trouble.REPLY_LOST, Trouble.GARBAGE])
async def test_a_lookup_that_fails_has_told_nothing(tried: Tried, trouble: Trouble) -> None:
    """It is neither found nor absent."""
    table = await tried.a_table()
    await tried.site.reserve(table, CALL)
    tried.line.troubles.append(trouble)

    with pytest.raises((HTTPError, ValidationError, StepFault)):
        await tried.looked_up("Booking.reserve", table)


async def test_what_is_looked_up_is_what_was_answered(tried: Tried) -> None:
    """A receipt reads the same whichever way it was come by."""
    table = await tried.a_table()
    booked = await tried.site.reserve(table, CALL)

    assert await tried.looked_up("Booking.reserve", table) == Found(result=booked)


async def test_a_reservation_is_cancelled(tried: Tried, town: Town) -> None:
    """The table is free again; to cancel it once more, under another key, changes nothing."""
    booked = await tried.a_reservation()

    first = await tried.site.cancel(booked, CANCELLING)
    again = await tried.site.cancel(booked, replace(CALL, key="d" * 40))

    assert first == Cancelled(reference=booked.reference)
    assert isinstance(again, NotDone)
    assert again.why is Why.ALREADY
    assert [line.cancelled for line in town.book.of()] == [True]


async def test_what_nobody_reserved_cannot_be_cancelled(tried: Tried) -> None:
    """The site knows of no such reservation."""
    booked = await tried.a_reservation()

    refused = await tried.site.cancel(booked.model_copy(update={"reference": "9999"}), CANCELLING)

    assert isinstance(refused, NotDone)
    assert refused.code == "booking.unknown_reservation"


async def test_a_cancelling_that_nobody_heard_of_is_cleared_up(tried: Tried, town: Town) -> None:
    """By sending the same key again, or by looking: whichever the site allows."""
    booked = await tried.a_reservation()
    tried.line.awaiting[tried.cancelling(booked)] = Trouble.REPLY_LOST
    with pytest.raises(HTTPError):
        await tried.site.cancel(booked, CANCELLING)

    how = Connectors([tried.connector]).effect("Booking.cancel")[1].rules.recovery
    found = (
        await how.lookup(tried.site, booked, CANCELLING)
        if isinstance(how, Queryable)
        else Found(result=await tried.site.cancel(booked, CANCELLING))
    )

    assert found == Found(result=Cancelled(reference=booked.reference))
    assert [line.cancelled for line in town.book.of()] == [True]


async def test_the_practice_world_stays_on_this_machine(tried: Tried) -> None:
    """It is said on every card, and the site answers when it is asked how it is."""
    assert (tried.connector.live, tried.connector.leaves) == (False, False)
    assert tried.connector.check is not None
    await tried.connector.check()


def test_the_connector_is_a_booking(tried: Tried) -> None:
    """It offers what the port asks for, by type."""
    speaks: Booking = tried.site
    assert speaks is tried.site
