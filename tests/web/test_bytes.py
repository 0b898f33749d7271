"""What somebody reads is what they sign and what is sent, byte for byte, for each kind of draft there is."""

import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page

from haloop.kernel import canonical
from tests.desks.errands.street import Street, is_proved, opened_street
from tests.web.conftest import visiting
from tests.web.test_errands import saved_receipt
from tests.web.test_kit import WIDE
from tests.web.test_today import approve, read_to_the_end

WORDS = (
    "order coffee",
    "cancel Netflix",
    "book a table at Luigi for 2 on Friday at 7 pm",
    "cancel my table at Luigi on Friday",
)
DAY_MICROSECONDS = 86_400_000_000


async def test_what_is_shown_is_what_is_hashed_and_what_is_sent(chromium: Browser, tmp_path: Path) -> None:
    """The order, the subscription, the table, the table's end, and a grant: the page, the yes and the receipt agree."""
    async with opened_street(tmp_path) as street, visiting(chromium, street.door, viewport=WIDE) as visitor:
        for said in (*[{"words": words, "zone": "Europe/Berlin"} for words in WORDS], grant(street)):
            run = (await street.door.client.post("/api/requests", json=said)).json()["run"]
            await visitor.open(f"/?run={run}")
            await approve(visitor.page).wait_for(timeout=60_000)
            await read_to_the_end(visitor.page)
            digest, read = await shown(visitor.page)
            await approve(visitor.page).click()
            receipt = await saved_receipt(street, visitor.page, tmp_path)
            signed, sent = signed_and_sent(receipt)
            assert is_proved(receipt)
            assert signed == digest
            assert [one in fact for one, fact in zip(read, sent, strict=True)] == [True]
            receipt.unlink()


def grant(street: Street) -> dict[str, Any]:
    terms = {
        "operations": ["Booking.reserve"],
        "payees": [],
        "each_max": {"currency": "EUR", "minor": 500},
        "total_max": {"currency": "EUR", "minor": 5_000},
        "window_days": 30,
        "expires_at": street.door.practice.clock.read().wall + 30 * DAY_MICROSECONDS,
        "live": False,
    }
    return {"desk": "grants", "procedure": "give_grant", "arguments": {"terms": terms}}


async def shown(page: Page) -> tuple[str, list[bytes]]:
    """The draft's digest as it stands there, and what each effect would send, as it can be read."""
    exact = page.get_by_role("group", name="The exact request")
    digest = (await exact.get_by_text(re.compile("^Draft [0-9a-f]{64}$")).inner_text()).split()[1]
    effects = await exact.locator("pre").all_inner_texts()
    return digest, [canonical.encode(json.loads(one)["argument"]) for one in effects]


def signed_and_sent(receipt: Path) -> tuple[str, list[bytes]]:
    """Which draft the yes in a receipt is to, and the fact of each effect that was about to be sent."""
    events = json.loads(receipt.read_text(encoding="utf-8"))["events"]
    parts = {json.loads(one["header"])["kind"]: one["disclosed"] for one in events}
    decision = json.loads(b64decode(parts["gate.approved"]["decision"]["body"]))
    return decision["draft"], [b64decode(parts["effect.intended"]["fact"]["body"])]
