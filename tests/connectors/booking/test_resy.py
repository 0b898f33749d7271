"""What is Resy's alone: sign-ins that end, deposits that come late, and no key under which twice would be once."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from haloop.connectors.booking.resy import ADDRESS, DEADLINE, SECONDS, ResyBooking, resy_booking
from haloop.connectors.booking.resy_logins import ResyLogin, ResyLogins
from haloop.connectors.egress import Blocked, Way, open_way, require_reachable
from haloop.desks.errands.book_table import book_table
from haloop.desks.errands.desk import ERRANDS
from haloop.kernel.clock import as_datetime
from haloop.kernel.connector import Connectors
from haloop.kernel.desk import NotDone, Permanent, Transient, Unknown, Why
from haloop.kernel.fact import EffectHappened
from haloop.kernel.gate import Verdict
from haloop.kernel.money import Money
from haloop.kernel.operation import Queryable
from haloop.testing.clock import MovableClock
from haloop.testing.fixtures import OpenPractice
from haloop.testing.practice import Practice
from haloop.town.line import Trouble
from haloop.town.resy_counter import SIGNED_IN_FOR
from haloop.town.street import Town
from tests.connectors.booking.conftest import CALL, SHORT, WISH, Tried, a_login


async def test_a_household_that_never_signed_in_is_told_how(at_resy: Tried) -> None:
    """Nobody else's sign-in is used for it."""
    with pytest.raises(Permanent, match="haloop connect resy --account other"):
        await at_resy.site.find("other", WISH)
    assert at_resy.line.requests == []


async def test_a_sign_in_that_has_expired_says_what_to_do(at_resy: Tried, clock: MovableClock) -> None:
    """It is not tried again, because that would help nobody."""
    clock.move(SIGNED_IN_FOR + timedelta(seconds=1))

    with pytest.raises(Permanent, match=r"its token has expired\. Sign in with: haloop connect resy --account acc"):
        await at_resy.site.find(CALL.account, WISH)


async def test_a_sign_in_that_ends_before_the_booking_books_nothing(at_resy: Tried, town: Town) -> None:
    """It is a clear no: nothing was sent."""
    table = await at_resy.a_table()
    town.resy_counter.sign_out(CALL.account)

    refused = await at_resy.site.reserve(table, CALL)

    assert isinstance(refused, NotDone)
    assert refused.code == "booking.not_sent"
    assert "haloop connect resy" in refused.sentence
    assert "POST /3/book" not in at_resy.line.requests


async def test_two_bookings_at_once_are_not_two_tables_of_one_evening(at_resy: Tried, town: Town) -> None:
    """Each looks whether there is one already; the second looks after the first has booked."""
    tables = await at_resy.site.find(CALL.account, WISH)
    both = [at_resy.site.reserve(table, CALL) for table in (tables[0], tables[-1])]

    outcomes = await asyncio.gather(*both)

    assert len(await at_resy.site.held(CALL.account)) == 1
    assert [one.code for one in outcomes if isinstance(one, NotDone)] == ["booking.already_reserved"]


async def test_once_its_time_has_come_nothing_is_concluded_from_a_list_of_what_is_to_come(
    at_resy: Tried, clock: MovableClock, logins: ResyLogins, town: Town
) -> None:
    """It may have been booked, or cancelled, or neither: whoever was there knows."""
    booked, table = await at_resy.a_reservation(), await at_resy.a_table()
    clock.move(booked.at - as_datetime(clock.read().wall))
    logins.keep(CALL.account, a_login(town))

    assert isinstance(await at_resy.looked_up("Booking.cancel", booked), Unknown)
    assert isinstance(await at_resy.looked_up("Booking.reserve", table), Unknown)


async def test_what_one_household_is_told_to_remember_no_other_says() -> None:
    """One client serves them all, so it keeps no cookie."""
    answer = httpx2.Response(200, headers={"set-cookie": "sid=ana"}, request=httpx2.Request("GET", ADDRESS))
    async with open_way(Way(purpose="a trial", hosts=frozenset())) as http:
        http.cookies.extract_cookies(answer)
        assert not http.cookies


async def test_a_deposit_that_comes_late_is_not_paid(at_resy: Tried, town: Town) -> None:
    """The slot was free of charge when it was shown; right before booking it no longer is, and nothing is booked."""
    table = await at_resy.a_table()
    town.resy_counter.late_deposit = Money(minor=2500, currency="EUR")

    refused = await at_resy.site.reserve(table, CALL)

    assert isinstance(refused, NotDone)
    assert (refused.why, refused.code) == (Why.DECLINED, "booking.payment")
    assert "a payment of 25" in refused.sentence
    assert "POST /3/book" not in at_resy.line.requests


@pytest.mark.parametrize("path", ["/3/user/reservations", "/3/details"])
@pytest.mark.parametrize("trouble", [Trouble.REPLY_LOST, Trouble.BUSY, Trouble.GARBAGE])
async def test_what_fails_before_the_booking_is_a_clear_no(at_resy: Tried, path: str, trouble: Trouble) -> None:
    """Nothing that books has left the house, so nothing is uncertain."""
    table = await at_resy.a_table()
    at_resy.line.awaiting[f"GET {path}"] = trouble

    refused = await at_resy.site.reserve(table, CALL)

    assert isinstance(refused, NotDone)
    assert refused.code == "booking.not_sent"
    assert "POST /3/book" not in at_resy.line.requests


