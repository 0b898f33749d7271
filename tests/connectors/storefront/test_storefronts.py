"""What every shop that is visited keeps to, whoever wrote it: its own book says what was really ordered."""

import pytest

from haloop.connectors.storefront.hindrance import Unclear
from haloop.connectors.storefront.shop import browsed_shop
from haloop.kernel.connector import Connectors
from haloop.kernel.desk import Absent, Call, Found, NotDone, Why
from haloop.kernel.operation import Queryable
from haloop.ports.storefront import Ordered, Review, SoldOut, Storefront
from tests.connectors.storefront.conftest import VISIT, Tried

CALL = Call(key="f" * 40, account=VISIT.household, deadline=0, live=False)


async def looked_up(tried: Tried, review: Review) -> object:
    connector = browsed_shop(tried.shop, practice=True)
    how = Connectors([connector]).effect("Storefront.place")[1].rules.recovery
    assert isinstance(how, Queryable)
    return await how.lookup(tried.shop, review, CALL)


async def test_what_was_ordered_before_is_read(tried: Tried) -> None:
    """Numbers, totals, names, quantities and where each product is found, the newest order first."""
    past = await tried.past()
    assert [order.id for order in past] == await tried.orders()
    assert all(order.total is not None and order.total.minor > 0 for order in past)
    assert 3 <= len(past[0].items) <= 10
    assert all(item.product.startswith("/") and item.quantity >= 1 for item in past[0].items)


async def test_a_review_says_what_would_be_ordered_and_orders_nothing(tried: Tried) -> None:
    """Its lines are what was put into the basket; asking again, with a fuller basket before, says the same."""
    before = await tried.orders()
    once = await tried.reviewed()
    again = await tried.reviewed()

    assert [(line.name, line.quantity) for line in once.lines] == [(item.name, item.quantity) for item in once.items]
    goods = sum(line.total.minor for line in once.lines)
    assert once.total.minor == goods + (once.delivery.minor if once.delivery else 0)
    assert (again, once.newest_order) == (once, before[0])
    assert await tried.orders() == before


async def test_an_order_is_placed_once(tried: Tried) -> None:
    """It has the shop's own number; placing the same review again orders nothing and says why."""
    before = await tried.orders()
    review = await tried.reviewed()

    ordered = await tried.shop.place(review, CALL)
    again = await tried.shop.place(review, CALL)

    assert isinstance(ordered, Ordered)
    assert await tried.orders() == [ordered.number, *before]
    assert ordered.charged == review.total
    assert isinstance(again, NotDone)
    assert again.why is Why.DRIFTED
    assert await looked_up(tried, review) == Found(result=ordered)


async def test_another_price_than_was_seen_is_not_paid(tried: Tried) -> None:
    """Nothing is ordered, and the difference is named."""
    before = await tried.orders()
    review = await tried.reviewed()
    await tried.raise_prices()

    refused = await tried.shop.place(review, CALL)

    assert isinstance(refused, NotDone)
    assert (refused.why, refused.code) == (Why.DRIFTED, "shop.drifted")
    assert review.lines[0].name in refused.sentence
    assert await tried.orders() == before


async def test_what_is_sold_out_is_named(tried: Tried) -> None:
    """The others would have been put into the basket."""
    items = await tried.usual()
    gone = await tried.sell_out()
    assert await tried.shop.review(VISIT, items) == SoldOut(names=(gone,))


async def test_an_order_whose_answer_was_an_error_is_found(tried: Tried) -> None:
    """The shop ordered and answered 500: unclear, never clicked again, and found in its order history."""
    before = await tried.orders()
    review = await tried.reviewed()
    await tried.lose("done")

    with pytest.raises(Unclear):
        await tried.shop.place(review, CALL)
    found = await looked_up(tried, review)

    number, *others = await tried.orders()
    assert others == before
    assert isinstance(found, Found)
    assert (found.result.number, found.result.charged) == (number, review.total)
    assert [one.name for one in tried.kept] == ["screenshot.png", "page.html", "trace.zip"]
    assert all(one.content for one in tried.kept)


async def test_an_order_that_never_arrived_is_absent(tried: Tried) -> None:
    """Unclear as well, but the history has nothing newer than the review."""
    before = await tried.orders()
    review = await tried.reviewed()
    await tried.lose("lost")

    with pytest.raises(Unclear):
        await tried.shop.place(review, CALL)

    assert await looked_up(tried, review) == Absent()
    assert await tried.orders() == before


def test_a_shop_is_paid_and_its_orders_are_for_one_purpose() -> None:
    """Who is paid is the shop, by the review itself; any order there is noticed while another is unclear."""
    assert Storefront.place.rules.payee is not None
    assert Storefront.place.rules.purpose is not None
