"""Several drafts under one word: each read in full, decided by keyboard or one passkey, and answered by itself."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from haloop.kernel.ids import RunId
from tests.api.conftest import Door
from tests.web.barriers import barriers, barriers_in_both, too_wide
from tests.web.conftest import Visitor, visiting

WINDOW = {"width": 1280, "height": 800}


async def together(door: Door, page: Page, runs: list[RunId]) -> None:
    """Open these side by side, to the end of the last one."""
    gates = " ".join(door.practice.gate_of(run) for run in runs)
    await page.goto(f"{door.address}/?select={gates}&together=")
    await expect(page.get_by_role("table")).to_be_visible()
    await read_all(page)


async def read_all(page: Page) -> None:
    """Until each request was in view to its end, a yes to what cannot be undone is not taken."""
    await page.get_by_text(re.compile("^Card [0-9a-f]{64}$")).last.scroll_into_view_if_needed()
    await page.mouse.wheel(0, 20_000)
    await expect(yes(page).locator("kbd")).to_have_count(1)  # its key means something once the list stands still


def yes(page: Page) -> Any:
    return page.get_by_role("button", name=re.compile("^Approve"))


def row(page: Page, item: str) -> Any:
    """What the table says of the draft about this."""
    return page.get_by_role("row").filter(has_text=item)


async def has_passkey(visitor: Visitor) -> None:
    await visitor.devices()
    await visitor.open("/settings/devices")
    await visitor.page.get_by_role("button", name="Add a passkey").click()
    await expect(visitor.page.get_by_role("button", name=re.compile("^Remove"))).to_have_count(1)


async def test_keys_alone_select_read_and_approve_several(door: Door, visitor: Visitor) -> None:
    """`x` selects, Enter opens them side by side, each in full; `a`, Enter, and each was bought once."""
    await door.asked(item="tea")
    await door.asked(item="milk", cents=300)
    page, keyboard = visitor.page, visitor.page.keyboard
    await expect(page.get_by_role("checkbox")).to_have_count(2)
    await expect(page.get_by_role("button", name=re.compile("Approve €5.00"))).to_be_visible()
    await keyboard.press("x")
    await keyboard.press("j")
    await keyboard.press("x")
    await expect(page.get_by_text("2 selected")).to_be_visible()
    await keyboard.press("Enter")

    await expect(page.get_by_role("row", name=re.compile("Total of 2"))).to_contain_text("€8.00")
    await expect(page.get_by_role("group", name="The exact request")).to_have_count(2)
    await expect(yes(page)).to_have_attribute("aria-disabled", "true")
    await read_all(page)
    await expect(yes(page)).to_have_text(re.compile("Approve 2, €8.00"))
    assert await barriers(page) == []
    await keyboard.press("a")
    assert door.shop.sold == []
    await keyboard.press("Enter")

    await expect(page.get_by_role("row").get_by_text("Approved", exact=True)).to_have_count(2)
    assert sorted(one.item for one in door.shop.sold) == ["milk", "tea"]


async def test_the_lists_are_narrowed_by_words(door: Door, visitor: Visitor) -> None:
    """`/` and a word of what would be sent; the address keeps it, and Escape leaves the field for the keys."""
    for item in ("oolong", "sencha"):
        await door.asked(item=item)
    page, keyboard = visitor.page, visitor.page.keyboard
    await expect(page.get_by_role("checkbox")).to_have_count(2)
    await keyboard.press("/")
    await keyboard.type("senc")
    await expect(page.get_by_role("link", name=re.compile("Buy, through karl"))).to_have_count(1)
    await keyboard.press("Escape")
    await keyboard.press("j")

    await expect(page.get_by_role("article").get_by_text("sencha").first).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("searchbox", name="Filter")).to_have_value("senc")
    await expect(page.get_by_role("link", name=re.compile("Buy, through karl"))).to_have_count(1)


async def test_one_no_with_one_sentence_is_for_all(door: Door, visitor: Visitor) -> None:
    """`d` and a few words; whoever asked for each of them reads these, and nothing was done."""
    runs = [await door.asked(item="tea"), await door.asked(item="milk")]
    await together(door, visitor.page, runs)
    await visitor.page.keyboard.press("d")
    await visitor.page.keyboard.type("not this week")
    await visitor.page.keyboard.press("Enter")

    await expect(visitor.page.get_by_role("row").get_by_text("Declined", exact=True)).to_have_count(2)
    assert [(await door.got(f"/api/runs/{run}"))["reason"] for run in runs] == ["not this week"] * 2
    assert door.shop.sold == []


async def test_one_passkey_signs_all_of_them(chromium: Browser, live: Door) -> None:
    """What is real takes the passkey, once: it signs exactly these decisions, and each of them counts."""
    async with visiting(chromium, live, viewport=WINDOW) as visitor:
        await has_passkey(visitor)
        runs = [await live.asked(item="tea"), await live.asked(item="milk")]
        asked: list[str] = []
        visitor.page.on("request", lambda request: asked.append(request.url.rpartition("/api/")[2]))
        await together(live, visitor.page, runs)
        await expect(visitor.page.get_by_text("Takes your passkey, once for all of them")).to_be_visible()

        await visitor.page.keyboard.press("a")

        await expect(visitor.page.get_by_role("row").get_by_text("Approved", exact=True)).to_have_count(2)
        assert [one for one in asked if "challenge" in one] == ["decisions/challenge"]
        assert sorted(one.item for one in live.shop.sold) == ["milk", "tea"]


async def test_what_takes_a_passkey_is_not_mixed_with_what_does_not(door: Door, visitor: Visitor) -> None:
    """The page says why, no yes is taken, and a no still is."""
    plain = await door.asked(item="tea")
    order = {"order": {"cents": 300, "item": "milk", "shop": "Karl"}, "asks": {"passkey": True}}
    said = {"desk": "shop", "procedure": "buy", "arguments": order}
    signed = RunId((await door.client.post("/api/requests", json=said)).json()["run"])
    await door.practice.engine.settled()
    await together(door, visitor.page, [plain, signed])

    await expect(visitor.page.get_by_text("Some of these take your passkey and some do not")).to_be_visible()
    await expect(yes(visitor.page)).to_have_attribute("aria-disabled", "true")
    await yes(visitor.page).dispatch_event("click")
    await visitor.page.keyboard.press("d")
    await visitor.page.keyboard.press("Enter")

    await expect(visitor.page.get_by_role("row").get_by_text("Declined", exact=True)).to_have_count(2)
    assert door.shop.sold == []


async def test_one_that_changed_is_left_out_until_it_was_read(door: Door, visitor: Visitor) -> None:
    """Its row shows what is different, the others are approved without it; and then it is, as it is now."""
    runs = [await door.asked(item="tea"), await door.asked(item="milk", cents=300)]
    await together(door, visitor.page, runs)
    await door.decide(await door.gate(runs[1]), "changed", change=900)
    changed = row(visitor.page, "milk").first
    await expect(changed).to_contain_text("It changed since you read it, and is left out")
    await expect(changed).to_contain_text("€9.00")
    await expect(yes(visitor.page)).to_have_text(re.compile("Approve 1, €5.00"))
    await read_all(visitor.page)
    await yes(visitor.page).click()
    await expect(row(visitor.page, "tea").first).to_contain_text("Approved")
    assert [one.item for one in door.shop.sold] == ["tea"]

    await visitor.page.get_by_role("button", name="Read the new draft").click()
    await read_all(visitor.page)
    await yes(visitor.page).click()

    await expect(visitor.page.get_by_role("row").get_by_text("Approved", exact=True)).to_have_count(2)
    assert [one.cents for one in door.shop.sold] == [500, 900]


async def test_one_that_changes_while_the_yes_is_on_its_way_is_refused_alone(door: Door, visitor: Visitor) -> None:
    """The server says so of that row, with its difference; nobody's yes to the other hangs on it."""
    runs = [await door.asked(item="tea"), await door.asked(item="milk", cents=300)]
    await together(door, visitor.page, runs)

    async def change_before(way: Route) -> None:
        await door.decide(await door.gate(runs[1]), "changed", change=900)
        await way.continue_()

    await visitor.page.route("**/api/decisions", change_before)
    await yes(visitor.page).click()

    await expect(row(visitor.page, "tea").first).to_contain_text("Approved")
    await expect(row(visitor.page, "milk").first).to_contain_text("€9.00")
    await expect(row(visitor.page, "milk").get_by_role("button", name="Read the new draft")).to_be_visible()
    assert [one.item for one in door.shop.sold] == ["tea"]


