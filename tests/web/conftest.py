"""A browser in front of a house with its door open: the system's Chromium, and what its console complains of.

One browser is started for all tests, for each a window of its own that leaves nothing behind; so all of them, and
whatever else they are given, live on one event loop.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, CDPSession, Page, async_playwright, expect

from haloop.web import plain
from haloop.web.pages import Begins, make_pages
from tests.api.conftest import Door, opened_door, opened_errands
from tests.notices.post import PushService, push_service

# Shared machines stall now and then; a stall is not a finding.
expect.set_options(timeout=20_000)

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ALONE = ["--disable-background-networking", "--disable-component-update", "--disable-quic", "--disable-sync"]
"""Chromium asks its maker for news otherwise; nothing in a test leaves the machine."""
SANDBOX = [] if os.geteuid() else ["--no-sandbox"]
"""Chromium refuses to be root inside its own."""
DEVICE: dict[str, Any] = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
"""A device with a fingerprint reader."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where Chromium must not be missing, its start fails, and names it; elsewhere the reason is said."""
    for item in items:
        if item.path.parent == Path(__file__).parent and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
    if shutil.which("chromium") is not None or os.environ.get("CI") == "true":
        return
    missing = pytest.mark.skip(reason="THE APP WAS NOT TRIED IN A BROWSER: chromium is missing")
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(missing)


@dataclass(kw_only=True)
class Visitor:
    """Somebody with a browser window, open at the house."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    """What the console says went wrong."""
    strays: list[str] = field(default_factory=list)
    """What was asked of anybody but the house."""

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.address}{path}")

    async def devices(self) -> CDPSession:
        """A device beside the window, with which passkeys are made."""
        session = await self.page.context.new_cdp_session(self.page)
        await session.send("WebAuthn.enable")
        await session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        return session

    def watch(self) -> None:
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws") and f"{parts.scheme}://{parts.netloc}" != self.address:
            self.strays.append(url)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*SANDBOX, *ALONE])
        try:
            yield browser
        finally:
            await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened_door(tmp_path) as door:
        yield door


@pytest_asyncio.fixture(loop_scope="session")
async def live(tmp_path: Path) -> AsyncIterator[Door]:
    """The same, and what is bought there is real."""
    async with opened_door(tmp_path, live=True) as door:
        yield door


@pytest_asyncio.fixture(loop_scope="session")
async def errands(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened_errands(tmp_path) as door:
        yield door


@pytest_asyncio.fixture(loop_scope="session")
async def service() -> AsyncIterator[PushService]:
    async with push_service() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def told(tmp_path: Path, service: PushService) -> AsyncIterator[Door]:
    """A house that reaches devices through the push service."""
    async with opened_door(tmp_path, service=service.address) as door:
        yield door


@asynccontextmanager
async def visiting(chromium: Browser, door: Door, **window: Any) -> AsyncIterator[Visitor]:
    """A window of its own, signed in at the house; it must not complain, nor ask anybody else."""
    _serve_app(door)
    alone = {"locale": "en-GB", "service_workers": "block"}
    context: BrowserContext = await chromium.new_context(**{**alone, **window})
    visitor = Visitor(page=await context.new_page(), address=door.address)
    visitor.watch()
    await visitor.open(f"/?key={door.house.identity.issue_once()}")
    await expect(visitor.page.locator("nav")).to_be_visible()
    try:
        yield visitor
    finally:
        await context.close()
    assert visitor.complaints == []
    assert visitor.strays == []


def _serve_app(door: Door) -> None:
    if not any(getattr(route, "name", "") == "app_today" for route in door.app.routes):
        door.app.include_router(
            make_pages(Begins(version="0", desks=[desk.name for desk in door.house.desks], live=False))
        )
        door.app.include_router(plain.router)


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(chromium: Browser, door: Door) -> AsyncIterator[Visitor]:
    async with visiting(chromium, door, viewport={"width": 1280, "height": 800}) as visitor:
        yield visitor
