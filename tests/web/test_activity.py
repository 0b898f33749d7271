"""Activity: everything that was asked for, found again by an address; and one run in full, down to its proof."""

import re

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.api.conftest import Door
from tests.web.barriers import barriers_in_both, too_wide
from tests.web.conftest import Visitor, visiting
from tests.web.test_kit import PHONE, SMALLEST, WIDE

SECONDS_LIVE_MAX = 2.0
PAGE = 20


def rows(page: Page) -> Locator:
    """The list of what was asked for."""
    return page.get_by_role("list", name="Activity").get_by_role("link")


async def bought(door: Door, *items: str) -> list[str]:
    """Somebody said yes to each of these; the runs, in that order."""
    runs: list[str] = []
    for item in items:
        run = await door.asked(item=item)
        await door.decide(await door.gate(run))
        runs.append(run)
    return runs


async def test_the_newest_comes_first_with_what_it_came_to(door: Door, visitor: Visitor) -> None:
    """What happened, what was declined and what waits, each with its state; `g a` leads there."""
    await bought(door, "tea")
    await door.decide(await door.gate(await door.asked(item="milk")), "refused", reason="no")
    await door.asked(item="wax")
    await visitor.page.keyboard.press("g")
    await visitor.page.keyboard.press("a")

    await expect(rows(visitor.page)).to_have_text(
        [
            re.compile(r"wax.*waits for you"),
            re.compile(r"milk.*ended; nothing was done"),
            re.compile(r"tea.*It happened, €5\.00"),
        ]
    )


async def test_what_is_looked_for_stands_in_the_address(door: Door, visitor: Visitor) -> None:
    """Words, desk and state; whoever has the address finds the same, and the way back leads to what was there."""
    await bought(door, "tea")
    await door.asked(item="wax")
    page = visitor.page
    await visitor.open("/activity")
    await page.get_by_label("State").focus()
    await page.get_by_label("State").select_option("ended")
    await expect(rows(page)).to_have_text([re.compile("tea")])
    await expect(page).to_have_url(re.compile(r"/activity\?state=ended$"))

    await expect(page.get_by_label("State")).to_be_focused()
    await page.get_by_role("heading", name="Activity").click()
    await page.keyboard.press("/")
    await page.keyboard.type("wax")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Nothing fits that.")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"state=ended&search=wax$"))

    await page.go_back()
    await expect(rows(page)).to_have_text([re.compile("tea")])
    await expect(page.get_by_label("Words of what was asked for")).to_have_value("")
    await page.go_back()
    await expect(rows(page)).to_have_count(2)
    await expect(page.get_by_label("State")).to_have_value("")
    await visitor.open("/activity?search=wax&desk=shop")
    await expect(rows(page)).to_have_text([re.compile("wax")])
    await expect(page.get_by_label("Desk")).to_have_value("shop")


async def test_page_after_page_reaches_the_first(door: Door, visitor: Visitor) -> None:
    """Twenty at a time, until there is no more."""
    for number in range(PAGE + 2):
        await door.asked(item=f"tea {number}")
    await visitor.open("/activity")
    await expect(rows(visitor.page)).to_have_count(PAGE)
    await visitor.page.get_by_role("button", name="Show more").click()

    await expect(rows(visitor.page)).to_have_count(PAGE + 2)
    await expect(rows(visitor.page).last).to_contain_text("tea 0")
    await expect(visitor.page.get_by_role("button", name="Show more")).to_have_count(0)


async def test_news_comes_into_the_list_by_itself(door: Door, visitor: Visitor) -> None:
    """It is empty, and says what will be there; two seconds after somebody asks, it is."""
    await visitor.open("/activity")
    await expect(visitor.page.get_by_text("will be listed here")).to_be_visible()
    await door.asked()
    await expect(rows(visitor.page)).to_have_count(1, timeout=SECONDS_LIVE_MAX * 1_000)


async def test_what_fails_can_be_tried_again(door: Door, visitor: Visitor) -> None:
    """The house does not answer; one button asks anew."""
    await door.asked()
    await visitor.page.route("**/api/activity*", lambda route: route.abort())
    await visitor.open("/activity")
    await expect(visitor.page.get_by_role("alert")).to_contain_text("Haloop did not answer")
    await visitor.page.unroute_all()
    await visitor.page.get_by_role("button", name="Try again").click()

    await expect(rows(visitor.page)).to_have_count(1)
    visitor.complaints.clear()  # the browser's own lines about the answer that did not come


async def test_the_keys_walk_through_the_list(door: Door, visitor: Visitor) -> None:
    """`j` and `k` move, Enter opens, and the way back leads to the list."""
    first, second = await bought(door, "tea", "milk")
    await visitor.open("/activity")
    await expect(rows(visitor.page)).to_have_count(2)
    for key in ("j", "j", "k", "j", "Enter"):
        await visitor.page.keyboard.press(key)

    await expect(visitor.page).to_have_url(re.compile(first))
    assert second != first
    await visitor.page.get_by_role("link", name="Back to the activity").click()
    await expect(rows(visitor.page)).to_have_count(2)


