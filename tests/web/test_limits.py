"""Limits and roles in the browser: what is stricter is done at once, what lets more happen takes the passkey."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from haloop.kernel.people import Role
from tests.api.conftest import Door
from tests.web.barriers import barriers, too_wide
from tests.web.conftest import Visitor, visiting


async def passkey_in(visitor: Visitor) -> None:
    """Ana's passkey, made in this window on a device of its own."""
    await visitor.devices()
    await visitor.open("/settings/devices")
    await visitor.page.get_by_role("button", name="Add a passkey").click()
    await expect(visitor.page.get_by_role("button", name=re.compile("^Remove"))).to_have_count(1)


async def signed(page: Page) -> list[str]:
    """What was asked of a passkey from now on."""
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.post_data or "") if sent.method == "POST" else None)
    return asked


async def ceilings(door: Door) -> list[tuple[int, int]]:
    found = await door.got("/api/budgets")
    return [(one["amount"]["minor"], one["window_days"]) for one in found]


async def test_a_ceiling_is_set_lowered_and_raised_with_the_passkey(door: Door, visitor: Visitor) -> None:
    """The difference stands there before; the device is asked once, for the higher one alone."""
    page = visitor.page
    await passkey_in(visitor)
    await visitor.open("/settings/limits")
    await page.get_by_role("button", name="Add a ceiling").click()
    await page.get_by_label("At most", exact=True).fill("500")
    asked = await signed(page)
    await page.get_by_role("button", name="Set these limits").click()
    await expect(page.get_by_role("button", name="Set these limits")).to_be_disabled()
    await expect(page.get_by_text("At most €500.00 in 30 days.")).to_be_visible()

    await page.get_by_label("At most", exact=True).fill("400")
    await expect(page.get_by_role("row", name="EUR, in 30 days €500.00 €400.00")).to_be_visible()
    await page.get_by_role("button", name="Set these limits").click()
    await expect(page.get_by_text("At most €400.00 in 30 days.")).to_be_visible()
    assert [one for one in asked if '"signature"' in one] == []

    await page.get_by_label("At most", exact=True).fill("600")
    await page.get_by_label("Whoever asked does not say the yes").check()
    await expect(page.get_by_role("row", name="Whoever asked does not say the yes no yes")).to_be_visible()
    await page.get_by_role("button", name="Set these limits").click()
    await expect(page.get_by_text("At most €600.00 in 30 days.")).to_be_visible()
    assert len([one for one in asked if '"signature"' in one]) == 1
    assert await ceilings(door) == [(60_000, 30)]
    assert (await door.got("/api/rules"))["need"]["separation"] is True

    await page.get_by_role("button", name="Take away").click()
    await expect(page.get_by_role("row", name="EUR, in 30 days €600.00 none")).to_be_visible()
    await page.get_by_role("button", name="Set these limits").click()
    await expect(page.get_by_text("None is set")).to_be_visible()
    assert await ceilings(door) == []


async def test_a_role_that_does_more_takes_the_passkey(door: Door, visitor: Visitor) -> None:
    """One tick and the device: Ben decides from then on, and the ledger keeps what was signed."""
    page, ben = visitor.page, await door.practice.person("Ben", Role.VIEWER)
    await passkey_in(visitor)
    await visitor.open("/settings/people")
    asked = await signed(page)
    await page.get_by_role("group", name="What Ben may do").get_by_role("checkbox", name="Approver").check()
    await page.get_by_role("button", name="Change what Ben may do").click()
    await expect(page.get_by_role("button", name="Change what Ben may do")).to_have_count(0)
    assert len([one for one in asked if '"signature"' in one]) == 1
    roles = {one["id"]: one["roles"] for one in await door.got("/api/people")}
    assert roles[ben] == ["approver", "viewer"]


async def test_only_an_owner_sets_limits(chromium: Browser, door: Door, visitor: Visitor) -> None:
    """Somebody who approves sees what is set, and nothing to set it with; two windows do not overwrite each other."""
    page = visitor.page
    await visitor.open("/settings/limits")
    await page.get_by_role("button", name="Add a ceiling").click()
    await page.get_by_label("At most", exact=True).fill("5")
    async with visiting(chromium, door, viewport={"width": 1280, "height": 800}) as other:
        await other.open("/settings/limits")
        await other.page.get_by_label("Whoever asked does not say the yes").check()
        await other.page.get_by_role("button", name="Set these limits").click()
        await expect(other.page.get_by_role("button", name="Set these limits")).to_be_disabled()
    await page.get_by_role("button", name="Set these limits").click()
    await expect(page.get_by_text("The rules were changed meanwhile.")).to_be_visible()
    visitor.complaints.clear()  # the browser's own line about the refusal

    roles = {"roles": ["viewer"]}
    await door.practice.person("Cem")
    assert (await door.client.post(f"/api/people/{door.ana}/roles", json=roles)).status_code == 200
    await visitor.open("/settings/limits")
    await expect(page.get_by_text("None is set")).to_be_visible()
    await expect(page.get_by_role("button", name="Set these limits")).to_have_count(0)


@pytest.mark.parametrize(("scheme", "language"), [("light", "de"), ("dark", "pseudo")])
async def test_the_limits_keep_nobody_out(chromium: Browser, door: Door, scheme: str, language: str) -> None:
    """With a ceiling typed and the difference shown: axe finds nothing, and at 320 px nothing is cut."""
    window = {"viewport": {"width": 320, "height": 640}, "color_scheme": scheme, "reduced_motion": "reduce"}
    async with visiting(chromium, door, **window) as visitor:
        page = visitor.page
        await page.evaluate(f"localStorage.setItem('haloop language', '{language}')")
        await visitor.open("/settings/limits")
        await page.locator("form button[type=button]").last.click()
        await page.locator("form input[inputmode=decimal]").fill("12345678.90")
        await expect(page.locator("form table")).to_be_visible()
        assert await barriers(page) == []
        assert await too_wide(page) == []
