"""The town's shop, over real HTTP: it orders what the basket holds, once for each time that it is asked."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from httpx2 import AsyncClient, RemoteProtocolError, Response

from haloop.testing.clock import MovableClock
from haloop.town.line import Trouble
from haloop.town.street import Town, serve_town


@pytest.fixture
async def ana(town: Town) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(base_url=town.shop_address, trust_env=False, follow_redirects=True) as customer:
        await customer.post("/login", data={"name": "Ana"})
        yield customer


async def put(customer: AsyncClient, product: str, quantity: int) -> Response:
    return await customer.post("/basket/add", data={"product": product, "quantity": quantity})


async def place(customer: AsyncClient, total: str) -> Response:
    return await customer.post("/checkout/place", data={"total": total})


def numbers(town: Town) -> list[str]:
    return [order.number for order in town.shop_book.orders_of("Ana")]


async def test_nobody_shops_without_a_name(town: Town) -> None:
    """Every page leads to the sign-in first."""
    async with AsyncClient(base_url=town.shop_address, trust_env=False) as stranger:
        answer = await stranger.get("/orders")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


async def test_a_household_has_shopped_before(ana: AsyncClient, town: Town) -> None:
    """Its two last orders are shown, the newest first."""
    page = (await ana.get("/orders")).text
    assert numbers(town) == ["S1002", "S1001"]
    assert page.index("S1002") < page.index("S1001")


async def test_an_order_is_what_the_basket_holds(ana: AsyncClient, town: Town) -> None:
    """It is in the book at the price that was shown, delivery on top, and the basket is empty."""
    await put(ana, "coffee", 2)
    await put(ana, "spaghetti", 3)

    page = (await place(ana, "39.05 EUR")).text

    order = town.shop_book.orders_of("Ana")[0]
    assert order.number in page
    assert [(line.product, line.quantity) for line in order.quote.lines] == [("coffee", 2), ("spaghetti", 3)]
    assert (order.quote.delivery.format(), order.quote.total.format()) == ("4.90 EUR", "39.05 EUR")
    assert town.shop_book.basket_of("Ana").lines == ()


async def test_nothing_is_ordered_that_was_not_seen(ana: AsyncClient, town: Town) -> None:
    """Another price, or something sold out since, is said, and the book stays as it was."""
    await put(ana, "coffee", 2)
    town.shop_book.change_price("coffee", "15.90")
    dearer = (await place(ana, "34.70 EUR")).text
    town.shop_book.sell_out("coffee")
    gone = (await place(ana, "36.70 EUR")).text

    assert "the total is 36.70 EUR now" in dearer
    assert "Sold out since" in gone
    assert numbers(town) == ["S1002", "S1001"]


async def test_ordering_twice_is_two_orders_or_an_empty_basket(ana: AsyncClient, town: Town) -> None:
    """The shop knows no keys: asking again orders what is in the basket then, which is nothing."""
    await put(ana, "coffee", 1)
    await place(ana, "19.80 EUR")
    again = (await place(ana, "19.80 EUR")).text
    assert "Your basket is empty." in again
    assert numbers(town) == ["S1003", "S1002", "S1001"]


async def test_a_trouble_can_wait_for_one_kind_of_request(ana: AsyncClient, town: Town) -> None:
    """A page may be looked at a hundred times before; the order is in the book although nobody hears of it."""
    town.shop_line.awaiting["POST /checkout/place"] = Trouble.REPLY_LOST
    await put(ana, "coffee", 1)
    with pytest.raises(RemoteProtocolError):
        await place(ana, "19.80 EUR")
    assert numbers(town)[0] == "S1003"


@pytest.mark.parametrize("wall", ["captcha", "second_factor"])
async def test_a_wall_stands_before_every_page(ana: AsyncClient, town: Town, wall: str) -> None:
    """Until it is gone, nothing else is shown."""
    town.shop_book.asks["Ana"] = wall
    assert "Your orders" not in (await ana.get("/orders")).text
    del town.shop_book.asks["Ana"]
    assert "Your orders" in (await ana.get("/orders")).text


async def test_a_page_can_break_off(ana: AsyncClient, town: Town) -> None:
    """Half of it comes, and its end is missing."""
    town.shop_book.is_half_loaded = True
    assert "footer" not in (await ana.get("/orders")).text


async def test_the_book_outlives_the_process(tmp_path: Path, clock: MovableClock) -> None:
    """Baskets and orders are there again when the town opens the next day."""
    async with serve_town(tmp_path, clock=clock) as town:
        town.shop_book.put("Ana", "coffee", 2)
        before = town.shop_book.orders_of("Ana")
    async with serve_town(tmp_path, clock=clock) as town:
        assert town.shop_book.orders_of("Ana") == before
        assert town.shop_book.basket_of("Ana").lines[0].quantity == 2
