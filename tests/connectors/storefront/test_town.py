"""What can go wrong on a visit, in the town's shop: walls, halves, strangers, doubles, and what leads elsewhere."""

import asyncio
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse

from haloop.connectors.profiles import Profiles
from haloop.connectors.storefront.chromium import Chromium
from haloop.connectors.storefront.evidence import Evidence
from haloop.connectors.storefront.recipe import read_recipe
from haloop.connectors.storefront.shop import BrowsedShop, browsed_shop
from haloop.kernel.desk import Money, NotDone, Transient, Why
from haloop.ports.storefront import Obstacle, Ordered, Review, Stopped, TooDear, Visit
from haloop.serving import bind, served
from haloop.town.line import Trouble
from haloop.town.street import Town
from tests.connectors.storefront.conftest import SHORT, VISIT, Tried, town_terms
from tests.connectors.storefront.test_storefronts import CALL, looked_up


async def test_no_page_is_opened_that_is_not_needed(in_town: Tried, town: Town) -> None:
    """The history once, the basket until it is empty, each product and the last page; none of them twice over."""
    items = (await in_town.usual())[:2]
    await in_town.shop.review(VISIT, items)
    town.shop_line.requests.clear()

    await in_town.shop.review(VISIT, items)

    emptied = ["POST /basket/remove", "GET /basket"]
    first, second = ([f"GET {item.product}", "POST /basket/add", "GET /basket"] for item in items)
    wanted = ["GET /orders", "GET /basket", *emptied, *emptied, "GET /basket", *first, *second, "GET /checkout"]
    assert town.shop_line.requests == wanted


@pytest.mark.parametrize("wall", [Obstacle.CAPTCHA, Obstacle.SECOND_FACTOR])
async def test_a_wall_is_said_and_nothing_is_tried(in_town: Tried, town: Town, wall: Obstacle) -> None:
    """Before the review and before the click: only a person gets past it."""
    review = await in_town.reviewed()
    before = await in_town.orders()
    town.shop_book.asks[VISIT.household] = str(wall)

    refused = await in_town.shop.place(review, CALL)

    assert await in_town.shop.bought(VISIT) == Stopped(shop="Corner Shop", obstacle=wall)
    assert isinstance(refused, NotDone)
    assert refused.code == f"shop.{wall}"
    assert await in_town.orders() == before


async def test_half_a_page_is_no_page(in_town: Tried, town: Town) -> None:
    """What lies below the break is not taken for missing; what was seen is kept."""
    review = await in_town.reviewed()
    before = await in_town.orders()
    town.shop_book.is_half_loaded = True

    with pytest.raises(Transient, match="did not come whole"):
        await in_town.shop.bought(VISIT)
    refused = await in_town.shop.place(review, CALL)

    assert isinstance(refused, NotDone)
    assert (refused.code, refused.sentence[:19]) == ("shop.not_ready", "Nothing was ordered")
    assert {one.name for one in in_town.kept} == {"screenshot.png", "page.html", "trace.zip"}
    assert await in_town.orders() == before


async def test_a_shop_that_is_down_is_tried_later(in_town: Tried, town: Town) -> None:
    """A step says so; an order is certainly not placed."""
    review = await in_town.reviewed()
    town.shop_line.troubles.extend([Trouble.BUSY] * 20)
    with pytest.raises(Transient, match="could not be reached"):
        await in_town.shop.bought(VISIT)
    refused = await in_town.shop.place(review, CALL)
    assert isinstance(refused, NotDone)
    assert refused.why is Why.DECLINED


async def test_a_refusal_of_the_shop_itself_is_a_clear_no(in_town: Tried, town: Town) -> None:
    """Sold out in the moment of the click: the shop says so, in its own words."""
    review = await in_town.reviewed()
    before = await in_town.orders()
    town.shop_line.awaiting["POST /checkout/place"] = Trouble.SLOW

    placing = asyncio.create_task(in_town.shop.place(review, CALL))
    await town.shop_line.is_holding.wait()
    town.shop_book.sell_out("coffee")
    await town.shop_line.let_go()
    refused = await placing

    assert isinstance(refused, NotDone)
    assert (refused.why, refused.code) == (Why.DRIFTED, "shop.refused")
    assert "Sold out since" in refused.sentence
    assert await in_town.orders() == before


async def test_a_line_that_breaks_after_the_order_is_found_and_sent_once(in_town: Tried, town: Town) -> None:
    """The browser does not send it again by itself either."""
    review = await in_town.reviewed()
    before = await in_town.orders()
    town.shop_line.awaiting["POST /checkout/place"] = Trouble.REPLY_LOST

    with pytest.raises(Exception, match="could not be read"):
        await in_town.shop.place(review, CALL)

    found = await looked_up(in_town, review)
    assert town.shop_line.requests.count("POST /checkout/place") == 1
    assert len(await in_town.orders()) == len(before) + 1
    assert (await in_town.orders())[0] in str(found)


async def test_an_order_that_somebody_else_placed_is_not_taken_for_ours(in_town: Tried, town: Town) -> None:
    """A newer order with other lines leaves it open: a person has to say."""
    review = await in_town.reviewed()
    town.shop_book.put(VISIT.household, "spaghetti", 1)
    town.shop_book.place(VISIT.household, town.shop_book.basket_of(VISIT.household).total.format())
    assert "may be another one" in str(await looked_up(in_town, review))


