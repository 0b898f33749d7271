"""Sheets on the phone: a finger draws them down to close them, and says neither yes nor no with it."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, CDPSession, Locator, Page, expect

from tests.api.conftest import Door
from tests.desks.errands.street import opened_street
from tests.web.barriers import barriers, barriers_in_both, too_wide
from tests.web.conftest import visiting
from tests.web.phone import PHONE
from tests.web.test_kit import WIDE
from tests.web.test_phone import TARGET_PX
from tests.web.test_today import approve

TALL = {**PHONE, "viewport": {"width": 390, "height": 2_000}}
"""A whole draft fits on it, so that its yes can be said at once."""
FAR, SHORT = 200.0, 60.0


class Finger:
    """One that touches the screen, moves, and is lifted."""

    def __init__(self, session: CDPSession, x: float, y: float) -> None:
        self._session = session
        self._x, self._y = x, y

    @classmethod
    async def on(cls, page: Page, place: Locator) -> "Finger":
        box = await place.bounding_box()
        assert box is not None
        session = await page.context.new_cdp_session(page)
        finger = cls(session, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await finger._does("touchStart")
        return finger

    async def moves(self, by: float) -> None:
        for _ in range(10):
            self._y += by / 10
            await self._does("touchMove")

    async def lifts(self) -> None:
        await self._session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    async def draws(self, by: float) -> None:
        await self.moves(by)
        await self.lifts()

    async def _does(self, what: str) -> None:
        point = {"x": self._x, "y": self._y}
        await self._session.send("Input.dispatchTouchEvent", {"type": what, "touchPoints": [point]})


def handle(page: Page) -> Locator:
    return page.locator("[data-handle]:visible").last


def the_list(page: Page) -> Locator:
    return page.get_by_role("link", name=re.compile("Buy, through karl"))


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
async def test_a_draft_is_drawn_down_to_go_back_to_the_list(chromium: Browser, door: Door, motion: str) -> None:
    """It follows the finger; let go early it stays, far enough down it closes, and nothing was decided."""
    run = await door.asked()
    async with visiting(chromium, door, **PHONE, reduced_motion=motion) as visitor:
        page = visitor.page
        await visitor.open(f"/?run={run}")
        await expect(approve(page)).to_be_visible()
        assert (await handle(page).bounding_box() or {"height": 0})["height"] >= TARGET_PX
        above = (await approve(page).bounding_box() or {})["y"]
        finger = await Finger.on(page, handle(page))
        await finger.moves(SHORT)
        await expect(page.locator("[data-drawn]")).to_have_css("translate", f"0px {SHORT:.0f}px")
        await finger.lifts()
        await expect(page.locator("[data-drawn]")).to_have_count(0)
        assert abs((await approve(page).bounding_box() or {})["y"] - above) <= SHORT

        await (await Finger.on(page, handle(page))).draws(FAR)

        await expect(the_list(page)).to_be_visible()
        await expect(approve(page)).to_have_count(0)
    assert (await door.gate(run))["status"] == "open"


async def test_a_reason_that_was_typed_is_not_drawn_away(chromium: Browser, door: Door) -> None:
    """The sheet stays, and what was written in it; once that is taken out again, it closes."""
    run = await door.asked()
    async with visiting(chromium, door, **PHONE) as visitor:
        page = visitor.page
        await visitor.open(f"/?run={run}")
        await page.get_by_role("button", name="Decline", exact=True).tap()
        reason = page.get_by_label("What should be different?")
        await reason.fill("Green tea, please.")
        await page.evaluate("window.scrollTo(0, 0)")
        await (await Finger.on(page, handle(page))).draws(FAR)
        await expect(reason).to_have_value("Green tea, please.")
        await expect(reason).to_be_focused()
        assert await barriers(page) == []

        await reason.fill("")
        await page.evaluate("window.scrollTo(0, 0)")
        await (await Finger.on(page, handle(page))).draws(FAR)
        await expect(the_list(page)).to_be_visible()


async def test_no_drag_says_yes(chromium: Browser, door: Door) -> None:
    """Neither one that ends on the button, nor one that begins there; a touch does."""
    run = await door.asked()
    async with visiting(chromium, door, **TALL) as visitor:
        page = visitor.page
        for begins, by in ((handle(page), None), (approve(page), FAR), (approve(page), -FAR)):
            await visitor.open(f"/?run={run}")
            await expect(approve(page)).to_have_attribute("aria-disabled", "false")
            top, button = await handle(page).bounding_box(), await approve(page).bounding_box()
            assert top is not None
            assert button is not None
            await (await Finger.on(page, begins)).draws(button["y"] - top["y"] if by is None else by)
        assert door.shop.sold == []

        await visitor.open(f"/?run={run}")
        await approve(page).tap()
        await expect(page.get_by_role("button", name="Save the receipt")).to_be_visible()
    assert len(door.shop.sold) == 1


async def test_what_was_pressed_into_a_form_is_not_drawn_away(chromium: Browser, tmp_path: Path) -> None:
    """A stepper's value is kept as a typed one is; a form in which nothing was touched closes."""
    async with opened_street(tmp_path) as street, visiting(chromium, street.door, **PHONE) as visitor:
        page = visitor.page
        said = {"words": "order coffee", "zone": "Europe/Berlin"}
        run = (await street.door.client.post("/api/requests", json=said)).json()["run"]
        await visitor.open(f"/?run={run}")
        await page.get_by_role("button", name="Change", exact=True).tap(timeout=60_000)
        quantity = page.get_by_role("spinbutton").first
        await page.get_by_role("button", name=re.compile("^One more")).first.tap()
        await expect(quantity).to_have_value("2")
        await page.evaluate("window.scrollTo(0, 0)")
        await (await Finger.on(page, handle(page))).draws(FAR)
        await expect(quantity).to_have_value("2")
        await expect(quantity).to_be_focused()

        await visitor.open(f"/?run={run}")
        await page.get_by_role("button", name="Change", exact=True).tap()
        await expect(quantity).to_be_visible()
        await page.evaluate("window.scrollTo(0, 0)")
        await (await Finger.on(page, handle(page))).draws(FAR)
        await expect(page.get_by_role("link", name=re.compile("Order at"))).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, PHONE["viewport"]], ids=["wide", "phone"])
