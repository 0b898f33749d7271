"""A table for two: asked for, shown, approved, reserved once, and proved. The restaurant's own book is the judge."""

from datetime import UTC, datetime, timedelta

import pytest

from haloop.connectors.booking.town import DEADLINE, SETTLED_AFTER, TownBooking, town_booking
from haloop.desks.errands.book_table import TableDraft, book_table
from haloop.kernel.canonical import Canonical
from haloop.kernel.desk import Approved, Desk, NotDone, Receipt, Run, procedure
from haloop.kernel.errors import AnswerRefused
from haloop.kernel.fact import EffectHappened, EffectNotDone, GateRevised
from haloop.kernel.gate import Verdict
from haloop.kernel.ids import RunId
from haloop.kernel.money import Money
from haloop.ports.booking import Booked, Booking, Cancelled, TableWish
from haloop.testing.fixtures import OpenPractice
from haloop.testing.practice import Practice
from haloop.town.line import Trouble
from haloop.town.reservations import Reservation
from haloop.town.street import Town

WISH = TableWish(place="Old Town", party=2, at=datetime(2027, 1, 15, 18, tzinfo=UTC))
ODILE = WISH.model_copy(update={"place": "Odile"})


async def drafted(house: Practice, run: RunId) -> TableDraft:
    """What a person is shown now."""
    draft = (await house.view(house.gate_of(run))).draft
    assert isinstance(draft, TableDraft)
    return draft


async def effect_shown(house: Practice, run: RunId) -> dict[str, Canonical]:
    """The card's line on the one thing that would happen."""
    match (await house.view(house.gate_of(run))).card:
        case {"effects": [dict(line)]}:
            return line
    raise LookupError("There is not one effect on the card.")


async def outcome(house: Practice, run: RunId) -> EffectHappened | EffectNotDone:
    """How the reservation ended, by the ledger."""
    (fact,) = [one for one in await house.facts(run) if isinstance(one, EffectHappened | EffectNotDone)]
    return fact


def booked(town: Town) -> list[Reservation]:
    return [line for line in town.book.of() if not line.cancelled]


async def test_nothing_is_reserved_before_a_yes(house: Practice, town: Town) -> None:
    """A person is shown the tables, that nobody is paid, and what a dinner costs; the restaurant hears nothing yet."""
    await house.person("Ana")

    run = await house.start(book_table.of(WISH))

    draft, shown = await drafted(house, run), await effect_shown(house, run)
    assert [table.restaurant for table in draft.options] == ["Trattoria Luigi"] * 3
    assert [table.estimate for table in draft.options] == [Money(minor=6400, currency="EUR")] * 3
    assert (draft.reserve.cost_max, shown["payee"], shown["undo"]) == (None, None, "Booking.cancel")
    assert town.booking_line.requests == ["GET /availability", "GET /reservations"]


async def test_a_table_is_reserved_once_after_a_yes(house: Practice, town: Town) -> None:
    """The receipt has the restaurant's own reference, and its book has one line."""
    ana = await house.person("Ana")
    run = await house.start(book_table.of(WISH))

    await house.yes(run, ana)

    (line,) = booked(town)
    happened = await outcome(house, run)
    assert (await house.ended(run)).code == "done"
    assert isinstance(happened, EffectHappened)
    assert happened.result == {
        "reference": line.reference,
        "restaurant": "Trattoria Luigi",
        "at": "2027-01-15T19:00:00+01:00",
        "party": 2,
        "charged": None,
    }


async def test_another_of_the_options_is_reserved_instead(house: Practice, town: Town) -> None:
    """A person picks another table; the draft is shown anew, and that table is reserved."""
    ana = await house.person("Ana")
    run = await house.start(book_table.of(WISH))
    other = (await drafted(house, run)).options[1]

    await house.change(run, ana, {"slot": other.slot})
    revised = await drafted(house, run)
    await house.yes(run, ana)

    assert revised.reserve.argument == other
    assert [line.slot for line in booked(town)] == [other.slot]


