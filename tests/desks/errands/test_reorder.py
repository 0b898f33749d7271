"""The usual, ordered again through a real browser: reviewed, changed, approved, placed once. The shop's book judges."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.connectors.profiles import Profiles
from haloop.connectors.storefront.recipe import read_recipe
from haloop.connectors.storefront.shop import SETTLED_AFTER, BrowsedShop, browsed_shop
from haloop.connectors.storefront.terms import Terms
from haloop.desks.errands.basket import OrderWish, Wanted
from haloop.desks.errands.desk import ERRANDS
from haloop.desks.errands.reorder import DoorDraft, OrderDraft, reorder
from haloop.kernel.fact import (
    EffectHappened,
    EffectIntended,
    EffectNotDone,
    EffectUncertain,
    GateOpened,
    GateRevised,
    RunQueued,
)
from haloop.kernel.gate import Verdict
from haloop.kernel.ids import RunId
from haloop.kernel.money import Money
from haloop.ports.storefront import VISIT_DEADLINE, Obstacle
from haloop.testing.fixtures import OpenPractice
from haloop.testing.practice import Practice
from haloop.town.line import Trouble
from haloop.town.street import Town

USUAL = OrderWish(usual=True)
PLACE = "POST /checkout/place"
PAGES = ["GET /orders", "GET /basket", "GET /orders", "GET /checkout", PLACE]
"""What placing an order asks the shop for, until that is done; then it is thanked for."""
SHORT = timedelta(seconds=10)
"""Because a page that never comes whole is really waited for."""

pytestmark = pytest.mark.skipif(
    shutil.which("chromium") is None and os.environ.get("CI") != "true",
    reason="NOTHING WAS ORDERED WITH A BROWSER: chromium is missing",
)


@pytest.fixture
async def house(open_practice: OpenPractice, town: Town, tmp_path: Path) -> AsyncIterator[Practice]:
    """Its orders go to the town's shop."""
    terms = Terms(recipe=read_recipe("town"), address=town.shop_address, dry_run=False, spend_max=None, patience=SHORT)
    async with BrowsedShop.opened(terms, Profiles(tmp_path / "shops")) as shop:
        yield await open_practice(ERRANDS, browsed_shop(shop, practice=True))


async def drafted(house: Practice, run: RunId) -> OrderDraft:
    """What a person is shown now."""
    draft = (await house.view(house.gate_of(run))).draft
    assert isinstance(draft, OrderDraft)
    return draft


async def outcomes(house: Practice, run: RunId) -> list[EffectHappened | EffectNotDone]:
    return [one for one in await house.facts(run) if isinstance(one, EffectHappened | EffectNotDone)]


def ordered(house: Practice, town: Town) -> list[dict[str, int]]:
    """What the household ordered beyond what it had before."""
    new = town.shop_book.orders_of(house.account)[:-2]
    return [{line.product: line.quantity for line in order.quote.lines} for order in reversed(new)]


async def test_the_usual_is_ordered_once_after_a_yes(house: Practice, town: Town) -> None:
    """A person reads the shop's own lines and total; nothing is ordered before, and the receipt has its number."""
    ana = await house.person("Ana")
    run = await house.start(reorder.of(USUAL))
    draft, before = await drafted(house, run), ordered(house, town)

    await house.yes(run, ana)

    (happened,) = await outcomes(house, run)
    assert (before, draft.total, draft.place.cost_max) == ([], draft.place.cost_max, Money(minor=7819, currency="EUR"))
    assert draft.taken == ("The usual was taken for your order S1002.",)
    assert ordered(house, town) == [{"coffee": 2, "oat-milk": 6, "cat-food": 12, "dishwasher-tabs": 1}]
    assert isinstance(happened, EffectHappened)
    assert isinstance(happened.result, dict)
    assert happened.result["number"] == town.shop_book.orders_of(house.account)[0].number


async def test_a_change_is_quoted_by_the_shop(house: Practice, town: Town) -> None:
    """Fewer of one and none of another: the shop says what that costs now, delivery too, before anybody says yes."""
    ana = await house.person("Ana")
    run = await house.start(reorder.of(USUAL))

    await house.change(run, ana, {"quantities": {"coffee": 1, "dishwasher": 0}})
    revised = await drafted(house, run)
    await house.yes(run, ana)

    assert (revised.delivery, revised.total) == (Money(minor=490, currency="EUR"), Money(minor=5970, currency="EUR"))
    assert revised.place.cost_max == revised.total
    assert ordered(house, town) == [{"coffee": 1, "oat-milk": 6, "cat-food": 12}]


