"""What a mission changed in a project, in the app: read file by file, ticked, and pushed by a person's yes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.connectors.projects.conftest import made_garden
from tests.web.barriers import barriers, too_wide
from tests.web.conftest import Visitor, visiting
from tests.web.test_kit import WIDE
from tests.web.test_missions import SIGHTS, button
from tests.workshop.test_projects import PAINTS, Site, opened_site

LINES = 5_000
LONG = f"seq {LINES} > /mission/project/long && {PAINTS}"
SCROLL_MS_MAX = 300
"""From a jump within thousands of lines to what is painted of them, on a machine that does much else."""
JUMP = """(lines) => new Promise((done) => {
    const from = performance.now();
    lines.scrollTop = lines.scrollHeight / 2;
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - from)));
})"""


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A house whose agents paint a door and leave a long file, in the loop in which the browser is."""
    async with opened_site(tmp_path, paints=LONG) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(chromium: Browser, site: Site) -> AsyncIterator[Visitor]:
    async with visiting(chromium, site.shop.door, viewport=WIDE) as visitor:
        yield visitor


async def test_a_change_is_read_and_pushed(site: Site, visitor: Visitor) -> None:
    """The card's repository and branch stand there; a short file is open, a long one is not; a yes makes the branch."""
    mission = await site.at_the_last_gate()
    page = visitor.page
    await visitor.open(f"/missions/{mission}")

    await expect(page.get_by_text(f"Push haloop/{mission} to {site.garden.folder}")).to_be_visible()
    await expect(page.get_by_role("group", name="Lines of door", exact=True)).to_contain_text("-red+blue")
    await expect(page.get_by_role("group", name="Lines of long")).to_have_count(0)
    await page.get_by_role("checkbox", name="I have read door").check()
    await expect(page.get_by_text(f"2 files, {LINES + 1:,} lines came, 1 went; 1 read")).to_be_visible()
    await expect(button(page, "Approve and push")).to_have_attribute("aria-disabled", "false")
    await button(page, "Approve and push").click()

    await expect(page.get_by_text("This mission is over")).to_be_visible()
    await expect(page.get_by_text(f"It was pushed as haloop/{mission}.")).to_be_visible()
    assert f"haloop/{mission}" in site.garden.branches
    await page.get_by_role("link", name="See what happened, and its receipts").click()
    await expect(page.get_by_role("button", name="Save the receipt")).to_be_visible()


async def test_thousands_of_lines_are_opened_when_asked_for_and_stay_smooth(site: Site, visitor: Visitor) -> None:
    """All of them are there, and a jump to the middle is painted at once."""
    mission = await site.at_the_last_gate()
    page = visitor.page
    await visitor.open(f"/missions/{mission}")

    await page.get_by_role("button", name="long", exact=False).filter(has_text=f"+{LINES}").click()

    lines = page.get_by_role("group", name="Lines of long")
    await expect(lines).to_contain_text(f"+{LINES}")
    took = sorted([await lines.evaluate(JUMP) for _ in range(5)])
    assert took[2] <= SCROLL_MS_MAX, took


async def test_the_review_has_no_barriers(chromium: Browser, site: Site) -> None:
    """In light on a desk and in dark on a phone."""
    mission = await site.at_the_last_gate()
    for look, viewport in SIGHTS:
        async with visiting(
            chromium, site.shop.door, viewport=viewport, color_scheme=look, reduced_motion="reduce"
        ) as visitor:
            await visitor.open(f"/missions/{mission}")
            await expect(visitor.page.get_by_role("group", name="Lines of door", exact=True)).to_be_visible()
            assert await barriers(visitor.page) == []
            assert await too_wide(visitor.page) == []


async def test_an_owner_links_a_project_in_the_settings(site: Site, visitor: Visitor, tmp_path: Path) -> None:
    """What is no repository is refused with a sentence; one is shown with where it stands, until it is unlinked."""
    (tmp_path / "other").mkdir()
    garden = made_garden(tmp_path / "other")
    page = visitor.page
    await visitor.open("/settings/projects")
    await expect(page.get_by_text("No project is linked.")).to_be_visible()
    await page.get_by_label("Folder of the repository").fill(str(tmp_path))
    await button(page, "Link this folder").click()
    await expect(page.get_by_text("is no git work tree")).to_be_visible()
    visitor.complaints.clear()  # the browser's own line about the refusal

    await page.get_by_label("Folder of the repository").fill(str(garden.folder))
    await button(page, "Link this folder").click()
    await expect(page.get_by_text(str(garden.folder), exact=True)).to_be_visible()
    await expect(page.get_by_text("On main, at ")).to_be_visible()
    assert await barriers(page) == []

    await button(page, "Unlink it").click()
    await expect(page.get_by_text("No project is linked.")).to_be_visible()


async def test_a_name_that_turns_letters_round_is_spelled(tmp_path: Path, chromium: Browser) -> None:
    """What an agent calls a file is read as it is, on its line and by whoever hears the page."""
    turned = f"touch '/mission/project/gnp\u202egpj.exe' && {PAINTS}"
    async with opened_site(tmp_path, paints=turned) as site, visiting(chromium, site.shop.door, viewport=WIDE) as there:
        await there.open(f"/missions/{await site.at_the_last_gate()}")

        await expect(there.page.get_by_text(r"gnp\u{202e}gpj.exe", exact=True)).to_be_visible()
        await expect(there.page.get_by_role("checkbox", name=r"I have read gnp\u{202e}gpj.exe")).to_be_visible()
