"""Number 6: whoever wrote the words on a card, they stay words, on the page, at the terminal and in JSON."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from haloop.cli.card import amount_words, card_lines
from tests.api.conftest import Door
from tests.security.hostile import TRICKS, asking_for, post_office
from tests.web.test_passkeys_in_a_browser import Browser
from tests.web.test_passkeys_in_a_browser import pytestmark as needs_chromium

SKELETON = """(box) => {
  const bones = (one) => `${one.localName}(${[...one.children].map(bones).join(" ")})`;
  return bones(box);
}"""
UNSEEN = ("Cc", "Cf", "Zl", "Zp")


async def _asked(door: Door, trick: str) -> dict[str, Any]:
    answer = await door.client.post("/api/requests", json=asking_for(trick))
    assert answer.status_code == 201, answer.text
    await door.practice.engine.settled()
    return await door.gate(answer.json()["run"])


@needs_chromium
async def test_06_no_words_restyle_the_card_on_the_page(tmp_path: Path) -> None:
    """Each card has the very bones of a harmless one; nothing runs, nothing is fetched, nothing is hidden or turned."""
    async with post_office(tmp_path) as door:
        await _asked(door, "tea")
        for trick in TRICKS.values():
            await _asked(door, trick)
        async with Browser.opened(door) as browser:
            fetched: list[str] = []
            browser.page.on("request", lambda request: fetched.append(request.url))
            cards = browser.page.locator("article.gate")
            await expect(cards).to_have_count(len(TRICKS) + 1)
            await browser.page.reload()
            await expect(cards).to_have_count(len(TRICKS) + 1)

            bones = [await card.evaluate(SKELETON) for card in await cards.all()]
            texts = [await card.inner_text() for card in await cards.all()]

            assert set(bones) == {bones[0]}
            assert await cards.locator(".effect dt", has_text="more, minor").count() == len(bones)
            for text in texts:
                assert [one for one in text if unicodedata.category(one) in UNSEEN and one != "\n"] == []
                assert "at most €5.00" in text
                assert "in practice, nothing is spent" in text
            assert "9000 EUR" in texts[list(TRICKS).index("what hides the rest") + 1]
            assert await browser.page.title() == "Haloop"
            assert await cards.locator("a, img, script, style, iframe").count() == 0
            assert [url for url in fetched if not url.startswith(door.address)] == []
            assert browser.complaints == []


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS.keys())
async def test_06_no_words_restyle_the_card_at_a_terminal(tmp_path: Path, trick: str) -> None:
    """As many lines as a harmless card has, none with what a terminal obeys, and the question names the sum."""
    async with post_office(tmp_path) as door:
        harmless, hostile = [(await _asked(door, words))["card"] for words in ("tea", trick)]

    lines = list(card_lines(hostile))

    assert len(lines) == len(list(card_lines(harmless)))
    for line in (*lines, amount_words(hostile)):
        assert [one for one in line if unicodedata.category(one) in UNSEEN] == []
        assert "    " not in line.strip()
    assert amount_words(hostile).startswith("at most 5.00 EUR to ")


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS.keys())
async def test_06_no_words_restyle_the_card_in_json(tmp_path: Path, trick: str) -> None:
    """Over HTTP the words come back letter for letter in their own field, and no other field is touched."""
    async with post_office(tmp_path) as door:
        gate = await _asked(door, trick)
        raw = (await door.client.get(f"/api/gates/{gate['id']}")).content

    (line,) = json.loads(raw, parse_constant=_refuse)["card"]["effects"]
    assert raw.count(b"\n") == 0
    assert line["payee"] == f"Karl{trick}"
    assert line["argument"]["words"] == trick
    assert line["by_model"] == ["by_model"]
    assert line["cost_max"] == {"currency": "EUR", "minor": 500, "type": "money"}


def _refuse(name: str) -> None:
    raise AssertionError(name)
