"""Today: what waits for somebody, their word on it by keyboard, mouse or passkey, and what became of it."""

import asyncio
import re
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, Route, expect

from tests.api.conftest import Door, opened_to
from tests.engines.buying import Counter, desk, opened
from tests.web.barriers import barriers, barriers_in_both
from tests.web.conftest import Visitor, visiting


def approve(page: Page) -> Any:
    """The button that says yes; it names the deed."""
    return page.get_by_role("button", name=re.compile("Approve"))


async def read_to_the_end(page: Page) -> None:
    """Until the whole request was in view, a yes to something that cannot be undone is not taken."""
    await page.get_by_text(re.compile("^Card [0-9a-f]{64}$")).scroll_into_view_if_needed()
    await page.mouse.wheel(0, 4_000)
    await expect(approve(page)).to_have_attribute("aria-disabled", "false")
    await expect(approve(page).locator("kbd")).to_have_count(1)  # its key means something once the list stands still


async def test_two_keys_approve_what_was_read_to_its_end(door: Door, visitor: Visitor) -> None:
    """`a`, then Enter: it happens once, exactly as it was shown, and the receipt is there; no pointer is needed."""
    await door.asked()
    await expect(approve(visitor.page)).to_have_text(re.compile("Approve €5.00"))
    await expect(approve(visitor.page)).to_have_attribute("aria-disabled", "true")
    await read_to_the_end(visitor.page)

    await visitor.page.keyboard.press("a")
    assert door.shop.sold == []
    await visitor.page.keyboard.press("Enter")

    await expect(visitor.page.get_by_role("button", name="Save the receipt")).to_be_visible()
    await expect(visitor.page.get_by_text("What ran is what was approved")).to_be_visible()
    assert [(one.item, one.cents) for one in door.shop.sold] == [("tea", 500)]
    assert await barriers(visitor.page) == []


async def test_the_receipt_that_is_saved_is_the_house_s(door: Door, visitor: Visitor) -> None:
    """The very bytes of the file, which a stranger can check."""
    run = await door.asked()
    await read_to_the_end(visitor.page)
    await approve(visitor.page).click()
    async with visitor.page.expect_download() as saved:
        await visitor.page.get_by_role("button", name="Save the receipt").click()
    file = await (await saved.value).path()
    listed = await door.got(f"/api/runs/{run}/receipts")
    assert file.read_bytes().startswith(b"{")
    assert len(listed) == 1


async def test_many_clicks_are_one_yes(door: Door, visitor: Visitor) -> None:
    """However impatient somebody is, it is bought once."""
    await door.asked()
    await read_to_the_end(visitor.page)
    await approve(visitor.page).evaluate("(button) => { for (let n = 0; n < 50; n++) button.click(); }")
    await expect(visitor.page.get_by_role("button", name="Save the receipt")).to_be_visible()
    assert len(door.shop.sold) == 1


async def test_a_yes_that_is_sent_again_is_the_same_yes(door: Door, visitor: Visitor) -> None:
    """The page is loaded anew before its reply came, and the very request is sent fifty times more: bought once."""
    page, heard = visitor.page, asyncio.Event()

    async def keep_the_reply(route: Route) -> None:
        await route.fetch()
        heard.set()

    await door.asked()
    await read_to_the_end(page)
    await page.route("**/decisions", keep_the_reply)
    async with page.expect_request("**/decisions") as sent:
        await approve(page).click()
    yes = await sent.value
    await heard.wait()
    await page.reload()
    await expect(page.get_by_role("button", name="Save the receipt")).to_be_visible()

    again = [page.request.post(yes.url, data=yes.post_data, headers=yes.headers) for _ in range(50)]
    assert {answer.status for answer in await asyncio.gather(*again)} == {200}
    assert len(door.shop.sold) == 1


async def test_a_house_that_dies_at_a_yes_is_asked_what_became_of_it(chromium: Browser, tmp_path: Path) -> None:
    """The page says that nobody knows, and sends nothing by itself; the next house has heard no yes, and takes one."""
    shop = Counter()
    async with opened(tmp_path, shop) as practice, AsyncExitStack() as first:
        door = await first.enter_async_context(opened_to(practice, [desk()], shop))
        await door.asked()
        async with visiting(chromium, door, viewport={"width": 1280, "height": 800}) as visitor:
            page = visitor.page

            async def die(route: Route) -> None:
                await first.aclose()
                await route.abort()

            await read_to_the_end(page)
            await page.route("**/decisions", die, times=1)
            await approve(page).click()
            await expect(page.get_by_text("Nobody knows yet whether your answer arrived")).to_be_visible()
            await practice.restart()
            async with opened_to(practice, [desk()], shop, port=urlsplit(door.address).port or 0):
                await expect(page.get_by_text("Nobody knows yet whether your answer arrived")).to_have_count(0)
                assert shop.sold == []
                await approve(page).click()
                await expect(page.get_by_role("button", name="Save the receipt")).to_be_visible()
            visitor.complaints.clear()  # the browser's own lines about the time between
    assert len(shop.sold) == 1