async def test_what_cannot_be_changed_is_said(house: Practice, town: Town) -> None:
    """A line that is not there, or that the shop does not have: the draft stays as it was."""
    ana = await house.person("Ana")
    run = await house.start(reorder.of(OrderWish(items=(Wanted(name="coffee"), Wanted(name="cat food", quantity=3)))))
    before = await drafted(house, run)
    await house.change(run, ana, {"quantities": {"caviar": 1}})
    town.shop_book.sell_out("coffee")
    await house.change(run, ana, {"quantities": {"coffee": 2}})

    problems = [fact.problem for fact in await house.facts(run) if isinstance(fact, GateRevised)]
    assert "caviar" in problems[0]
    assert problems[1] == "Sold out, or not sold any more: Morning Bell coffee beans, 1 kg."
    assert (await drafted(house, run)).lines == before.lines


async def test_another_price_is_a_new_draft(house: Practice, town: Town) -> None:
    """Between the yes and the order the price rose: nothing is ordered until the new total has its own yes."""
    ana = await house.person("Ana")
    run = await house.start(reorder.of(OrderWish(items=(Wanted(name="coffee", quantity=2),))))
    town.shop_book.change_price("coffee", "15.90")

    await house.yes(run, ana)
    draft, nothing = await drafted(house, run), ordered(house, town)
    await house.yes(run, ana)

    drifted, happened = await outcomes(house, run)
    assert isinstance(drifted, EffectNotDone)
    assert (drifted.why, nothing) == ("drifted", [])
    assert draft.changed is not None
    assert "The total is 36.70 EUR now, not 34.70 EUR." in draft.changed
    assert isinstance(happened, EffectHappened)
    assert ordered(house, town) == [{"coffee": 2}]


@pytest.mark.parametrize("trouble", [Trouble.REPLY_LOST, Trouble.ERROR_AFTER, Trouble.GARBAGE])
async def test_a_lost_answer_is_looked_up(house: Practice, town: Town, trouble: Trouble) -> None:
    """The shop ordered and nobody heard: its order history is read, and the order is never sent again."""
    ana = await house.person("Ana")
    run = await house.start(reorder.of(OrderWish(items=(Wanted(name="coffee"),))))
    town.shop_line.awaiting[PLACE] = trouble

    await house.yes(run, ana)

    (happened,) = await outcomes(house, run)
    assert isinstance(happened, EffectHappened)
    assert happened.found_by == "lookup"
    assert town.shop_line.requests.count(PLACE) == len(ordered(house, town)) == 1


async def test_an_order_that_never_arrived_is_absent_after_a_while(house: Practice, town: Town) -> None:
    """It stays unknown until the shop has certainly settled; then it is said that nothing was ordered."""
    ana = await house.person("Ana")
    run = await house.start(reorder.of(OrderWish(items=(Wanted(name="coffee"),))))
    town.shop_line.awaiting[PLACE] = Trouble.REQUEST_LOST

    await house.yes(run, ana)
    unknown = await house.uncertain(run)
    await house.move(VISIT_DEADLINE + SETTLED_AFTER)

    (absent,) = await outcomes(house, run)
    assert unknown == ["place"]
    assert isinstance(absent, EffectNotDone)
    assert (absent.why, ordered(house, town)) == ("settled", [])


UNCLEAR = ["The connector raised Unclear."]


async def after_a_break(house: Practice, town: Town, page: int, trouble: Trouble) -> tuple[list[str], str, int]:
    """Of an order during which the line broke at one page: what is known of it at once, and at last; how often sent."""
    ana = next(iter((await house.engine.account(house.account)).people))
    run = await house.start(reorder.of(OrderWish(items=(Wanted(name="coffee"),))))
    town.shop_line.requests.clear()
    town.shop_line.troubles.extend([*[Trouble.NONE] * page, trouble])
    await house.yes(run, ana)
    unclear = [one.sentence for one in await house.facts(run) if isinstance(one, EffectUncertain)]
    await house.move(VISIT_DEADLINE + SETTLED_AFTER)
    (outcome,) = await outcomes(house, run)
    known = outcome.found_by if isinstance(outcome, EffectHappened) else outcome.sentence
    return unclear, known, town.shop_line.requests.count(PLACE)


