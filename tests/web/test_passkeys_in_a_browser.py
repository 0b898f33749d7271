"""The page in a real browser, with an authenticator that the browser itself plays: a passkey from end to end."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import CDPSession, Page, async_playwright, expect

from haloop.web import plain
from tests.api.conftest import Door, tea

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
DEVICE: dict[str, Any] = {
    "protocol": "ctap2",
    "transport": "usb",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
"""One with a fingerprint reader."""

# Where it must not be missing, the start of the browser fails, and names it.
pytestmark = pytest.mark.skipif(
    shutil.which("chromium") is None and os.environ.get("CI") != "true",
    reason="THE PAGE WAS NOT TRIED IN A BROWSER: chromium is missing",
)


TOUCHING = """
const create = navigator.credentials.create.bind(navigator.credentials);
const get = navigator.credentials.get.bind(navigator.credentials);
navigator.credentials.create = async (options) => { await touchNewest(); return create(options); };
navigator.credentials.get = async (options) => { await touchOldest(); return get(options); };
"""
"""Whoever touched all devices at once would be answered by the wrong one."""


@dataclass(kw_only=True)
class Browser:
    """A person's browser, open at the house's page, and the devices that lie beside it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """What the page's console says went wrong."""
    _session: CDPSession
    _devices: list[str] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def opened(cls, door: Door) -> AsyncIterator["Browser"]:
        async with async_playwright() as playwright:
            sandbox = [] if os.geteuid() else ["--no-sandbox"]  # Chromium refuses to be root inside its own
            chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
            try:
                page = await chromium.new_page()
                browser = cls(page=page, _session=await page.context.new_cdp_session(page))
                await browser._come_in(door)
                yield browser
            finally:
                await chromium.close()

    async def has_device(self) -> None:
        """One more device; a new passkey is made on the newest, and the oldest is asked to sign."""
        added = await self._session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        self._devices.append(added["authenticatorId"])

    async def click(self, name: str) -> None:
        await self.page.get_by_role("button", name=name).first.click()

    async def expect_passkeys(self, count: int) -> None:
        await expect(self.page.get_by_role("button", name="Remove")).to_have_count(count)

    async def forget(self) -> None:
        """The browser loses its session, and opens the page anew."""
        await self.page.context.clear_cookies()
        await self.page.evaluate("localStorage.clear()")
        await self.page.goto(self.page.url)
        await self.page.reload()

    async def passkeys_held(self) -> list[int]:
        """How many passkeys each device holds."""
        asked = [{"authenticatorId": device} for device in self._devices]
        return [len((await self._session.send("WebAuthn.getCredentials", one))["credentials"]) for one in asked]

    async def _come_in(self, door: Door) -> None:
        door.app.include_router(plain.router)
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await self._session.send("WebAuthn.enable")
        await self.page.expose_function("touchNewest", lambda: self._touch(self._devices[-1]))
        await self.page.expose_function("touchOldest", lambda: self._touch(self._devices[0]))
        await self.page.add_init_script(TOUCHING)
        await self.page.goto(f"{door.address}/plain?key={door.house.identity.issue_once()}")

    async def _touch(self, wanted: str) -> None:
        for device in self._devices:
            touched = {"authenticatorId": device, "enabled": device == wanted}
            await self._session.send("WebAuthn.setAutomaticPresenceSimulation", touched)


@pytest_asyncio.fixture(loop_scope="session")
async def browser(live: Door) -> AsyncIterator[Browser]:
    async with Browser.opened(live) as browser:
        yield browser