async def test_what_may_have_happened_already_is_read_before_a_yes(door: Door, visitor: Visitor) -> None:
    """Nobody knows how the same ended before: the draft says so, and takes no yes until somebody says they read it."""
    door.shop.fails = True
    await door.decide(await door.gate(await door.asked()))
    door.shop.fails = False
    run = await door.asked()
    page = visitor.page
    await visitor.open(f"/?run={run}")
    await page.get_by_text(re.compile("^Card [0-9a-f]{64}$")).scroll_into_view_if_needed()
    await page.mouse.wheel(0, 4_000)
    read = page.get_by_role("checkbox", name="I have read this")
    await expect(read).to_be_visible()
    await expect(approve(page)).to_have_attribute("aria-disabled", "true")
    assert await barriers_in_both(page) == []
    await approve(page).dispatch_event("click")
    assert (await door.gate(run))["status"] == "open"

    await read.check()
    await approve(page).click()
    await expect(page.get_by_role("button", name="Save the receipt")).to_be_visible()


async def test_a_no_takes_a_sentence_along(door: Door, visitor: Visitor) -> None:
    """`d`, a few words, Enter; whoever asked reads them, and nothing was done."""
    run = await door.asked()
    await expect(approve(visitor.page)).to_be_visible()
    await visitor.page.keyboard.press("d")
    await visitor.page.keyboard.type("too dear")
    await visitor.page.keyboard.press("Enter")

    await expect(visitor.page.get_by_text("It was declined.")).to_be_visible()
    await expect(visitor.page.get_by_text("too dear").first).to_be_visible()
    assert (await door.got(f"/api/runs/{run}"))["reason"] == "too dear"
    assert door.shop.sold == []


async def test_a_change_makes_a_draft_that_is_approved_as_ones_own(door: Door, visitor: Visitor) -> None:
    """What was changed is shown, the button says whose version it is, and that is what is bought."""
    await door.asked()
    await expect(approve(visitor.page)).to_be_visible()
    await visitor.page.keyboard.press("e")
    await expect(visitor.page.get_by_role("spinbutton")).to_be_focused()
    await visitor.page.keyboard.type("700")
    await visitor.page.get_by_role("button", name="Make a new draft").click()

    await expect(visitor.page.get_by_text("What you changed")).to_be_visible()
    await expect(approve(visitor.page)).to_have_text(re.compile("Approve your version, €7.00"))
    await read_to_the_end(visitor.page)
    await approve(visitor.page).click()

    await expect(visitor.page.get_by_role("button", name="Save the receipt")).to_be_visible()
    assert [one.cents for one in door.shop.sold] == [700]


async def test_a_draft_that_changed_meanwhile_is_read_again(door: Door, visitor: Visitor) -> None:
    """Somebody else changes it meanwhile: the difference is shown, and no yes goes to what was not read."""
    run = await door.asked()
    await read_to_the_end(visitor.page)
    await door.decide(await door.gate(run), "changed", change=900)

    await expect(visitor.page.get_by_text("The draft changed while you read it")).to_be_visible()
    await expect(approve(visitor.page)).to_have_attribute("aria-disabled", "true")
    await approve(visitor.page).dispatch_event("click")
    assert door.shop.sold == []
    await visitor.page.get_by_role("button", name="Read the new draft").click()
    await expect(approve(visitor.page)).to_have_text(re.compile("Approve €9.00"))


async def test_of_two_windows_one_decides_and_the_other_is_told(
    chromium: Browser, door: Door, visitor: Visitor
) -> None:
    """Without anybody looking again."""
    await door.asked()
    await read_to_the_end(visitor.page)
    async with visiting(chromium, door) as other:
        await expect(approve(other.page)).to_be_visible()
        await approve(visitor.page).click()
        await expect(other.page.get_by_role("button", name="Save the receipt")).to_be_visible()
    assert len(door.shop.sold) == 1


