"""The page for anybody: whether Haloop answers, whether it is practice, which version; nothing of anybody's."""

from typing import Any

from playwright.async_api import Browser, expect

from tests.api.conftest import Door
from tests.web.barriers import barriers, too_wide
from tests.web.conftest import Visitor
from tests.web.test_kit import SMALLEST
from tests.web.test_public_receipt import stranger


async def test_a_stranger_learns_whether_it_answers_and_nothing_else(chromium: Browser, door: Door) -> None:
    """No login, and no question about anybody."""
    async with stranger(chromium, door, asks="status|healthz|readyz") as (page, asked):
        await page.goto(f"{door.address}/status")
        await expect(page.get_by_text("It answers, and takes work.")).to_be_visible()
        await expect(page.get_by_text("Practice: nothing is booked, bought or cancelled for real.")).to_be_visible()
        await expect(page.get_by_text("Version 0")).to_be_visible()
        assert "/readyz" in asked
        assert "Ana" not in await page.locator("body").inner_text()
        assert await barriers(page) == []


async def test_it_says_when_it_ends_and_when_nobody_answers(door: Door, visitor: Visitor) -> None:
    """Without being loaded again: it asks every few seconds."""
    page = visitor.page
    await visitor.open("/status")
    await expect(page.get_by_text("It answers, and takes work.")).to_be_visible()
    door.house.closing.set()
    await expect(page.get_by_text("It answers, and takes no work: it is ending.")).to_be_visible()
    await page.context.set_offline(True)
    await expect(page.get_by_text("It does not answer.")).to_be_visible()
    visitor.complaints.clear()  # the browser's own lines about both


async def test_no_language_breaks_it(chromium: Browser, door: Door) -> None:
    """In German at 320 px nothing is cut and nothing scrolls sideways."""
    window: dict[str, Any] = {"viewport": SMALLEST, "locale": "de-DE"}
    async with stranger(chromium, door, asks="status|healthz|readyz", **window) as (page, _):
        await page.goto(f"{door.address}/status")
        await expect(page.get_by_text("Es antwortet und nimmt Arbeit an.")).to_be_visible()
        assert await too_wide(page) == []


async def test_the_settings_lead_there(door: Door, visitor: Visitor) -> None:
    """From the room that says the same to those who belong here."""
    await visitor.open("/settings/status")
    await visitor.page.get_by_role("link", name="The page for anybody").click()
    await expect(visitor.page.get_by_text("It answers, and takes work.")).to_be_visible()
