"""The page for whoever has a receipt: nobody is signed in, nobody is asked, and what is false is refused."""

import base64
import re
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from tests.api.conftest import Door
from tests.tools.test_verify_receipt import BEN_KEY
from tests.web.barriers import barriers, barriers_in_both, too_wide
from tests.web.conftest import Visitor, _serve_app
from tests.web.test_activity import bought
from tests.web.test_kit import PHONE, SMALLEST, WIDE


@asynccontextmanager
async def stranger(
    chromium: Browser, door: Door, *, asks: str = "r/[^/]+", **window: Any
) -> AsyncIterator[tuple[Page, list[str]]]:
    """Somebody's own browser, never at this house before, and every path that it asks anybody for: of these alone."""
    _serve_app(door)
    context = await chromium.new_context(**{"locale": "en-GB", "viewport": WIDE, **window})
    visitor = Visitor(page=await context.new_page(), address=door.address)
    visitor.watch()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    try:
        yield visitor.page, asked
    finally:
        await context.close()
    assert (visitor.complaints, visitor.strays) == ([], [])
    assert [path for path in asked if not re.match(rf"/({asks}|assets/[^/]+)$", path)] == []


async def receipt_of(door: Door, run: str) -> bytes:
    """The file, as the house gives it to its own people."""
    (listed,) = await door.got(f"/api/runs/{run}/receipts")
    return (await door.client.get(listed["file"])).content


async def key_of(door: Door) -> str:
    """The ledger's key, as its owner would tell a stranger."""
    key: str = (await door.got("/api/ledger/key"))["key"]
    return key


def address_of(door: Door, run: str, receipt: bytes) -> str:
    """The address that carries a receipt behind its `#`."""
    squeezed = zlib.compressobj(wbits=-15)
    fragment = base64.urlsafe_b64encode(squeezed.compress(receipt) + squeezed.flush()).decode().rstrip("=")
    return f"{door.address}/r/{run}#{fragment}"


async def test_a_copied_link_is_all_that_a_stranger_needs(chromium: Browser, door: Door, visitor: Visitor) -> None:
    """From the button to another browser: shown, consistent, and proved once the key is there; nothing was asked."""
    (run,) = await bought(door, "tea")
    await visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visitor.open(f"/activity/{run}")
    await visitor.page.get_by_role("button", name="Copy a link").click()
    await expect(visitor.page.get_by_text("The link is copied.")).to_be_visible()
    link = await visitor.page.evaluate("navigator.clipboard.readText()")

    async with stranger(chromium, door) as (page, _):
        await page.goto(link)
        proof = page.get_by_role("group", name="Proof")
        await expect(proof.get_by_text("It is consistent; who signed it is not known")).to_be_visible()
        await expect(
            proof.get_by_role("listitem").filter(has_text="What was approved is what ran: buy.")
        ).to_be_visible()
        await expect(proof.get_by_text("No witness signed the checkpoint.")).to_be_visible()
        await page.get_by_label("The ledger's key").fill("haloop.local/x")
        await expect(page.get_by_text("This is no such key.")).to_be_visible()
        await page.get_by_label("The ledger's key").fill(await key_of(door))
        await expect(proof.get_by_text("Proved in this browser")).to_be_visible()
        await expect(proof.get_by_text(await key_of(door)).first).to_be_visible()
        await expect(proof.get_by_text("That the facts are true")).to_be_visible()
        await expect(
            page.get_by_role("region", name="What the ledger recorded").get_by_text("It happened")
        ).to_be_visible()


async def test_a_tampered_file_is_refused(chromium: Browser, door: Door, tmp_path: Path) -> None:
    """One letter of the file was changed before it was handed on: the fact is named, and why."""
    (run,) = await bought(door, "tea")
    tampered = tmp_path / "receipt.json"
    tampered.write_bytes((await receipt_of(door, run)).replace(b"effect.happened", b"effect.happenee"))
    async with stranger(chromium, door) as (page, _):
        await page.goto(f"{door.address}/r/{run}")
        await page.get_by_label("Choose a receipt's file").set_input_files(tampered)
        proof = page.get_by_role("group", name="Proof")
        await expect(proof.get_by_text("This receipt does not hold")).to_be_visible()
        await expect(proof.get_by_text("BAD: event 4 (effect.happenee").first).to_be_visible()
        await page.get_by_label("The ledger's key").fill(await key_of(door))
        await expect(proof.get_by_text("This receipt does not hold")).to_be_visible()


