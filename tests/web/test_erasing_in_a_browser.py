"""Erasing a run from its page: what goes and what stays is read, a piece of its name typed, and the passkey touched."""

from playwright.async_api import Browser, expect

from haloop.kernel.people import Role
from tests.api.conftest import Door
from tests.web.barriers import barriers, too_wide
from tests.web.conftest import Visitor, visiting
from tests.web.test_activity import bought
from tests.web.test_limits import passkey_in


async def test_an_owner_erases_what_a_run_said(door: Door, visitor: Visitor) -> None:
    """Not before the end of its name is typed and a reason given; then its page says nothing of it any more."""
    page = visitor.page
    (run,) = await bought(door, "a secret")
    await passkey_in(visitor)
    await visitor.open(f"/activity/{run}")
    await page.get_by_role("button", name="Erase what this run said").click()
    await expect(page.get_by_text("What goes, for good")).to_be_visible()
    await expect(page.get_by_text("What stays")).to_be_visible()
    erase = page.get_by_role("button", name="Erase it for good")
    await page.get_by_label("Why").fill("asked for by Ben")
    await page.get_by_label(f"Type {run[-6:]}").fill(run[-5:])
    await expect(erase).to_be_disabled()
    await page.get_by_label(f"Type {run[-6:]}").fill(run[-6:])
    await erase.click()

    await expect(page.get_by_role("heading", name="Erased")).to_be_visible()
    await expect(page.get_by_role("button", name="Erase what this run said")).to_have_count(0)
    assert "a secret" not in (await door.client.get(f"/api/runs/{run}")).text


async def test_what_goes_on_and_what_is_somebody_elses_word_is_not_offered(door: Door, visitor: Visitor) -> None:
    """A run that waits is not erased, and whoever is no owner is offered nothing."""
    page, waits = visitor.page, await door.asked()
    (run,) = await bought(door, "tea")
    await visitor.open(f"/activity/{waits}")
    await expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    await expect(page.get_by_role("button", name="Erase what this run said")).to_have_count(0)
    await door.practice.person("Cem")
    await door.client.post(f"/api/people/{door.ana}/roles", json={"roles": [Role.APPROVER]})
    await visitor.open(f"/activity/{run}")
    await expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    await expect(page.get_by_role("button", name="Erase what this run said")).to_have_count(0)


async def test_erasing_keeps_nobody_out(chromium: Browser, door: Door) -> None:
    """With the form open, in German at 320 px: axe finds nothing, and nothing is cut."""
    (run,) = await bought(door, "tea")
    window = {"viewport": {"width": 320, "height": 640}, "locale": "de-DE", "reduced_motion": "reduce"}
    async with visiting(chromium, door, **window) as visitor:
        await visitor.open(f"/activity/{run}")
        await visitor.page.get_by_role("button", name="Löschen, was dieser Lauf gesagt hat").click()
        await expect(visitor.page.get_by_text("Was geht, für immer")).to_be_visible()
        assert await barriers(visitor.page) == []
        assert await too_wide(visitor.page) == []