@pytest.mark.parametrize("page", [0, *(pytest.param(page, marks=pytest.mark.sweep) for page in (1, 2)), 3])
async def test_wherever_the_line_breaks_before_the_order_nothing_is_ordered(
    house: Practice, town: Town, page: int
) -> None:
    """At each page on the way to an order it is known that there is none."""
    await house.person("Ana")

    unclear, known, sent = await after_a_break(house, town, page, Trouble.REQUEST_LOST)

    assert (unclear, known[:20], sent) == ([], "Nothing was ordered.", 0)


async def test_where_the_line_breaks_at_the_order_it_is_placed_once_or_not_at_all(house: Practice, town: Town) -> None:
    """Before the shop took it and after: what is known of it is said and is true."""
    await house.person("Ana")
    unclear, known, sent = await after_a_break(house, town, 4, Trouble.REQUEST_LOST)
    assert (unclear, "no trace of it" in known, sent) == (UNCLEAR, True, 1)
    assert ordered(house, town) == []

    for page, trouble in ((4, Trouble.REPLY_LOST), (5, Trouble.REQUEST_LOST)):
        assert await after_a_break(house, town, page, trouble) == (UNCLEAR, "lookup", 1)
    assert ordered(house, town) == [{"coffee": 1}] * 2
    assert town.shop_line.requests[:5] == PAGES
    assert town.shop_line.requests[5].startswith("GET /thanks/")


async def test_a_crash_in_the_middle_leaves_one_order(house: Practice, town: Town) -> None:
    """The process dies while the shop works on it; the next one finds the order in the history."""
    ana = await house.person("Ana")
    run = await house.start(reorder.of(OrderWish(items=(Wanted(name="coffee"),))))
    town.shop_line.awaiting[PLACE] = Trouble.SLOW
    yes = await house.answer(house.gate_of(run), ana, Verdict.APPROVED)
    await house.engine.decide(house.account, yes)
    await town.shop_line.is_holding.wait()

    house.pull_plug()
    await town.shop_line.let_go()
    await house.crash()
    await house.engine.settled()

    assert (await house.ended(run)).code == "done"
    assert town.shop_line.requests.count(PLACE) == len(ordered(house, town)) == 1


async def test_a_shop_that_is_down_afterwards_is_said_until_it_is_back(house: Practice, town: Town) -> None:
    """Nobody knows whether it was ordered, and the history says why; an hour later the order is found, and is one."""
    ana = await house.person("Ana")
    run = await house.start(reorder.of(OrderWish(items=(Wanted(name="coffee"),))))
    town.shop_line.awaiting[PLACE] = Trouble.SLOW
    yes = await house.answer(house.gate_of(run), ana, Verdict.APPROVED)
    await house.engine.decide(house.account, yes)
    await town.shop_line.is_holding.wait()
    house.pull_plug()
    await town.shop_line.let_go()
    town.shop_line.troubles.extend([Trouble.BUSY] * 3)
    await house.crash()
    await house.engine.settled()
    unclear = [one.sentence for one in await house.facts(run) if isinstance(one, EffectUncertain)]
    town.shop_line.troubles.clear()
    await house.move(timedelta(hours=1))

    (happened,) = await outcomes(house, run)
    assert unclear == ["The process ended before the answer came.", "Corner Shop could not be reached."]
    assert isinstance(happened, EffectHappened)
    assert town.shop_line.requests.count(PLACE) == len(ordered(house, town)) == 1


async def test_a_crash_before_the_yes_asks_again(house: Practice, town: Town) -> None:
    """The draft is there again as it was, and the yes is for that."""
    ana = await house.person("Ana")
    run = await house.start(reorder.of(OrderWish(items=(Wanted(name="coffee"),))))
    await house.crash()
    await house.yes(run, ana)
    assert len(ordered(house, town)) == 1