async def test_a_file_can_be_dropped_on_the_page(chromium: Browser, door: Door) -> None:
    """Also where the address names another run: that is said."""
    (run,) = await bought(door, "tea")
    receipt = base64.b64encode(await receipt_of(door, run)).decode()
    async with stranger(chromium, door) as (page, _):
        await page.goto(f"{door.address}/r/run_00000000000000000000000000000000")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        dropped = await page.evaluate_handle(
            """(file) => {
                const bytes = Uint8Array.from(atob(file), (one) => one.charCodeAt(0));
                const moved = new DataTransfer();
                moved.items.add(new File([bytes], "receipt.json"));
                return moved;
            }""",
            receipt,
        )
        await page.get_by_role("heading", level=1).dispatch_event("drop", {"dataTransfer": dropped})
        await expect(page.get_by_text("It is consistent; who signed it is not known")).to_be_visible()
        await expect(page.get_by_text("This receipt is about another run")).to_be_visible()


async def test_somebody_elses_passkey_did_not_say_yes(chromium: Browser, door: Door) -> None:
    """The key of a person is given, and no signature of theirs is in the file: it is refused."""
    (run,) = await bought(door, "tea")
    async with stranger(chromium, door) as (page, _):
        await page.goto(address_of(door, run, await receipt_of(door, run)))
        await page.get_by_text("Keys of the people who said yes").first.click()
        await page.get_by_role("textbox", name="Keys of the people who said yes").fill(BEN_KEY)
        await expect(page.get_by_text("This receipt does not hold")).to_be_visible()


async def test_a_key_that_cannot_be_read_is_no_proof(chromium: Browser, door: Door) -> None:
    """With a person's key that was copied badly nothing is called proved, whatever holds without it."""
    (run,) = await bought(door, "tea")
    async with stranger(chromium, door) as (page, _):
        await page.goto(address_of(door, run, await receipt_of(door, run)))
        await page.get_by_label("The ledger's key").fill(await key_of(door))
        proof = page.get_by_role("group", name="Proof")
        await expect(proof.get_by_text("Proved in this browser")).to_be_visible()
        await page.get_by_text("Keys of the people who said yes").first.click()
        await page.get_by_role("textbox", name="Keys of the people who said yes").fill(BEN_KEY[:-4])
        await expect(proof.get_by_text("Not checked: a key that was given cannot be read")).to_be_visible()
        await expect(proof.get_by_text("CANNOT READ A KEY: --person").first).to_be_visible()
        await expect(proof.get_by_text("Proved in this browser")).to_have_count(0)
        assert await barriers(page) == []


@pytest.mark.parametrize("fragment", ["nothing", "AAAA", "%F0"])
async def test_an_address_without_a_receipt_says_so(chromium: Browser, door: Door, fragment: str) -> None:
    """Whatever stands behind its `#`; a file can still be chosen."""
    async with stranger(chromium, door) as (page, _):
        await page.goto(f"{door.address}/r/run_1#{fragment}")
        await expect(page.get_by_text("There is no receipt in this address.")).to_be_visible()
        await expect(page.get_by_label("Choose a receipt's file")).to_be_visible()


async def test_a_browser_that_cannot_check_says_so(chromium: Browser, door: Door) -> None:
    """Without Ed25519 nothing is said to be proved, and the script that can is named."""
    (run,) = await bought(door, "tea")
    async with stranger(chromium, door) as (page, _):
        await page.add_init_script("SubtleCrypto.prototype.importKey = () => Promise.reject(new DOMException())")
        await page.goto(address_of(door, run, await receipt_of(door, run)))
        await expect(page.get_by_text("It cannot be checked here")).to_be_visible()
        await expect(page.get_by_text("python3 tools/verify_receipt.py")).to_be_visible()


async def test_whoever_is_signed_in_finds_the_receipt_by_its_run(door: Door, visitor: Visitor) -> None:
    """The house hands over the file, and is still not asked whether it is true."""
    (run,) = await bought(door, "tea")
    await visitor.open(f"/r/{run}")
    await visitor.page.get_by_role("button", name="Receipt: buy").click()
    await expect(visitor.page.get_by_text("It is consistent; who signed it is not known")).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_no_stranger_is_kept_out(chromium: Browser, door: Door, size: dict[str, int]) -> None:
    """axe finds nothing to complain of, with everything open that can be."""
    (run,) = await bought(door, "tea")
    async with stranger(chromium, door, viewport=size) as (page, _):
        await page.goto(address_of(door, run, await receipt_of(door, run)))
        await expect(page.get_by_text("It is consistent; who signed it is not known")).to_be_visible()
        await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert await barriers_in_both(page) == []


@pytest.mark.parametrize("language", ["de", "pseudo"])
async def test_no_language_breaks_the_public_page(chromium: Browser, door: Door, language: str) -> None:
    """At 320 px, with everything open, nothing is cut and nothing scrolls sideways."""
    (run,) = await bought(door, "tea")
    async with stranger(chromium, door, viewport=SMALLEST) as (page, _):
        await page.add_init_script(f"localStorage.setItem('haloop language', '{language}')")
        await page.goto(address_of(door, run, await receipt_of(door, run)))
        await expect(page.locator("[data-loop=uncertain]")).to_be_visible()
        await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert await too_wide(page) == []
