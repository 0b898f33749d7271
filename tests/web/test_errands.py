"""The errands desk as a person meets it in the app: from words to a receipt that a stranger can check, and Activity."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from haloop.town.line import Trouble
from tests.desks.errands.street import Street, is_proved, opened_street
from tests.web.barriers import barriers, too_wide
from tests.web.conftest import Visitor, visiting
from tests.web.test_kit import PHONE, SMALLEST, WIDE
from tests.web.test_today import approve, read_to_the_end

COFFEE, CAT_FOOD = "Morning Bell coffee beans, 1 kg", "Whiskerton cat food with salmon, 400 g"
TABS, OAT_MILK = "Brightly dishwasher tabs, 40 pieces", "Hafer & Co oat milk, 1 l"


@pytest_asyncio.fixture(loop_scope="session")
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with opened_street(tmp_path) as street:
        yield street


@pytest_asyncio.fixture(loop_scope="session")
async def guest(chromium: Browser, street: Street) -> AsyncIterator[Visitor]:
    async with visiting(chromium, street.door, viewport=WIDE, timezone_id="Europe/Berlin") as visitor:
        yield visitor


async def ask(page: Page, words: str) -> None:
    """In plain words, by keyboard alone."""
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await page.keyboard.press("c")
    await page.get_by_label("What do you want?").fill(words)
    await page.keyboard.press("Enter")


async def change(page: Page) -> None:
    await expect(approve(page)).to_be_visible(timeout=60_000)
    await page.keyboard.press("e")
    await expect(page.get_by_role("heading", name="What should be different?")).to_be_visible()


async def approve_by_keys(page: Page) -> None:
    await read_to_the_end(page)
    await page.keyboard.press("a")
    await page.keyboard.press("Enter")


async def saved_receipt(street: Street, page: Page, folder: Path) -> Path:
    """The receipt's file, as a person saves it, with the house's key beside it."""
    await expect(page.get_by_role("button", name="Save the receipt")).to_be_visible(timeout=60_000)
    async with page.expect_download() as saved:
        await page.get_by_role("button", name="Save the receipt").click()
    await (await saved.value).save_as(folder / "receipt.json")
    (folder / "key").write_text((await street.door.got("/api/ledger/key"))["key"], encoding="utf-8")
    return folder / "receipt.json"


async def activity_shows(page: Page, words: str) -> None:
    """The run stands in Activity under the words it was asked for with."""
    await page.get_by_role("link", name="Activity").click()
    row = page.get_by_role("list", name="Activity").get_by_role("link").filter(has_text=words)
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("It happened")


VAGUE = ("order the usual", TABS, "€59.70", {"coffee": 1, "oat-milk": 6, "cat-food": 12})
VERBOSE = (
    "Hello, we are nearly out of coffee, so could you please order two packs of the coffee beans again, and six of the "
    "oat milk as well? Thanks a lot!",
    OAT_MILK,
    "€19.80",
    {"coffee": 1},
)


@pytest.mark.parametrize(("words", "left_out", "total", "ordered"), [VAGUE, VERBOSE], ids=["vague", "verbose"])
async def test_groceries_with_other_quantities(
    street: Street, guest: Visitor, tmp_path: Path, words: str, left_out: str, total: str, ordered: dict[str, int]
) -> None:
    """Words, the shop's own review, steppers, the shop's new review, a yes, one order, its receipt."""
    page = guest.page
    await ask(page, words)
    await change(page)
    await page.get_by_role("button", name=f"One fewer: {COFFEE}").click()
    await page.get_by_role("spinbutton", name=left_out).fill("0")
    await expect(page.get_by_text("Left out")).to_be_visible()
    assert await barriers(page) == []
    await page.keyboard.press("Enter")

    await expect(approve(page)).to_have_text(re.compile(f"Approve your version, {total}"), timeout=60_000)
    nothing = street.ordered()
    await approve_by_keys(page)

    assert is_proved(await saved_receipt(street, page, tmp_path))
    assert (nothing, street.ordered()) == ([], [ordered])
    await activity_shows(page, words)


async def test_steppers_work_by_keyboard_alone(street: Street, guest: Visitor) -> None:
    """Arrows in the first field, which has the focus; nothing can be sent as long as nothing is different."""
    page = guest.page
    await ask(page, "order coffee")
    await change(page)
    send = page.get_by_role("button", name="Make a new draft")
    await expect(page.get_by_role("spinbutton", name=COFFEE)).to_be_focused()
    await expect(send).to_be_disabled()
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_text("It was 1")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(approve(page)).to_have_text(re.compile("€49.60"), timeout=60_000)
    await approve_by_keys(page)
    await expect(page.get_by_role("button", name="Save the receipt")).to_be_visible(timeout=60_000)
    assert street.ordered() == [{"coffee": 3}]


async def test_a_change_that_the_shop_cannot_serve_is_said(street: Street, guest: Visitor) -> None:
    """Sold out meanwhile: the draft is the one before, and why."""
    page = guest.page
    await ask(page, "order coffee")
    await change(page)
    street.town.shop_book.sell_out("coffee")
    await page.get_by_role("button", name=f"One more: {COFFEE}").click()
    await page.get_by_role("button", name="Make a new draft").click()
    said = page.get_by_role("alert").filter(has_text="It could not be changed")
    await expect(said).to_contain_text("Sold out, or not sold any more", timeout=60_000)
    await expect(approve(page)).to_have_text(re.compile("Approve €19.80"))


@pytest.mark.parametrize("window", [PHONE, SMALLEST], ids=["phone", "smallest"])
async def test_steppers_fit_a_phone(chromium: Browser, street: Street, window: dict[str, int]) -> None:
    """Each button is as wide and high as a thumb; nothing scrolls sideways, also in German."""
    phone = {"viewport": window, "has_touch": True, "is_mobile": True, "locale": "de-DE"}
    run = (await street.door.client.post("/api/requests", json={"words": "order the usual", "zone": "UTC"})).json()
    async with visiting(chromium, street.door, **phone) as visitor:
        page = visitor.page
        await visitor.open(f"/?run={run['run']}")
        await page.get_by_role("button", name="Ändern").tap(timeout=60_000)
        more = page.get_by_role("button", name=f"Eins mehr: {CAT_FOOD}")
        await more.tap()
        await expect(page.get_by_role("spinbutton", name=CAT_FOOD)).to_have_value("13")
        box = await more.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 48
        assert (await too_wide(page), await barriers(page)) == ([], [])


@pytest.mark.parametrize(
    "words",
    [
        "cancel Netflix",
        "Hi there, I hardly ever watch anything these days, so would you please cancel my Netflix subscription for me?",
    ],
)
async def test_a_subscription_is_cancelled(street: Street, guest: Visitor, tmp_path: Path, words: str) -> None:
    """What is lost stands on the draft; the others of the household are there to choose; then it ends, once."""
    page = guest.page
    await ask(page, words)
    await expect(page.get_by_role("heading", name=re.compile("Netflix"))).to_be_visible()
    await change(page)
    choices = page.get_by_role("group").get_by_role("radio")
    assert await choices.count() == 4
    assert await barriers(page) == []
    await page.keyboard.press("Escape")
    await approve_by_keys(page)

    assert is_proved(await saved_receipt(street, page, tmp_path))
    assert street.cancelled() == ["netflix"]
    await activity_shows(page, words)


async def test_another_subscription_is_chosen_from_the_list(street: Street, guest: Visitor) -> None:
    """By keyboard: the terms are asked anew, and only the other one ends."""
    page = guest.page
    await ask(page, "cancel Netflix")
    await change(page)
    await page.get_by_role("radio", name=re.compile("Disney")).press("Space")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name=re.compile("Disney"))).to_be_visible()
    await approve_by_keys(page)
    await expect(page.get_by_role("button", name="Save the receipt")).to_be_visible()
    assert street.cancelled() == ["disney"]


@pytest.mark.parametrize(
    "words",
    [
        "book dinner Friday around 7 for 2",
        "Hello! My wife and I would like to go out for dinner this Friday, somewhere around 7 in the evening, "
        "so please book a table for the two of us.",
    ],
)
async def test_the_second_window_is_booked(street: Street, guest: Visitor, tmp_path: Path, words: str) -> None:
    """Three windows to choose from, the second is taken, and just that one is in the restaurant's book."""
    page = guest.page
    await ask(page, words)
    await change(page)
    windows = page.get_by_role("group").get_by_role("radio")
    await expect(windows).to_have_count(3)
    assert await barriers(page) == []
    await windows.nth(1).press("Space")
    await page.keyboard.press("Enter")
    await expect(approve(page)).to_have_text(re.compile("Approve your version"))
    await approve_by_keys(page)

    assert is_proved(await saved_receipt(street, page, tmp_path))
    (done,) = (await street.door.got("/api/activity"))["executions"]
    (booked,) = street.town.book.of()
    assert booked.slot == done["executed"]["slot"]
    await activity_shows(page, words)