async def test_approved_stands_beside_executed(door: Door, visitor: Visitor) -> None:
    """Field by field, in words and not by colour; with the times, the attempts, and the whole trail."""
    (run,) = await bought(door, "tea")
    await visitor.open(f"/activity/{run}")
    table = visitor.page.get_by_role("table", name="Approved beside executed")

    await expect(table.get_by_role("row")).to_have_text(
        [
            re.compile("Field.*Approved.*Executed"),
            re.compile("Cents.*500.*500.*the same"),
            re.compile("Item.*tea.*tea.*the same"),
            re.compile("Shop.*Karl.*Karl.*the same"),
        ]
    )
    for name in ("Read before the yes", "Begun after the yes", "Carried out in", "From request to end", "Attempts"):
        await expect(visitor.page.get_by_role("term").filter(has_text=name)).to_be_visible()
    await expect(visitor.page.get_by_text("It was asked for in a form")).to_be_visible()
    await expect(visitor.page.get_by_role("list", name="What happened").get_by_role("listitem").first).to_contain_text(
        "It was asked for"
    )


async def test_what_was_said_stands_beside_what_it_meant(chromium: Browser, errands: Door) -> None:
    """The raw words, what was taken for granted in them, and the wish that was made of them."""
    said = {"words": "book a table at Luigi for 2 tomorrow around 7", "zone": "Europe/Berlin"}
    run = (await errands.client.post("/api/requests", json=said)).json()["run"]
    await errands.practice.engine.settled()
    async with visiting(chromium, errands, viewport=WIDE) as visitor:
        await visitor.open(f"/activity/{run}")
        asked = visitor.page.get_by_role("region", name="What was asked for")
        await expect(asked.get_by_text("book a table at Luigi for 2 tomorrow around 7")).to_be_visible()
        await expect(asked.get_by_text('"7" was taken for 19:00.')).to_be_visible()
        await expect(asked.get_by_text("errands.book_table")).to_be_visible()
        await expect(visitor.page.get_by_role("link", name="Open it in Today")).to_be_visible()


async def test_its_receipt_is_checked_in_the_browser(door: Door, visitor: Visitor) -> None:
    """With the key that the house names; what is proved is said, and what is not."""
    (run,) = await bought(door, "tea")
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    await visitor.open(f"/activity/{run}")
    proof = visitor.page.get_by_role("group", name="Proof")

    await expect(proof.get_by_text("Proved in this browser")).to_be_visible()
    await expect(proof.get_by_role("listitem").filter(has_text="What was approved is what ran: buy.")).to_be_visible()
    await expect(proof.get_by_text("That nothing else happened.")).to_be_visible()
    assert [url for url in asked if "opinion" in url] == []


async def test_a_receipt_that_was_altered_on_its_way_is_refused(door: Door, visitor: Visitor) -> None:
    """The server, or whoever stands between, hands over another file: the browser says so."""
    (run,) = await bought(door, "tea")

    async def alter(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=(await answer.text()).replace("effect.happened", "effect.happenee"))

    await visitor.page.route("**/receipts/*", alter)
    await visitor.open(f"/activity/{run}")
    proof = visitor.page.get_by_role("group", name="Proof")
    await expect(proof.get_by_text("This receipt does not hold")).to_be_visible()
    await expect(proof.get_by_text("it is not in the tree of its checkpoint").first).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_nobody_is_kept_out_of_a_run(chromium: Browser, door: Door, size: dict[str, int]) -> None:
    """axe finds nothing to complain of, in the list or in a run, with its proof open."""
    (run,) = await bought(door, "tea")
    async with visiting(chromium, door, viewport=size) as visitor:
        await visitor.open("/activity")
        await expect(rows(visitor.page)).to_have_count(1)
        assert await barriers_in_both(visitor.page) == []
        await visitor.open(f"/activity/{run}")
        await expect(visitor.page.get_by_text("Proved in this browser")).to_be_visible()
        await visitor.page.get_by_text("The check in its own words").click()
        assert await barriers_in_both(visitor.page) == []


@pytest.mark.parametrize("language", ["de", "pseudo"])
async def test_no_language_breaks_a_run(chromium: Browser, door: Door, language: str) -> None:
    """At 320 px nothing of the list or of a run is cut, and neither scrolls sideways."""
    (run,) = await bought(door, "tea")
    async with visiting(chromium, door, viewport=SMALLEST) as visitor:
        await visitor.page.evaluate(f"localStorage.setItem('haloop language', '{language}')")
        for place in ("/activity", f"/activity/{run}"):
            await visitor.open(place)
            await expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
            await expect(visitor.page.locator("main").get_by_text(re.compile("tea")).first).to_be_visible()
            await expect(visitor.page.locator("[aria-busy]")).to_have_count(0)
            assert await too_wide(visitor.page) == []