async def test_of_two_windows_that_decide_at_once_one_wins(chromium: Browser, door: Door, visitor: Visitor) -> None:
    """The other's no arrives later: each of its rows is told that it came too late, and nothing is done twice."""
    runs = [await door.asked(item="tea"), await door.asked(item="milk")]
    await together(door, visitor.page, runs)
    async with visiting(chromium, door, viewport=WINDOW) as other:
        await together(door, other.page, runs)

        async def let_the_first_win(way: Route) -> None:
            await yes(visitor.page).click()
            await expect(visitor.page.get_by_role("row").get_by_text("Approved", exact=True)).to_have_count(2)
            await way.continue_()

        await other.page.route("**/api/decisions", let_the_first_win)
        await other.page.keyboard.press("d")
        await other.page.keyboard.press("Enter")

        await expect(other.page.get_by_role("row").get_by_text("closed: it was approved")).to_have_count(2)
    assert len(door.shop.sold) == 2


async def test_what_was_decided_elsewhere_is_said(chromium: Browser, door: Door, visitor: Visitor) -> None:
    """Without anybody looking again; there is nothing left to say yes to."""
    runs = [await door.asked(item="tea"), await door.asked(item="milk")]
    await together(door, visitor.page, runs)
    for run in runs:
        await door.decide(await door.gate(run), "refused")
    await expect(visitor.page.get_by_text("It no longer waits: it was decided, here or elsewhere")).to_have_count(2)
    await expect(yes(visitor.page)).to_have_count(0)


