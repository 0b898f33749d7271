"""Shops to visit with the system's Chromium, each with its own book to judge by."""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from httpx2 import AsyncClient, HTTPError
from playwright.async_api import async_playwright

from haloop.connectors.profiles import Profiles
from haloop.connectors.storefront.evidence import Evidence
from haloop.connectors.storefront.recipe import read_recipe
from haloop.connectors.storefront.shop import BrowsedShop
from haloop.connectors.storefront.terms import Terms
from haloop.ports.storefront import Item, PastOrder, Review, Visit
from haloop.town.line import Trouble
from haloop.town.street import Town

VISIT = Visit(household="acc_ana", run="run_1")
SHORT = timedelta(seconds=4)
"""Because what does not come is really waited for."""
PATIENT = timedelta(seconds=20)
SITE = Path(__file__).parent / "oscar"
OSCAR = Path(__file__).parents[3] / ".local" / "oscar"


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


def require_oscar() -> None:
    """A shop that nobody here wrote must be there where nothing may be missing; elsewhere its absence is said."""
    if not (OSCAR / "shop.db").exists():
        said = "NOTHING WAS BOUGHT FROM DJANGO-OSCAR: it is not installed; make setup does that"
        pytest.fail(said) if os.environ.get("CI") == "true" else pytest.skip(said)


@asynccontextmanager
async def oscar_served(folder: Path) -> AsyncIterator[str]:
    """The shop on a free port, with a database of its own, once it answers."""
    shutil.copy(OSCAR / "shop.db", folder / "shop.db")
    with socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = {"OSCAR_FOLDER": str(folder), "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(SITE)}
    process = await asyncio.create_subprocess_exec(
        *(str(OSCAR / "bin" / "python"), "-m", "django", "runserver", "--noreload"),
        f"127.0.0.1:{port}",
        env={**os.environ, **environment},
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        await _until_served(address)
        yield address
    finally:
        process.terminate()
        await process.wait()


async def _until_served(address: str) -> None:
    async with AsyncClient(base_url=address, trust_env=False, timeout=60) as http:
        for _ in range(600):
            try:
                (await http.get("/harm/orders")).raise_for_status()
            except HTTPError:
                await asyncio.sleep(0.1)
            else:
                return
    raise LookupError(f"{address} is not served.")


async def sign_in_at_oscar(address: str, profiles: Profiles) -> None:
    """What Ana does once, in a window of her own."""
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=sandbox)
        page = await chromium.new_page()
        await page.goto(f"{address}/accounts/login/")
        await page.fill("#id_login-username", "ana@example.org")
        await page.fill("#id_login-password", "correct horse battery")
        await page.click("button[name=login_submit]")
        await page.wait_for_selector("a[href='/accounts/logout/'], #logout_link")
        with profiles.held(VISIT.household, "oscar") as profile:
            profile.keep(json.dumps(await page.context.storage_state()))
        await chromium.close()


@pytest.fixture
async def in_oscar(tmp_path: Path, profiles: Profiles) -> AsyncIterator[Tried]:
    """A shop that nobody here wrote: django-oscar as it comes, with Ana signed in."""
    require_oscar()
    folder = tmp_path / "oscar"
    folder.mkdir()
    async with oscar_served(folder) as address, AsyncClient(base_url=address, trust_env=False, timeout=60) as http:

        async def told(what: str) -> Any:
            return (await http.get(f"/harm/{what}")).raise_for_status().json()

        async def orders() -> list[str]:
            numbers: list[str] = (await told("orders"))["orders"]
            return numbers

        async def raise_prices() -> None:
            await told("prices")

        async def sell_out() -> str:
            return str((await told("sold-out"))["name"])

        async def lose(how: str) -> None:
            await told(how)

        await sign_in_at_oscar(address, profiles)
        terms = Terms(recipe=read_recipe("oscar"), address=address, dry_run=False, spend_max=None, patience=PATIENT)
        async with BrowsedShop.opened(terms, profiles) as shop:
            tried = Tried(shop=shop, orders=orders, raise_prices=raise_prices, sell_out=sell_out, lose=lose)
            keep_in(tried)
            yield tried


@pytest.fixture(params=["in_town", "in_oscar"])
def tried(request: pytest.FixtureRequest) -> Tried:
    """Each of the shops in turn."""
    found: Tried = request.getfixturevalue(request.param)
    return found