async def test_an_answer_of_which_nobody_knows_is_not_sent_again(door: Door, visitor: Visitor) -> None:
    """The line breaks after the yes went out: the page says so, asks the gate, and shows what really happened."""

    async def lose_the_reply(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await door.asked()
    await read_to_the_end(visitor.page)
    await visitor.page.route("**/decisions", lose_the_reply)
    async with visitor.page.expect_console_message(lambda said: said.type == "error"):
        await approve(visitor.page).click()

    await expect(visitor.page.get_by_role("button", name="Save the receipt")).to_be_visible()
    assert len(door.shop.sold) == 1
    visitor.complaints.clear()  # the browser's own line about the reply that was lost


async def test_something_real_takes_the_passkey_and_nothing_less(chromium: Browser, live: Door) -> None:
    """Without one the page says where to make it; with one, one key and the device are enough."""
    await live.asked()
    async with visiting(chromium, live, viewport={"width": 1280, "height": 800}) as visitor:
        await visitor.devices()
        await expect(visitor.page.get_by_text("Takes your passkey")).to_be_visible()
        await read_to_the_end(visitor.page)
        await approve(visitor.page).click()
        await expect(visitor.page.get_by_text("This takes a passkey, and you have none")).to_be_visible()
        assert live.shop.sold == []
        await visitor.page.get_by_role("link", name="Settings").click()
        await visitor.page.get_by_role("link", name="Devices").click()
        await visitor.page.get_by_role("button", name="Add a passkey").click()
        await expect(visitor.page.get_by_role("button", name=re.compile("^Remove"))).to_have_count(1)
        await visitor.page.get_by_role("link", name="Today").click()
        await read_to_the_end(visitor.page)

        await visitor.page.keyboard.press("a")

        await expect(visitor.page.get_by_role("button", name="Save the receipt")).to_be_visible()
        assert [one.item for one in live.shop.sold] == ["tea"]


async def test_somebody_asks_from_the_app(visitor: Visitor) -> None:
    """`c`, the form, what for, and the fields that its desk takes; the draft is there to be read."""
    page = visitor.page
    await expect(page.get_by_text("Nothing happens until you say yes")).to_be_visible()
    await page.keyboard.press("c")
    await page.get_by_text("Fill in a form instead").click()
    await page.get_by_label("What for").select_option(label="Shop: buy if asked")
    await page.get_by_label("Item").fill("oolong")
    await page.locator("details").get_by_role("button", name="Ask for it").click()

    await expect(approve(page)).to_have_text(re.compile("Approve €5.00"))
    await expect(page.get_by_role("article").get_by_text("oolong").first).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_somebody_asks_in_plain_words(chromium: Browser, errands: Door) -> None:
    """What nobody does is said, what is missing is asked back, and the draft is what was meant, to the last word."""
    window = {"viewport": {"width": 1280, "height": 800}, "timezone_id": "Europe/Berlin"}
    async with visiting(chromium, errands, **window) as visitor:
        page = visitor.page
        await page.keyboard.press("c")
        await page.get_by_label("What do you want?").fill("fix kitchen sink")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="This cannot be done here")).to_be_visible()
        assert (await errands.got("/api/runs"))["runs"] == []

        await page.get_by_label("What do you want?").fill("book dinner at Luigi tomorrow around 7")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("For how many")).to_be_visible()
        await page.get_by_role("button", name="for 2").click()

        await expect(approve(page)).to_be_visible()
        await expect(page.get_by_role("dialog")).to_have_count(0)
    (run,) = (await errands.got("/api/runs"))["runs"]
    assert run["words"] == ["book dinner at Luigi tomorrow around 7", "for 2"]


async def test_a_message_leads_to_the_very_draft(chromium: Browser, door: Door) -> None:
    """An address with a gate in it opens that gate's run, whatever else waits."""
    first, second = await door.asked(item="tea"), await door.asked(item="milk")
    async with visiting(chromium, door, viewport={"width": 1280, "height": 800}) as visitor:
        for run, item in ((first, "tea"), (second, "milk")):
            await visitor.open(f"/open?draft_id={door.practice.gate_of(run)}")
            await expect(visitor.page.get_by_role("article").get_by_text(item).first).to_be_visible()


async def test_whoever_is_invited_comes_in_by_the_plain_page(visitor: Visitor) -> None:
    """What a login or an invitation begins with is the plain page's: it asks before anybody is moved anywhere."""
    visitor.page.on("dialog", lambda dialog: dialog.dismiss())
    await visitor.open("/#invitation=nothing")
    await visitor.page.reload()
    await visitor.page.wait_for_url("**/plain")


async def test_on_a_phone_it_takes_two_taps(chromium: Browser, door: Door) -> None:
    """The row, and the button that names the deed; nothing lies over it."""
    await door.asked()
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    async with visiting(chromium, door, **phone) as visitor:
        await visitor.page.get_by_role("link", name=re.compile("Buy, through karl")).tap()
        await visitor.page.get_by_text(re.compile("^Card [0-9a-f]{64}$")).scroll_into_view_if_needed()
        await visitor.page.evaluate("window.scrollBy(0, 4000)")
        await approve(visitor.page).tap()
        await expect(visitor.page.get_by_role("button", name="Save the receipt")).to_be_visible()


async def test_too_late_is_a_no_and_may_be_asked_again(door: Door, visitor: Visitor) -> None:
    """The session is over by then, too; what expired says that nothing was done, and one button asks anew."""
    run = await door.asked()
    await expect(approve(visitor.page)).to_be_visible()
    await door.practice.move(timedelta(days=8))
    await expect(visitor.page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    visitor.complaints.clear()  # the browser's own lines about the session, which is as old as the question
    await visitor.open(f"/?key={door.house.identity.issue_once()}")
    await expect(visitor.page.locator("nav")).to_be_visible()
    await visitor.open(f"/?run={run}")

    await expect(visitor.page.get_by_text("Nobody answered in time, and no answer means no.")).to_be_visible()
    await visitor.page.get_by_role("button", name="Ask again").click()

    await expect(approve(visitor.page)).to_have_text(re.compile("Approve €5.00"))
    assert run not in visitor.page.url
    assert door.shop.sold == []