async def test_two_yeses_at_once_are_two_orders_only_if_both_were_read(house: Practice, town: Town) -> None:
    """Two runs want the same and one basket is all there is: the second is shown that an order was placed meanwhile."""
    ana = await house.person("Ana")
    wish = OrderWish(items=(Wanted(name="coffee"),))
    one, other = await house.start(reorder.of(wish)), await house.start(reorder.of(wish))

    yeses = [await house.answer(house.gate_of(run), ana, Verdict.APPROVED) for run in (one, other)]
    await asyncio.gather(*(house.engine.decide(house.account, yes) for yes in yeses))
    await house.engine.settled()

    assert ordered(house, town) == [{"coffee": 1}]
    (waiting,) = [
        run
        for run in (one, other)
        if len(await outcomes(house, run)) == 1 and "run.ended" not in await house.kinds(run)
    ]
    assert (await drafted(house, waiting)).changed is not None


async def test_many_at_once_take_turns_and_say_so(house: Practice, town: Town) -> None:
    """One household's visits come one by one; each trail says where in the queue it stands, and all are drafted."""
    await house.person("Ana")
    wish = OrderWish(items=(Wanted(name="coffee"),))
    runs = [await house.engine.start(house.account, reorder.of(wish), by="agent:test") for _ in range(4)]
    await house.engine.settled()

    queued = [[one.place for one in await house.facts(run) if isinstance(one, RunQueued)] for run in runs]
    drafts = [await drafted(house, run) for run in runs]
    assert queued[0][:1] != [2]
    assert [places[0] for places in queued[1:]] == [1, 2, 3]
    assert {draft.total for draft in drafts} == {Money(minor=1980, currency="EUR")}
    assert ordered(house, town) == []


@pytest.mark.parametrize("wall", [Obstacle.CAPTCHA, Obstacle.SECOND_FACTOR])
async def test_a_wall_waits_for_a_person(house: Practice, town: Town, wall: Obstacle) -> None:
    """Before the order, and in the moment of it: the run says what to do, and goes on once somebody has done it."""
    ana = await house.person("Ana")
    town.shop_book.asks[house.account] = str(wall)
    run = await house.start(reorder.of(OrderWish(items=(Wanted(name="coffee"),))))
    door = (await house.view(house.gate_of(run))).draft
    del town.shop_book.asks[house.account]
    await house.yes(run, ana)
    town.shop_book.asks[house.account] = str(wall)
    await house.yes(run, ana)
    again = (await house.view(house.gate_of(run))).draft
    del town.shop_book.asks[house.account]
    await house.yes(run, ana)
    await house.yes(run, ana)

    assert isinstance(door, DoorDraft)
    assert isinstance(again, DoorDraft)
    assert (door.obstacle, f"--account {house.account}" in door.what_to_do) == (wall, True)
    assert ordered(house, town) == [{"coffee": 1}]


async def test_a_shop_that_is_down_is_said(house: Practice, town: Town) -> None:
    """After a few tries the run ends with what is known."""
    await house.person("Ana")
    town.shop_line.troubles.extend([Trouble.BUSY] * 200)
    run = await house.start(reorder.of(USUAL))
    for _ in range(4):
        await house.move(timedelta(minutes=5))
    ended = await house.ended(run)
    assert (ended.code, ended.reason[:20]) == ("shop.unreachable", "Nothing was ordered.")


async def test_what_was_never_bought_is_not_guessed(house: Practice, town: Town) -> None:
    """The answer names what there is, and the shop's basket stays empty."""
    await house.person("Ana")
    run = await house.start(reorder.of(OrderWish(items=(Wanted(name="caviar"), Wanted(name="coffee")))))
    ended = await house.ended(run)
    assert ended.code == "not_bought_before"
    assert "caviar" in ended.reason
    assert "Monte Verde olive oil" in ended.reason
    assert town.shop_book.basket_of(house.account).lines == ()


async def test_a_no_orders_nothing(house: Practice, town: Town) -> None:
    """The basket may be full, and stays that."""
    ana = await house.person("Ana")
    run = await house.start(reorder.of(USUAL))
    await house.no(run, ana, "not this week")
    assert (await house.ended(run)).code == "refused"
    assert ordered(house, town) == []
    assert not [fact for fact in await house.facts(run) if isinstance(fact, EffectIntended)]
    assert len([fact for fact in await house.facts(run) if isinstance(fact, GateOpened)]) == 1


def test_no_grant_opens_it() -> None:
    """Each order takes a person's yes."""
    assert (OrderDraft.grants, DoorDraft.grants) == (False, False)