async def test_a_table_that_is_no_option_is_not_offered(house: Practice, town: Town) -> None:
    """A change to something else says so and leaves the draft as it was."""
    ana = await house.person("Ana")
    run = await house.start(book_table.of(WISH))
    before = await drafted(house, run)

    await house.change(run, ana, {"slot": "luigi/long/2027-01-15T19:00+01:00/8/0"})

    (revised,) = [fact for fact in await house.facts(run) if isinstance(fact, GateRevised)]
    assert revised.problem == "This table is not among the options."
    assert (await drafted(house, run)).reserve.argument == before.reserve.argument


async def test_a_change_of_something_else_is_refused(house: Practice) -> None:
    """Only the table can be changed."""
    ana = await house.person("Ana")
    run = await house.start(book_table.of(WISH))

    with pytest.raises(AnswerRefused):
        await house.change(run, ana, {"cost_max": 0})


async def test_a_no_reserves_nothing(house: Practice, town: Town) -> None:
    """The run ends with the reason that was given."""
    ana = await house.person("Ana")
    run = await house.start(book_table.of(WISH))

    await house.no(run, ana, "Let us cook.")

    assert (await house.ended(run)).reason == "Let us cook."
    assert booked(town) == []


async def test_nobody_is_asked_about_a_dinner_that_is_over(house: Practice, town: Town) -> None:
    """When the last of the tables' times has come, no answer means no."""
    await house.person("Ana")
    run = await house.start(book_table.of(WISH))

    await house.move(timedelta(hours=12))

    assert (await house.kinds(run))[-3:] == ["gate.opened", "gate.expired", "run.ended"]
    assert booked(town) == []


async def test_a_table_that_takes_a_deposit_is_left_to_the_person(house: Practice, town: Town) -> None:
    """It is no option beside others; where there is no other, the run says what is wanted, and asks nobody."""
    run = await house.start(book_table.of(ODILE))

    ended = await house.ended(run)
    assert ended.code == "booking.payment"
    assert "Chez Odile, 19:00, wants a deposit of 20.00 EUR" in ended.reason
    assert await house.kinds(run) == ["run.started", "step.done", "run.ended"]
    assert booked(town) == []


async def test_a_site_that_does_not_answer_ends_the_run_with_that(house: Practice, town: Town) -> None:
    """Nothing was asked of anybody, and whoever wished for it can ask again."""
    town.booking_line.troubles.extend([Trouble.GARBAGE] * 2)

    run = await house.start(book_table.of(WISH))
    await house.move(timedelta(minutes=2))

    ended = await house.ended(run)
    assert ended.code == "booking.unreachable"
    assert "could not be read" in ended.reason


async def test_where_nothing_is_free_nobody_is_asked(house: Practice) -> None:
    """The run ends and says what was looked for in vain."""
    run = await house.start(book_table.of(WISH.model_copy(update={"place": "the moon"})))

    ended = await house.ended(run)
    assert (ended.code, ended.reason) == ("nothing_free", "Nothing is free around that time for 2 at the moon.")
    assert await house.kinds(run) == ["run.started", "step.done", "run.ended"]


async def test_a_table_that_somebody_else_took_is_not_reserved(house: Practice, town: Town) -> None:
    """Between the draft and the yes the table went; nothing is done, and the ledger says why."""
    ana = await house.person("Ana")
    run = await house.start(book_table.of(WISH))
    town.book.walk_in((await drafted(house, run)).options[0].slot)

    await house.yes(run, ana)

    refused = await outcome(house, run)
    assert isinstance(refused, EffectNotDone)
    assert (refused.why, refused.code) == ("drifted", "booking.slot_gone")
    assert booked(town) == []


