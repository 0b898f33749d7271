"""The room of the defaults: what is usually meant is seen by everybody, set by an owner, and meant from then on."""

import pytest
from playwright.async_api import Browser, Page, expect

from haloop.kernel.people import Role
from tests.api.conftest import Door
from tests.web.barriers import barriers_in_both, too_wide
from tests.web.conftest import Visitor, visiting
from tests.web.test_kit import SMALLEST, WIDE

USUAL = {"place": "Trattoria Luigi", "party": 2, "earliest": "18:30:00", "latest": "20:30:00"}


async def set_them(page: Page) -> None:
    await page.get_by_role("button", name="Set these defaults").click()
    await expect(page.locator("form table")).to_have_count(0)  # nothing would be different any more


async def test_a_usual_table_is_set_and_meant_where_nothing_is_said(chromium: Browser, errands: Door) -> None:
    """What would be different is shown first; then three words are a draft, and what is emptied is no more."""
    async with visiting(chromium, errands, viewport=WIDE) as visitor:
        page = visitor.page
        await visitor.open("/settings")
        await page.get_by_role("link", name="Defaults").click()
        await expect(page.get_by_role("button", name="Set these defaults")).to_be_disabled()
        await page.get_by_label("Where").fill("Trattoria Luigi")
        await page.get_by_label("People").fill("2")
        await page.get_by_label("At the earliest").fill("18:30")
        await page.get_by_label("At the latest").fill("20:30")
        await expect(page.get_by_role("row", name="At the earliest none 18:30")).to_be_visible()
        assert await barriers_in_both(page) == []
        await set_them(page)
        await expect(page.get_by_label("At the latest")).to_have_value("20:30")
        assert (await errands.got("/api/defaults"))[0]["values"] == USUAL

        said = {"words": "book dinner Friday", "zone": "Europe/Berlin"}
        run = (await errands.client.post("/api/requests", json=said)).json()["run"]
        await visitor.open(f"/?run={run}")
        await expect(page.get_by_text("No place was said: Trattoria Luigi, your usual one.").first).to_be_visible()

        await visitor.open("/settings/defaults")
        await page.get_by_label("People").fill("")
        await set_them(page)
    assert "party" not in (await errands.got("/api/defaults"))[0]["values"]


async def test_what_does_not_fit_is_said_and_not_set(chromium: Browser, errands: Door) -> None:
    """An hour alone is no window; the form keeps what was typed."""
    async with visiting(chromium, errands, viewport=WIDE) as visitor:
        page = visitor.page
        await visitor.open("/settings/defaults")
        await page.get_by_label("At the earliest").fill("18:30")
        await page.get_by_role("button", name="Set these defaults").click()
        await expect(page.get_by_role("alert")).to_contain_text("earliest and latest go together")
        await expect(page.get_by_label("At the earliest")).to_have_value("18:30")
        visitor.complaints.clear()  # the browser's own line about the refusal
    assert (await errands.got("/api/defaults"))[0]["values"] == {}


async def test_whoever_is_no_owner_sees_them(chromium: Browser, errands: Door) -> None:
    """Each with its name; there is nothing to set them with."""
    await errands.client.put("/api/defaults", json={"desk": "errands", "values": USUAL})
    await errands.practice.person("Cem")
    await errands.client.post(f"/api/people/{errands.ana}/roles", json={"roles": [Role.VIEWER]})
    async with visiting(chromium, errands, viewport=WIDE) as visitor:
        await visitor.open("/settings/defaults")
        usual = visitor.page.get_by_role("region", name="Errands")
        await expect(usual).to_contain_text("At the latest20:30")
        await expect(visitor.page.get_by_text("Only an owner changes what is here.")).to_be_visible()
        await expect(visitor.page.get_by_role("button", name="Set these defaults")).to_have_count(0)


async def test_where_no_desk_takes_any_that_is_said(visitor: Visitor) -> None:
    """A house whose desks take nothing for granted."""
    await visitor.open("/settings/defaults")
    await expect(visitor.page.get_by_text("No desk here takes any.")).to_be_visible()


@pytest.mark.parametrize("language", ["de", "pseudo"])
async def test_no_language_breaks_the_room(chromium: Browser, errands: Door, language: str) -> None:
    """At 320 px, with a difference shown, nothing is cut and nothing scrolls sideways."""
    async with visiting(chromium, errands, viewport=SMALLEST) as visitor:
        await visitor.page.evaluate(f"localStorage.setItem('haloop language', '{language}')")
        await visitor.open("/settings/defaults")
        await visitor.page.locator("form input[type=text]").fill("Gasthaus zum Goldenen Hirschen am Marktplatz")
        await expect(visitor.page.locator("form table")).to_be_visible()
        assert await too_wide(visitor.page) == []
