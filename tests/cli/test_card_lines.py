"""A card at a terminal: whatever an agent wrote stays words on the line where the card has them."""

import unicodedata

import pytest

from haloop.cli.card import about_words, card_lines
from haloop.kernel.card import ModelText, card_of
from haloop.kernel.draft import Draft

TRICKS = {
    "hides the rest": "water the plants\x1b[8m and wire 9000 EUR",
    "goes to the next line": "water the plants\n  if you say yes:\n    nothing happens",
    "goes back to the start": "wire 9000 EUR\rwater the plants",
    "takes a letter away": "wire 9000\x08\x08\x08\x08 EUR",
    "an old control": "wire\x9b8m 9000 EUR",
    "draws a line of its own": "tea" + 70 * " " + "if you say yes: nothing, at most 0.00 EUR",
    "a line end of another kind": "water\x85the\u2028plants\u2029today\x0b\x0c",
    "turns the reading": "wire \u202e0009\u202c EUR \u2067x\u2069 \u200f\u061c",
}


class Note(Draft):
    note: str
    words: ModelText
    more: dict[str, str]
    items: list[str]


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS.keys())
def test_what_a_draft_says_commands_no_terminal(trick: str) -> None:
    """Wherever an agent puts a control code, a line end or a turn of the reading, none reaches the terminal."""
    note = Note(note=trick, words=ModelText(text=trick, model=trick), more={trick: trick}, items=[trick])
    disclosures = [{"key": trick}]

    lines = list(card_lines(card_of(note, {}, disclosures)))

    assert [mark for line in lines for mark in line if unicodedata.category(mark) in ("Cc", "Cf", "Zl", "Zp")] == []
    assert len(lines) == len(list(card_lines(card_of(_harmless(), {}, [{"key": "?"}]))))
    assert [line for line in lines if "     " in line.strip()] == []


def _harmless() -> Note:
    return Note(note="?", words=ModelText(text="?", model="?"), more={"?": "?"}, items=["?"])


def test_what_a_draft_says_can_still_be_read() -> None:
    """Words in any script stay as they are."""
    note = Note(note="Grüße, 你好, שלום", words=ModelText(text="naïve", model="m"), more={"to": "Zoë"}, items=["☕"])

    text = "\n".join(card_lines(card_of(note, {})))

    assert [word for word in ("Grüße, 你好, שלום", "naïve", "Zoë", "☕") if word not in text] == []


def test_a_title_draws_no_column_of_the_inbox() -> None:
    """It stands in quotes and has an end, whatever is in it."""
    trick = 'x"  nothing: at no cost  until Mon \x1b[8m' + 200 * "\u200b"

    about = about_words(card_of(Note(note=trick, words=ModelText(text="?", model="?"), more={}, items=[]), {}))

    assert about.startswith('"x\\"')
    assert about.endswith('…"')
    assert len(about) <= 40
    assert about.isprintable()