async def test_a_dry_run_does_all_but_the_last_click(town: Town, profiles: Profiles) -> None:
    """The review says that it is one, and the order says that it was not placed."""
    async with BrowsedShop.opened(town_terms(town, dry_run=True), profiles) as shop:
        bought = await shop.bought(VISIT)
        assert isinstance(bought, list)
        review = await shop.review(VISIT, list(bought[0].items))
        assert isinstance(review, Review)
        refused = await shop.place(review, CALL)
    assert review.dry_run
    assert isinstance(refused, NotDone)
    assert refused.code == "shop.dry_run"
    assert "POST /checkout/place" not in town.shop_line.requests


async def test_more_than_one_order_may_cost_is_not_offered(town: Town, profiles: Profiles) -> None:
    """Both amounts are said; one in another currency is too much, whatever its number."""
    for most in (Money(minor=5000, currency="EUR"), Money(minor=9_999_999, currency="USD")):
        async with BrowsedShop.opened(town_terms(town, spend_max=most), profiles) as shop:
            bought = await shop.bought(VISIT)
            assert isinstance(bought, list)
            dear = await shop.review(VISIT, list(bought[0].items))
        assert dear == TooDear(total=Money(minor=7819, currency="EUR"), most=most)


async def test_households_do_not_see_each_other(in_town: Tried, town: Town, tmp_path: Path) -> None:
    """At the same time, each with its own window: its own orders, its own basket, its own order."""
    bo = Visit(household="acc_bo", run="run_2")
    mine = await in_town.usual()

    mine_now, theirs = await asyncio.gather(in_town.shop.review(VISIT, mine), in_town.shop.review(bo, mine[:1]))
    assert isinstance(mine_now, Review)
    assert isinstance(theirs, Review)
    placed = await in_town.shop.place(theirs, CALL)

    assert (mine_now.deliver_to[:7], theirs.deliver_to[:6]) == ("acc_ana", "acc_bo")
    assert isinstance(placed, Ordered)
    assert town.shop_book.orders_of("acc_bo")[0].number == placed.number
    assert len(town.shop_book.orders_of("acc_ana")) == 2
    files = sorted(tmp_path.glob("shops/**/*.locked"))
    assert [file.parent.name for file in files] == ["acc_ana", "acc_bo"]
    assert [oct(file.stat().st_mode & 0o777) for file in (files[0], files[0].parent, tmp_path / "shops")] == [
        "0o600",
        "0o700",
        "0o700",
    ]
    assert b"acc_ana" not in files[0].read_bytes()


async def test_a_window_that_is_open_elsewhere_is_waited_for(in_town: Tried, profiles: Profiles) -> None:
    """Somebody is just signing in there."""
    with profiles.held(VISIT.household, "town"), pytest.raises(Transient, match="open elsewhere"):
        await in_town.shop.bought(VISIT)
    assert isinstance(await in_town.shop.bought(VISIT), list)


@pytest.mark.parametrize("page", ["redirect", "picture"])
async def test_a_page_reaches_nobody_but_the_shop(town: Town, profiles: Profiles, page: str) -> None:
    """Neither what a page is made of nor where it redirects leads elsewhere: not even on this machine."""
    elsewhere = f"{town.booking_address.replace('localhost', '127.0.0.1')}/availability"
    site = FastAPI()
    site.get("/redirect")(lambda: RedirectResponse(elsewhere))
    site.get("/picture")(lambda: HTMLResponse(f'<img src="{elsewhere}"><footer>Here</footer>'))
    async with served(site, bind("127.0.0.1", 0)) as address:
        recipe = read_recipe("town")
        wandering = recipe.model_copy(update={"history": recipe.history.model_copy(update={"go": f"/{page}"})})
        async with BrowsedShop.opened(town_terms(town, address=address, recipe=wandering), profiles) as shop:
            with suppress(Transient):
                await shop.bought(VISIT)
    assert town.booking_line.requests == []


async def test_the_browser_itself_sends_nothing_twice(profiles: Profiles) -> None:
    """A kept connection that breaks without a word: Chromium would post again by itself, and that would be an order."""
    posted: list[bytes] = []

    async def answer(heard: StreamReader, said: StreamWriter) -> None:
        with suppress(IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while not (head := await heard.readuntil(b"\r\n\r\n")).startswith(b"POST"):
                page = b"<form method=post><button id=place>Order</button></form>"
                said.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page) + page
                )
            posted.append(head)
        said.transport.abort()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        chromium = Chromium(profiles, address=address, hosts=(), keep=kept_nowhere)
        async with chromium.window(VISIT, "town", SHORT) as page:
            await page.goto(f"{address}/first")
            await page.goto(f"{address}/second")
            async with page.expect_event("framenavigated", lambda frame: frame.url.startswith("chrome-error:")):
                await page.click("#place")
            await page.goto(f"{address}/third")
        await chromium.close()
    assert len(posted) == 1


async def kept_nowhere(visit: Visit, evidence: Evidence) -> None:
    """Nothing fails here."""


async def test_a_real_shop_is_live_and_leaves(in_town: Tried) -> None:
    """In town its effects stay on this machine; elsewhere a yes takes a passkey."""
    real, practice = browsed_shop(in_town.shop, practice=False), browsed_shop(in_town.shop, practice=True)
    assert (real.live, real.leaves, practice.live, practice.leaves) == (True, True, False, False)
