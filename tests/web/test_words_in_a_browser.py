"""From plain words to a receipt, in a real browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, expect

from haloop.web import plain
from tests.api.conftest import Door


@asynccontextmanager
async def opened_page(chromium: Browser, door: Door, gate: str = "") -> AsyncIterator[tuple[Page, list[str]]]:
    """Somebody's browser at the house's page, in Berlin, and what its console complains of."""
    door.app.include_router(plain.router)
    complaints: list[str] = []
    async with await chromium.new_context(timezone_id="Europe/Berlin", locale="en-GB") as context:
        page = await context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        named = f"&gate={gate}" if gate else ""
        await page.goto(f"{door.address}/plain?key={door.house.identity.issue_once()}{named}")
        await expect(page.get_by_role("button", name="Add a passkey")).to_be_enabled()
        yield page, complaints


async def say(page: Page, words: str) -> None:
    await page.get_by_label("In plain words").fill(words)
    await page.get_by_role("button", name="Ask", exact=True).click()


async def test_from_words_to_a_receipt(chromium: Browser, errands: Door) -> None:
    """What nobody does, a question with its choices, the card, a yes, and the receipt beside the words."""
    async with opened_page(chromium, errands) as (page, complaints):
        await say(page, "fix kitchen sink")
        heard = page.locator("#heard")
        await expect(heard).to_contain_text("Nothing was begun")
        await expect(
            heard.get_by_role("button", name="Book dinner at Zum Anker tomorrow around 7 for 2")
        ).to_be_visible()

        await say(page, "book dinner at Luigi tomorrow around 7")
        await expect(heard).to_contain_text("For how many")
        await heard.get_by_role("button", name="for 2").click()

        await expect(heard).to_contain_text('"7" was taken for 19:00.')
        await expect(page.get_by_text("If you say yes:")).to_be_visible()
        await page.get_by_role("button", name="Yes, do exactly this").click()

        await expect(page.get_by_role("button", name="Receipt: reserve")).to_be_visible()
        runs = page.locator("#runs")
        await expect(runs).to_contain_text("book dinner at Luigi tomorrow around 7")
        await expect(runs).to_contain_text("for 2")
        (done,) = (await errands.got("/api/activity"))["executions"]
        assert done["words"] == ["book dinner at Luigi tomorrow around 7", "for 2"]
        assert done["executed"]["at"] == "2027-03-04T19:00:00+01:00"
        assert complaints == []


async def test_words_are_shown_as_text(chromium: Browser, errands: Door) -> None:
    """A sentence that is a script stands there as it was written."""
    trick = 'book a table at "<img src=x onerror=document.title=1>" for 2 tomorrow at 7 pm'
    async with opened_page(chromium, errands) as (page, complaints):
        await say(page, trick)
        await expect(page.locator("#runs")).to_contain_text("<img src=x")
        assert await page.title() == "Haloop"
        assert complaints == []


async def test_an_address_opens_at_its_gate(chromium: Browser, errands: Door) -> None:
    """Whoever was sent there stands before the very card; once it is answered, that is said."""
    runs = []
    for place in ("Luigi", "Hanami"):
        said = {"words": f"book a table at {place} for 2 tomorrow at 7 pm", "zone": "Europe/Berlin"}
        runs.append((await errands.client.post("/api/requests", json=said)).json()["run"])
    await errands.practice.engine.settled()
    gate = await errands.gate(runs[1])
    async with opened_page(chromium, errands, gate["id"]) as (page, complaints):
        named = page.locator("article.named")
        await expect(named).to_contain_text("Hanami")
        await expect(named).to_be_focused()
        await named.get_by_role("button", name="Yes, do exactly this").click()
        await expect(page.get_by_role("button", name="Receipt: reserve")).to_be_visible()
        await page.reload()
        await expect(page.get_by_role("status")).to_contain_text("it is approved")
        assert complaints == []
