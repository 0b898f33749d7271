"""Every shared part of the app in every state: without barriers, and each state of the loop in a shape of its own."""

from itertools import combinations

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from haloop.web.pages import PLACES
from tests.api.conftest import Door
from tests.web.barriers import barriers_in_both, too_wide
from tests.web.conftest import Visitor, visiting

WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
SMALLEST: ViewportSize = {"width": 320, "height": 640}
FACES = ["Draft", "Clarify", "Unsupported", "Done"]
HOW_IT_FAILS = ["not_done", "uncertain", "refused", "expired", "withdrawn", "parked", "cancelled"]
WITHOUT_A_RUN = [place for place in PLACES if "{" not in place and place != "/open"]
LOOP_STATES = ["draft", "waiting", "running", "done", "proved", "failed", "uncertain", "expired"]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_nobody_is_kept_out(chromium: Browser, door: Door, size: dict[str, int]) -> None:
    """axe finds nothing to complain of in any place, light or dark, on a desk or a phone."""
    await door.asked()
    found = {}
    async with visiting(chromium, door, viewport=size) as visitor:
        for place in WITHOUT_A_RUN:
            await stands(visitor, place)
            found[place] = await barriers_in_both(visitor.page)
    assert found == {place: [] for place in WITHOUT_A_RUN}


@pytest.mark.parametrize("language", ["de", "pseudo"])
async def test_no_language_breaks_the_layout(chromium: Browser, door: Door, language: str) -> None:
    """At 320 px, which is also 200 % of a small window, nothing is cut and nothing scrolls sideways."""
    await door.asked()
    found = {}
    async with visiting(chromium, door, viewport=SMALLEST) as visitor:
        await visitor.page.evaluate(f"localStorage.setItem('haloop language', '{language}')")
        for place in WITHOUT_A_RUN:
            await stands(visitor, place)
            found[place] = await too_wide(visitor.page)
    assert found == {place: [] for place in WITHOUT_A_RUN}


async def stands(visitor: Visitor, place: str) -> None:
    """A place is open, with all that it fetches."""
    await visitor.open(place)
    await expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
    await expect(visitor.page.locator("[aria-busy]")).to_have_count(int(place == "/_kit"))


async def test_the_kit_shows_every_face_of_a_draft(visitor: Visitor) -> None:
    """The five of them: the draft, the question, what cannot be done, what was done, and each way to fail."""
    await visitor.open("/_kit")
    for face in FACES:
        await expect(visitor.page.get_by_role("region", name=f"DraftCard: {face}", exact=True)).to_be_visible()
    for how in HOW_IT_FAILS:
        await expect(visitor.page.get_by_role("region", name=f"DraftCard: Failed, {how}", exact=True)).to_be_visible()


async def test_the_loop_tells_each_state_by_its_shape(visitor: Visitor) -> None:
    """Without any colour no two of them look the same; and each has a name for those who see none."""
    await visitor.open("/_kit")
    loops = visitor.page.get_by_role("region", name="Loop")
    await expect(loops).to_be_visible()
    shapes = [await loops.locator(f"svg[data-loop={state}]").first.inner_html() for state in LOOP_STATES]
    names = [await loops.locator(f"svg[data-loop={state}]").first.get_attribute("aria-label") for state in LOOP_STATES]
    assert [pair for pair in combinations(shapes, 2) if pair[0] == pair[1]] == []
    assert len({name for name in names if name}) == len(LOOP_STATES)
