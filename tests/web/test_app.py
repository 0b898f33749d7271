"""What lies under every place of the app: the way in, keys, live news, being offline, and the language."""

import re

from playwright.async_api import Browser, expect

from tests.api.conftest import Door
from tests.web.conftest import Visitor, visiting

SECONDS_LIVE_MAX = 2.0
TABS = 9
STOPS, STOPS_SEEN_MIN = 25, 20
FOCUSED = """() => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
    const ring = (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) || boxShadow !== "none";
    return [document.activeElement.outerHTML.slice(0, 200), ring || document.activeElement === document.body];
}"""


async def test_the_key_in_the_address_is_used_once_and_gone(visitor: Visitor) -> None:
    """It is not left where somebody could read it; and whoever loads the page again is still in."""
    await expect(visitor.page.get_by_role("heading", name="Today")).to_be_visible()
    assert "key" not in visitor.page.url
    await visitor.page.reload()
    await expect(visitor.page.get_by_role("heading", name="Today")).to_be_visible()


async def test_whoever_is_not_known_is_told_how_to_come_in(visitor: Visitor) -> None:
    """And sees nothing of anybody's."""
    await visitor.page.evaluate("localStorage.clear()")
    await visitor.open("/settings")
    await expect(visitor.page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    await expect(visitor.page.get_by_text("haloop start")).to_be_visible()
    visitor.complaints.clear()  # the browser's own line about the 401


async def test_keys_go_everywhere_and_can_be_switched_off(visitor: Visitor) -> None:
    """`g s` goes to the settings; once single keys are off nothing happens by accident, and Ctrl K still opens."""
    keyboard = visitor.page.keyboard
    await expect(visitor.page.get_by_role("heading", name="Today")).to_be_visible()
    await keyboard.press("g")
    await keyboard.press("s")
    await expect(visitor.page.get_by_role("heading", name="Settings")).to_be_visible()
    await visitor.page.get_by_role("link", name="Keyboard").click()
    await visitor.page.get_by_role("switch").uncheck()
    await visitor.page.get_by_role("heading", name="Keyboard").click()

    await keyboard.press("g")
    await keyboard.press("t")
    await keyboard.press("c")

    await expect(visitor.page.get_by_role("heading", name="Keyboard")).to_be_visible()
    await expect(visitor.page.get_by_role("dialog")).to_have_count(0)
    await keyboard.press("Control+k")
    await expect(visitor.page.get_by_role("dialog")).to_be_visible()


async def test_what_has_the_focus_is_seen(door: Door, visitor: Visitor) -> None:
    """Tab by tab through an open draft and a room of the settings: each stop has a ring of its own."""
    await door.asked()
    page, unseen, stops = visitor.page, set(), set()
    for place, scheme in (("/", "light"), ("/settings/people", "dark")):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await visitor.open(place)
        await expect(page.locator("main").get_by_role("button").first).to_be_visible()
        for _ in range(STOPS):
            await page.keyboard.press("Tab")
            stop, ring = await page.evaluate(FOCUSED)
            stops.add(stop)
            if not ring:
                unseen.add(stop)
    assert unseen == set()
    assert len(stops) >= STOPS_SEEN_MIN


async def test_the_palette_finds_a_command_and_does_it(visitor: Visitor) -> None:
    """By a few letters of its name; Escape leaves all as it was, with the focus back."""
    page = visitor.page
    await expect(page.get_by_role("heading", name="Today")).to_be_visible()
    await page.get_by_role("link", name="Settings").focus()
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("link", name="Settings")).to_be_focused()

    await page.keyboard.press("Control+k")
    await page.keyboard.type("set go")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", name="Settings")).to_be_visible()


async def test_news_comes_by_itself(door: Door, visitor: Visitor) -> None:
    """Something is asked for elsewhere: it is there within two seconds, and nobody looked."""
    await expect(visitor.page.get_by_text("Nothing happens until you say yes")).to_be_visible()
    await door.asked()
    await expect(visitor.page.get_by_role("link", name=re.compile("Buy, through karl"))).to_be_visible(
        timeout=SECONDS_LIVE_MAX * 1_000
    )


async def test_nine_tabs_hear_by_one_stream(door: Door, visitor: Visitor) -> None:
    """A browser has six connections to a house: one tab listens and tells the others, and another takes over."""
    tabs = [visitor.page]
    for _ in range(TABS - 1):
        tabs.append(await visitor.page.context.new_page())
        await tabs[-1].goto(visitor.address)
        await expect(tabs[-1].get_by_role("heading", name="Today")).to_be_visible()
    await door.asked(item="oolong")
    for tab in tabs:
        await expect(tab.get_by_role("link", name=re.compile("Buy, through karl"))).to_be_visible()

    await tabs[0].close()
    await door.asked(item="sencha")

    for tab in tabs[1:]:
        await expect(tab.get_by_role("link", name=re.compile("Buy, through karl"))).to_have_count(2)


async def test_without_the_stream_the_page_looks_by_itself(chromium: Browser, door: Door) -> None:
    """Something between browser and house swallows streams: news still comes, every two seconds."""
    async with visiting(chromium, door) as visitor:
        await visitor.page.context.route("**/api/events", lambda route: route.abort())
        await visitor.page.reload()
        await expect(visitor.page.get_by_text("Nothing happens until you say yes")).to_be_visible()
        await door.asked()
        await expect(visitor.page.get_by_role("link", name=re.compile("Buy, through karl"))).to_be_visible(
            timeout=8_000
        )
        await visitor.page.goto("about:blank")
        visitor.complaints.clear()  # the browser's own lines about what was swallowed


async def test_offline_decisions_are_off_and_nothing_is_kept_for_later(door: Door, visitor: Visitor) -> None:
    """What was loaded can be read; a yes is not said, and none is queued."""
    run = await door.asked()
    await visitor.page.get_by_role("button", name=re.compile("Approve")).wait_for()
    await visitor.page.context.set_offline(True)
    await expect(visitor.page.get_by_text("You are offline", exact=True)).to_be_visible()
    await visitor.page.keyboard.press("a")
    await visitor.page.keyboard.press("Enter")
    await expect(visitor.page.get_by_text("Decisions are off while you are offline")).to_be_visible()

    await visitor.page.context.set_offline(False)

    await expect(visitor.page.get_by_text("You are offline", exact=True)).to_have_count(0)
    assert (await door.gate(run))["status"] == "open"
    visitor.complaints.clear()  # the browser's own lines about the network


async def test_german_is_spoken_where_it_is_wanted(chromium: Browser, door: Door) -> None:
    """By the browser's own wish, with German amounts."""
    await door.asked(cents=123_450)
    async with visiting(chromium, door, locale="de-DE") as visitor:
        await expect(visitor.page.get_by_role("heading", name="Heute")).to_be_visible()
        await expect(visitor.page.get_by_role("button", name=re.compile(r"1\.234,50\s€ zustimmen"))).to_be_visible()
        assert await visitor.page.locator("html").get_attribute("lang") == "de"