@pytest.mark.parametrize(
    ("place", "area", "why"),
    [("Nowhere", None, "Known: Trattoria Luigi"), (None, "Harbour", "by name and not by their part of town")],
)
async def test_only_restaurants_that_were_named_are_asked_for(
    at_resy: Tried, place: str | None, area: str | None, why: str
) -> None:
    """What is not known is said, and not looked for in vain."""
    with pytest.raises(Permanent, match=why):
        await at_resy.site.find(CALL.account, WISH.model_copy(update={"place": place, "area": area}))


async def test_without_a_place_all_of_the_households_are_asked(at_resy: Tried) -> None:
    """Its own restaurants are where it eats."""
    found = await at_resy.site.find(CALL.account, WISH.model_copy(update={"place": None}))
    assert {table.restaurant for table in found} == {"Trattoria Luigi", "Chez Odile", "Hanami", "Zum Anker"}


async def test_a_slow_answer_is_given_up(town: Town, logins: ResyLogins) -> None:
    """Nobody waits for ever."""
    logins.keep(CALL.account, a_login(town))
    town.resy_line.troubles.append(Trouble.SLOW)
    async with ResyBooking.opened(logins, town_address=town.resy_address, patience=SHORT) as site:
        with pytest.raises(Transient):
            await site.find(CALL.account, WISH)


async def test_a_sign_in_is_locked_and_its_household_s_alone(tmp_path: Path, town: Town, logins: ResyLogins) -> None:
    """No file shows it, and neither does what a traceback would print."""
    login = a_login(town)
    logins.keep(CALL.account, login)

    kept = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert kept
    assert not any(login.token.encode() in one for one in kept)
    assert login.token not in repr(login)
    assert (logins.read(CALL.account), logins.read("other")) == (login, None)


async def test_the_real_one_is_live_and_goes_nowhere_else(logins: ResyLogins) -> None:
    """Its effects leave this machine, so each takes a passkey; and an unknown outcome is looked up."""
    async with ResyBooking.opened(logins) as site:
        connector = resy_booking(site, practice=False)
    rules = [Connectors([connector]).effect(name)[1].rules for name in ("Booking.reserve", "Booking.cancel")]

    assert (connector.live, connector.leaves) == (True, True)
    assert all(isinstance(one.recovery, Queryable) and one.deadline == DEADLINE for one in rules)
    assert DEADLINE.total_seconds() > 4 * SECONDS
    with pytest.raises(Blocked):
        require_reachable(Way(purpose="booking at Resy", hosts=frozenset({"api.resy.com"})), "https://resy.com/")
    assert ADDRESS == "https://api.resy.com"


async def a_house(open_practice: OpenPractice, logins: ResyLogins, town: Town, site: ResyBooking) -> Practice:
    house = await open_practice(ERRANDS, resy_booking(site, practice=True))
    logins.keep(house.account, a_login(town, house.account))
    return house


async def test_a_crash_between_request_and_reply_leaves_one_reservation(
    open_practice: OpenPractice, logins: ResyLogins, town: Town, tmp_path: Path
) -> None:
    """The process dies while Resy works on it; the next one finds the table, sends nothing, and has told nobody."""
    async with ResyBooking.opened(logins, town_address=town.resy_address) as site:
        house = await a_house(open_practice, logins, town, site)
        ana = await house.person("Ana")
        run = await house.start(book_table.of(WISH))
        town.resy_line.awaiting["POST /3/book"] = Trouble.SLOW
        yes = await house.answer(house.gate_of(run), ana, Verdict.APPROVED)
        await house.engine.decide(house.account, yes)
        await town.resy_line.is_holding.wait()

        house.pull_plug()
        await town.resy_line.let_go()
        await house.crash()
        await house.engine.settled()

        (happened,) = [fact for fact in await house.facts(run) if isinstance(fact, EffectHappened)]
        login = logins.read(house.account)
        assert isinstance(login, ResyLogin)
        assert (happened.found_by, (await house.ended(run)).code) == ("lookup", "done")
        assert town.resy_line.requests.count("POST /3/book") == len(town.book.of()) == 1
        assert not any(login.token.encode() in one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())


async def test_a_run_without_a_sign_in_ends_with_what_to_do(
    open_practice: OpenPractice, logins: ResyLogins, town: Town
) -> None:
    """Whoever asked reads the command; nobody is asked for a yes."""
    async with ResyBooking.opened(logins, town_address=town.resy_address) as site:
        house = await a_house(open_practice, logins, town, site)
        town.resy_counter.sign_out(house.account)

        run = await house.start(book_table.of(WISH))

        ended = await house.ended(run)
        assert ended.code == "booking.unreachable"
        assert f"haloop connect resy --account {house.account}" in ended.reason