async def test_a_guest_the_restaurant_does_not_want_is_told(house: Practice, town: Town) -> None:
    """A clear no of the restaurant is a clear end."""
    ana = await house.person("Ana")
    run = await house.start(book_table.of(WISH))
    town.book.turn_away(house.account)

    await house.yes(run, ana)

    refused = await outcome(house, run)
    assert isinstance(refused, EffectNotDone)
    assert (refused.why, refused.code) == ("declined", "booking.declined")


@pytest.mark.parametrize("trouble", [Trouble.REPLY_LOST, Trouble.ERROR_AFTER, Trouble.GARBAGE])
async def test_a_lost_reply_is_looked_up(house: Practice, town: Town, trouble: Trouble) -> None:
    """The restaurant reserved and nobody heard: its book is asked, and nothing is sent again."""
    ana = await house.person("Ana")
    run = await house.start(book_table.of(WISH))
    town.booking_line.troubles.append(trouble)

    await house.yes(run, ana)

    happened = await outcome(house, run)
    assert isinstance(happened, EffectHappened)
    assert happened.found_by == "lookup"
    assert town.booking_line.requests.count("POST /reservations") == len(booked(town)) == 1


async def test_a_request_that_never_arrived_is_absent_only_after_a_while(house: Practice, town: Town) -> None:
    """It stays unknown until the restaurant has certainly settled; then it is not done."""
    ana = await house.person("Ana")
    run = await house.start(book_table.of(WISH))
    town.booking_line.troubles.append(Trouble.REQUEST_LOST)

    await house.yes(run, ana)
    unknown = await house.uncertain(run)
    await house.move(DEADLINE + SETTLED_AFTER)

    absent = await outcome(house, run)
    assert unknown == ["reserve"]
    assert isinstance(absent, EffectNotDone)
    assert (absent.why, booked(town)) == ("settled", [])


async def test_a_crash_in_the_middle_leaves_one_reservation(house: Practice, town: Town) -> None:
    """The process dies while the restaurant works on it; the next process finds the table in its book."""
    ana = await house.person("Ana")
    run = await house.start(book_table.of(WISH))
    town.booking_line.troubles.append(Trouble.SLOW)
    yes = await house.answer(house.gate_of(run), ana, Verdict.APPROVED)
    await house.engine.decide(house.account, yes)
    await town.booking_line.is_holding.wait()

    house.pull_plug()
    await town.booking_line.let_go()
    await house.crash()
    await house.engine.settled()

    assert (await house.ended(run)).code == "done"
    assert town.booking_line.requests.count("POST /reservations") == len(booked(town)) == 1


@procedure(version=1)
async def book_and_think_better_of_it(run: Run, wish: TableWish) -> Receipt[Cancelled] | Receipt[Booked] | NotDone:
    """Reserve the first table, and cancel it under the same yes."""
    tables = await run.step(Booking.find, run.account, wish)
    yes = await run.gate(TableDraft.offer(tables, tables[0]))
    assert isinstance(yes, Approved)
    receipt = await run.effect(yes, yes.draft.reserve)
    return await run.undo(receipt) if isinstance(receipt, Receipt) else receipt


@pytest.mark.parametrize("trouble", [Trouble.NONE, Trouble.REPLY_LOST, Trouble.REQUEST_LOST])
async def test_a_reservation_is_undone_under_the_same_yes(
    open_practice: OpenPractice, town: Town, trouble: Trouble
) -> None:
    """The table is free again, even if the first answer to that was lost."""
    async with TownBooking.opened(town.booking_address) as site:
        desk = Desk("changing-minds", procedures=[book_and_think_better_of_it])
        house = await open_practice(desk, town_booking(site))
        ana = await house.person("Ana")
        run = await house.start(book_and_think_better_of_it.of(WISH))
        town.booking_line.troubles.extend([Trouble.NONE, trouble])

        await house.yes(run, ana)

        assert (await house.ended(run)).code == "done"
        assert [line.cancelled for line in town.book.of()] == [True]
        assert booked(town) == []