async def test_an_answer_of_which_nobody_knows_is_not_sent_again(door: Door, visitor: Visitor) -> None:
    """The line breaks after the yes went out: the page says so, and asks until it knows where each of them stands."""
    runs = [await door.asked(item="tea"), await door.asked(item="milk")]
    await together(door, visitor.page, runs)

    async def lose_the_reply(way: Route) -> None:
        await way.fetch()
        await way.abort()

    await visitor.page.route("**/api/decisions", lose_the_reply)
    async with visitor.page.expect_console_message(lambda said: said.type == "error"):
        await yes(visitor.page).click()

    await expect(visitor.page.get_by_text("It no longer waits: it was decided, here or elsewhere")).to_have_count(2)
    assert len(door.shop.sold) == 2
    visitor.complaints.clear()  # the browser's own line about the reply that was lost


@pytest.mark.parametrize("size", [WINDOW, {"width": 390, "height": 844}], ids=["wide", "phone"])
async def test_nobody_is_kept_out(chromium: Browser, door: Door, size: dict[str, int]) -> None:
    """axe finds nothing in the table, nor in what stands below it, nor in the form of a no."""
    runs = [await door.asked(item="tea"), await door.asked(item="milk")]
    async with visiting(chromium, door, viewport=size) as visitor:
        await together(door, visitor.page, runs)
        await door.decide(await door.gate(runs[1]), "changed", change=900)
        await expect(visitor.page.get_by_role("button", name="Read the new draft")).to_be_visible()
        await visitor.page.get_by_role("button", name=re.compile("^Decline")).click()
        assert await barriers_in_both(visitor.page) == []


@pytest.mark.parametrize("language", ["de", "pseudo"])
async def test_no_language_breaks_the_layout(chromium: Browser, door: Door, language: str) -> None:
    """At 320 px nothing is cut and nothing scrolls sideways, with a difference in the table."""
    runs = [await door.asked(item="tea"), await door.asked(item="milk")]
    async with visiting(chromium, door, viewport={"width": 320, "height": 640}) as visitor:
        await visitor.page.evaluate(f"localStorage.setItem('haloop language', '{language}')")
        gates = " ".join(door.practice.gate_of(run) for run in runs)
        await visitor.open(f"/?select={gates}&together=")
        await expect(visitor.page.get_by_role("table")).to_be_visible()
        await door.decide(await door.gate(runs[1]), "changed", change=900)
        await expect(visitor.page.get_by_role("table")).to_have_count(2)
        assert await too_wide(visitor.page) == []
