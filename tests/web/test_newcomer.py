"""Whoever has just started Haloop for the first time: from the address that it prints to a receipt they checked."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.web.test_errands import approve_by_keys, ask
from tests.web.test_today import approve
from tests.web.test_vitals import STALLED

SECONDS_MAX = 60 * STALLED
HALOOP = (sys.executable, "-c", "import sys; from haloop.cli import main; sys.exit(main())")


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[str]:
    """A real Haloop in a new home, and the address that it says to open."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HALOOP_", "HALO_"))}
    clean.pop("PORT", None)
    places = {"HALOOP_HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state")}
    haloop = await asyncio.create_subprocess_exec(
        *HALOOP, "start", "--json", "--port", "0", env={**clean, **places}, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert haloop.stdout is not None
        yield json.loads(await haloop.stdout.readline())["page"]
    finally:
        haloop.terminate()
        await haloop.communicate()


async def choose(page: Page, name: str) -> None:
    """Change the draft by keyboard, to one of those that it lists."""
    await expect(approve(page)).to_be_visible()
    await page.keyboard.press("e")
    await page.get_by_role("radio", name=name).press("Space")
    await page.keyboard.press("Enter")
    await expect(approve(page)).to_contain_text("Approve your version")


async def test_within_a_minute_a_newcomer_has_asked_changed_approved_and_verified(
    chromium: Browser, tmp_path: Path
) -> None:
    """By keyboard alone and without reading anything; the browser itself proves the receipt."""
    async with (
        asyncio.timeout(SECONDS_MAX),
        started(tmp_path) as address,
        await chromium.new_context(service_workers="block", locale="en-GB") as context,
    ):
        page = await context.new_page()
        await page.goto(address)
        await ask(page, "cancel Netflix")
        await choose(page, "Disney")
        await approve_by_keys(page)
        await expect(page.get_by_role("button", name="Save the receipt")).to_be_visible()
        for key in ("g", "a"):
            await page.keyboard.press(key)
        await expect(page.get_by_role("list", name="Activity").get_by_role("link")).to_have_count(1)
        for key in ("j", "Enter"):
            await page.keyboard.press(key)
        await expect(page.get_by_text("Proved in this browser")).to_be_visible()
