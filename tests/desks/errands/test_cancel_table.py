"""A reservation: found by its place and day, cancelled once after a yes. The restaurant's own book is the judge."""

from datetime import UTC, date, datetime, timedelta

import pytest

from haloop.desks.errands.book_table import TableDraft, book_table
from haloop.desks.errands.cancel_subscription import EndingDraft
from haloop.desks.errands.cancel_table import Held, TableEndingDraft, cancel_table
from haloop.desks.errands.reorder import OrderDraft
from haloop.kernel.desk import Draft
from haloop.kernel.ids import RunId
from haloop.ports.booking import TableWish
from haloop.testing.practice import Practice
from haloop.town.line import Trouble
from haloop.town.street import Town

FRIDAY = datetime(2027, 1, 15, 18, tzinfo=UTC)


async def reserve(house: Practice, *places: str) -> None:
    """Tables for two on Friday evening; somebody says yes to each."""
    ana = await house.person("Ana")
    for place in places:
        run = await house.start(book_table.of(TableWish(place=place, party=2, at=FRIDAY)))
        await house.yes(run, ana)


def cancelled(town: Town) -> list[str]:
    return [line.restaurant for line in town.book.of() if line.cancelled]


async def meant(house: Practice, run: RunId) -> object:
    draft = (await house.view(house.gate_of(run))).draft
    assert isinstance(draft, TableEndingDraft)
    return draft.cancel.argument


@pytest.mark.parametrize("wish", [Held(), Held(place="luigi"), Held(day=date(2027, 1, 15)), Held(place="Luigy")])
async def test_the_one_that_is_meant_is_cancelled_after_a_yes(house: Practice, town: Town, wish: Held) -> None:
    """By its place, its day, or because there is no other."""
    await reserve(house, "Luigi")
    bo = await house.person("Bo")
    run = await house.start(cancel_table.of(wish))
    assert cancelled(town) == []

    await house.yes(run, bo)

    assert (await house.ended(run)).code == "done"
    assert cancelled(town) == ["Trattoria Luigi"]


async def test_another_one_can_be_picked(house: Practice, town: Town) -> None:
    """The household's others stand on the card."""
    await reserve(house, "Luigi", "Hanami")
    bo = await house.person("Bo")
    run = await house.start(cancel_table.of(Held(place="Luigi")))
    other = next(line.reference for line in town.book.of() if line.restaurant == "Hanami")

    await house.change(run, bo, {"reference": other})
    await house.yes(run, bo)

    assert cancelled(town) == ["Hanami"]


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (Held(), "It could be any of these: Trattoria Luigi, Friday 15 January at 19:00, for 2; Hanami"),
        (Held(place="Odile"), "No such table is reserved. There are: Trattoria Luigi"),
    ],
)
async def test_what_is_not_clear_is_said(house: Practice, town: Town, wish: Held, says: str) -> None:
    """Nothing is guessed, and nobody is asked about the wrong one."""
    await reserve(house, "Luigi", "Hanami")
    ended = await house.ended(await house.start(cancel_table.of(wish)))
    assert (ended.code, cancelled(town)) == ("reservation.which", [])
    assert ended.reason.startswith(says)


@pytest.mark.parametrize("draft", [OrderDraft, TableDraft, TableEndingDraft, EndingDraft])
def test_no_grant_opens_an_errand(draft: type[Draft]) -> None:
    """A person's yes is the only thing that spends or cancels here."""
    assert not draft.grants


async def test_where_nothing_is_reserved_that_is_said(house: Practice) -> None:
    """It is a result."""
    assert (await house.ended(await house.start(cancel_table.of(Held())))).reason == "Nothing is reserved."


async def test_a_lost_answer_cancels_once(house: Practice, town: Town) -> None:
    """The same key is sent again, and the site answers the same."""
    await reserve(house, "Luigi")
    bo = await house.person("Bo")
    run = await house.start(cancel_table.of(Held()))
    town.booking_line.troubles.append(Trouble.REPLY_LOST)
    await house.yes(run, bo)
    await house.move(timedelta(minutes=5))
    assert (await house.ended(run)).code == "done"
    assert cancelled(town) == ["Trattoria Luigi"]