async def test_no_open_sheet_keeps_anybody_out(chromium: Browser, door: Door, size: dict[str, int]) -> None:
    """axe finds nothing in a draft, its change, its no, the composer, the palette and the keys; light and dark."""
    run = await door.asked()
    found = {}
    async with visiting(chromium, door, viewport=size) as visitor:
        page = visitor.page
        await visitor.open(f"/?run={run}")
        await expect(approve(page)).to_be_visible()
        for name, key, part in (
            ("draft", "Shift", approve(page)),
            ("change", "e", page.get_by_role("heading", name="What should be different?")),
            ("no", "d", page.get_by_label("What should be different?")),
            ("composer", "c", page.get_by_role("dialog").get_by_label("What do you want?")),
            ("palette", "Control+k", page.get_by_role("combobox")),
            ("keys", "?", page.get_by_role("dialog")),
        ):
            await page.keyboard.press(key)
            await expect(part).to_be_visible()
            found[name] = await barriers_in_both(page)
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("dialog")).to_have_count(0)
            await visitor.open(f"/?run={run}")
            await expect(approve(page)).to_be_visible()
    assert found == {name: [] for name in found}


@pytest.mark.parametrize("language", ["en", "de"])
async def test_the_composer_is_drawn_down_too(chromium: Browser, door: Door, language: str) -> None:
    """Unless somebody has begun to write; it is no barrier for anybody, and cuts nothing off."""
    async with visiting(chromium, door, **PHONE) as visitor:
        page = visitor.page
        await page.evaluate(f"localStorage.setItem('haloop language', '{language}')")
        await visitor.open("/")
        ask = page.locator("nav button")
        await ask.tap()
        words = page.get_by_role("dialog").get_by_role("textbox").first
        await words.fill("tea")
        await (await Finger.on(page, handle(page))).draws(FAR)
        await expect(words).to_have_value("tea")
        assert await barriers(page) == []
        assert await too_wide(page) == []
        await words.fill("")
        await (await Finger.on(page, handle(page))).draws(FAR)
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(ask).to_be_focused()