async def test_what_can_be_undone_and_costs_nothing_takes_one_key(street: Street, guest: Visitor) -> None:
    """A table: `a` alone, and it is reserved; nothing has to be read to its end before."""
    page = guest.page
    await ask(page, "book dinner Friday around 7 for 2")
    await expect(approve(page).locator("kbd")).to_have_count(1)  # its key means something once the draft stands still
    await page.keyboard.press("a")
    await expect(page.get_by_role("button", name="Save the receipt")).to_be_visible()
    assert len(street.town.book.of()) == 1


@pytest.mark.parametrize(
    "words",
    [
        "fix kitchen sink",
        "Hello, the kitchen sink has been dripping since Monday and it drives me mad, could you please get somebody "
        "to fix it this week?",
    ],
)
async def test_what_nobody_does_is_said(street: Street, guest: Visitor, words: str) -> None:
    """Nothing begins; what is done here stands beside it as buttons, and one of them begins a draft."""
    page = guest.page
    await ask(page, words)
    await expect(page.get_by_role("heading", name="This cannot be done here")).to_be_visible()
    assert (await street.door.got("/api/runs"))["runs"] == []
    await page.get_by_role("button", name="Cancel Netflix").click()
    await expect(approve(page)).to_be_visible()


async def test_news_may_overtake_the_first_answer(street: Street, guest: Visitor) -> None:
    """The draft was made before the first answer about its run came, which knows of none: it is shown all the same."""
    page, line = guest.page, street.town.subscriptions_line
    is_held, may_come = asyncio.Event(), asyncio.Event()

    async def dawdle(route: Route) -> None:
        old = await route.fetch()
        is_held.set()
        await may_come.wait()
        await route.fulfill(response=old)

    line.troubles.append(Trouble.SLOW)
    await page.route(re.compile(r"/api/runs/run_\w+$"), dawdle, times=1)
    await ask(page, "cancel Netflix")
    await is_held.wait()
    async with page.expect_response(re.compile("/api/gates$")):
        await line.let_go()
    await expect(page.get_by_role("heading", name="Waits for you 1")).to_be_visible()
    may_come.set()
    await expect(approve(page)).to_be_visible()
