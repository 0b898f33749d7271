"""Shops to visit with the system's Chromium, each with its own book to judge by."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from haloop.connectors.storefront.evidence import Evidence
from haloop.connectors.storefront.profiles import Profiles
from haloop.connectors.storefront.recipe import read_recipe
from haloop.connectors.storefront.shop import BrowsedShop
from haloop.connectors.storefront.terms import Terms
from haloop.ports.storefront import Item, PastOrder, Review, Visit
from haloop.town.line import Trouble
from haloop.town.street import Town

VISIT = Visit(household="acc_ana", run="run_1")
SHORT = timedelta(seconds=4)
"""Because what does not come is really waited for."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where Chromium must not be missing, its start fails, and names it; elsewhere the reason is said."""
    if shutil.which("chromium") is not None or os.environ.get("CI") == "true":
        return
    missing = pytest.mark.skip(reason="NO SHOP WAS VISITED WITH A BROWSER: chromium is missing")
    for item in items:
        if "profiles" in getattr(item, "fixturenames", ()):
            item.add_marker(missing)


@dataclass(kw_only=True)
class Tried:
    """A shop, what its own book says, and what can be done to it from outside."""

    shop: BrowsedShop
    orders: Callable[[], Awaitable[list[str]]]
    """The numbers of the household's orders, the newest first."""
    raise_prices: Callable[[], Awaitable[None]]
    sell_out: Callable[[], Awaitable[str]]
    """The name of what is gone."""
    lose: Callable[[str], Awaitable[None]]
    """The next order is `done` and answered with an error, or it is `lost` on its way."""
    kept: list[Evidence] = field(default_factory=list)

    async def usual(self) -> list[Item]:
        """What the household ordered last."""
        bought = await self.shop.bought(VISIT)
        assert isinstance(bought, list), bought
        return list(bought[0].items)

    async def past(self) -> list[PastOrder]:
        bought = await self.shop.bought(VISIT)
        assert isinstance(bought, list), bought
        return bought

    async def reviewed(self) -> Review:
        review = await self.shop.review(VISIT, await self.usual())
        assert isinstance(review, Review), review
        return review


def keep_in(tried: Tried) -> None:
    async def keep(_: Visit, evidence: Evidence) -> None:
        tried.kept.append(evidence)

    tried.shop.keep = keep


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    return Profiles(tmp_path / "shops")


def town_terms(town: Town, **other: Any) -> Terms:
    terms = {"recipe": read_recipe("town"), "address": town.shop_address, "dry_run": False, "spend_max": None}
    return Terms(**{**terms, "patience": SHORT, **other})


@pytest.fixture
async def in_town(town: Town, profiles: Profiles) -> AsyncIterator[Tried]:
    """The town's own shop."""

    async def orders() -> list[str]:
        return [order.number for order in town.shop_book.orders_of(VISIT.household)]

    async def raise_prices() -> None:
        town.shop_book.change_price("coffee", "15.90")

    async def sell_out() -> str:
        town.shop_book.sell_out("coffee")
        return "Morning Bell coffee beans, 1 kg"

    async def lose(how: str) -> None:
        trouble = Trouble.ERROR_AFTER if how == "done" else Trouble.REQUEST_LOST
        town.shop_line.awaiting["POST /checkout/place"] = trouble

    async with BrowsedShop.opened(town_terms(town), profiles) as shop:
        tried = Tried(shop=shop, orders=orders, raise_prices=raise_prices, sell_out=sell_out, lose=lose)
        keep_in(tried)
        yield tried


@pytest.fixture(params=["in_town"])
def tried(request: pytest.FixtureRequest) -> Tried:
    """Each of the shops in turn."""
    found: Tried = request.getfixturevalue(request.param)
    return found