async def test_a_person_adds_a_passkey_and_approves_something_real(live: Door, browser: Browser) -> None:
    """From the one-time address: a passkey, a yes that takes it, and the receipt."""
    await browser.has_device()
    run = await live.asked()
    await browser.click("Yes, do exactly this")
    await expect(browser.page.get_by_role("status")).to_contain_text("Add one below")
    await browser.click("Add a passkey")
    await browser.expect_passkeys(1)

    await browser.click("Yes, do exactly this")

    await expect(browser.page.get_by_role("button", name="Receipt: buy")).to_be_visible()
    assert [one.item for one in live.shop.sold] == ["tea"]
    assert [one["effect"] for one in await live.got(f"/api/runs/{run}/receipts")] == ["buy"]
    assert browser.complaints == []


async def test_a_second_passkey_is_confirmed_by_the_first(browser: Browser) -> None:
    """Then either may take the other away."""
    await browser.has_device()
    await browser.click("Add a passkey")
    await browser.expect_passkeys(1)
    await browser.has_device()

    await browser.click("Add a passkey")

    await browser.expect_passkeys(2)
    assert await browser.passkeys_held() == [1, 1]
    await browser.click("Remove")
    await browser.expect_passkeys(1)
    assert browser.complaints == []


async def test_whoever_lost_their_passkey_adds_another_with_the_code_they_wrote_down(browser: Browser) -> None:
    """The page says it with the first passkey; later it stands for the one that is nowhere at hand."""
    await browser.has_device()
    await browser.click("Add a passkey")
    code = await browser.page.locator("#code-said code").text_content()
    await browser.expect_passkeys(1)
    await browser.has_device()
    await browser.page.get_by_label("With a recovery code").fill(code or "")

    await browser.click("Add a passkey")

    await browser.expect_passkeys(2)
    assert await browser.passkeys_held() == [1, 1]
    await expect(browser.page.locator("#code-said code")).not_to_have_text(code or "")
    assert browser.complaints == []


async def test_a_person_finds_out_what_nobody_knew(live: Door, browser: Browser) -> None:
    """What an agent asked for, and of which the shop's answer was lost: a form, a touch, and the receipt."""
    await browser.has_device()
    await browser.click("Add a passkey")
    await browser.expect_passkeys(1)
    live.shop.fails = True
    async with await live.agent() as agent:
        await agent.post("/api/requests", json=tea())
    await browser.click("Yes, do exactly this")
    await expect(browser.page.get_by_text("Nobody knows whether this happened")).to_be_visible()

    await browser.page.get_by_label("number").fill("17")
    await browser.page.get_by_label("How you know").fill("Karl told me.")
    await browser.click("It happened")

    await expect(browser.page.get_by_role("button", name="Receipt: buy")).to_be_visible()
    assert browser.complaints == []


async def test_other_work_does_not_disturb_an_answer(live: Door, browser: Browser) -> None:
    """A run that comes meanwhile takes its place above; what is being typed keeps its focus and its words."""
    await browser.has_device()
    await browser.click("Add a passkey")
    await browser.expect_passkeys(1)
    live.shop.fails = True
    async with await live.agent() as agent:
        await agent.post("/api/requests", json=tea())
        await browser.click("Yes, do exactly this")
        because = browser.page.get_by_label("How you know")
        await because.fill("Karl told me.")

        await agent.post("/api/requests", json=tea())
        await expect(browser.page.locator("#runs > li")).to_have_count(2)

    await expect(because).to_be_focused()
    await expect(because).to_have_value("Karl told me.")


async def test_a_person_comes_in_with_a_passkey(browser: Browser) -> None:
    """A browser that knows nobody offers it, and then shows whose page this is."""
    await browser.has_device()
    await browser.click("Add a passkey")
    await browser.expect_passkeys(1)
    await browser.forget()
    await expect(browser.page.get_by_role("heading", name="Come in")).to_be_visible()
    assert "owner" not in await browser.page.inner_text("#who")

    await browser.click("Use a passkey")

    await expect(browser.page.locator("#who")).to_have_text("Ana · owner")
    await expect(browser.page.get_by_role("heading", name="Come in")).to_be_hidden()
    assert [one for one in browser.complaints if "401" not in one] == []
