"""`haloop connect shop`: a person signs in once in a window of their own, and visits go on from there."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket

from playwright.async_api import async_playwright

from haloop.connectors.profiles import Profiles
from haloop.connectors.storefront.recipe import read_recipe
from haloop.connectors.storefront.shop import BrowsedShop
from haloop.connectors.storefront.terms import Terms
from haloop.ports.storefront import Obstacle, Stopped
from tests.connectors.storefront.conftest import PATIENT, VISIT, oscar_served, require_oscar

REFUSED = 4


@asynccontextmanager
async def connecting(home: Path, address: str, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, as somebody at a machine without a screen gives it, once it asks to sign in."""
    machine = {name: value for name, value in os.environ.items() if not name.startswith("HALOOP_")}
    said = {"RECIPE": "oscar", "ADDRESS": address, "SPEND_MAX": "150.00 GBP"}
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("haloop")), "--home", str(home), "connect", "shop"),
        *("--account", VISIT.household, "--port", str(port)),
        env={**machine, **{f"HALOOP_SHOP_{name}": value for name, value in said.items()}},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        assert b"press Enter" in await asyncio.wait_for(process.stderr.readline(), 120)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def a_port() -> int:
    with socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def terms_at(address: str) -> Terms:
    return Terms(recipe=read_recipe("oscar"), address=address, dry_run=False, spend_max=None, patience=PATIENT)


async def test_who_signs_in_once_is_known_on_every_visit(tmp_path: Path, profiles: Profiles) -> None:
    """Before it the shop wants a person; after it the household's own orders are read."""
    require_oscar()
    port = a_port()
    async with oscar_served(tmp_path) as address:
        async with BrowsedShop.opened(terms_at(address), profiles) as shop:
            before = await shop.bought(VISIT)
        async with connecting(tmp_path, address, port) as process, async_playwright() as playwright:
            browser = await playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
            page = browser.contexts[0].pages[0]
            await page.fill("#id_login-username", "ana@example.org")
            await page.fill("#id_login-password", "correct horse battery")
            await page.click("button[name=login_submit]")
            await page.wait_for_selector("a[href='/accounts/logout/'], #logout_link")
            out, _ = await asyncio.wait_for(process.communicate(b"\n"), 120)
        async with BrowsedShop.opened(terms_at(address), profiles) as shop:
            after = await shop.bought(VISIT)

    assert before == Stopped(shop="Oscar", obstacle=Obstacle.SIGN_IN)
    assert (process.returncode, out.decode().strip()) == (0, f"{VISIT.household} is signed in at Oscar.")
    assert isinstance(after, list)
    assert len(after) == 2


async def test_who_did_not_sign_in_is_told(tmp_path: Path) -> None:
    """Nothing is kept of a window in which nobody came in."""
    require_oscar()
    async with oscar_served(tmp_path) as address, connecting(tmp_path, address, a_port()) as process:
        _, said = await asyncio.wait_for(process.communicate(b"\n"), 120)
    assert process.returncode == REFUSED
    assert "still wants sign_in" in said.decode()
    assert list((tmp_path / "shops").glob("**/*.locked")) == []
