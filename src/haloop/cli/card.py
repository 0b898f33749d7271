"""A card at a terminal: in plain words, line by line, and never more than words.

It shows the very card that the kernel made. Whatever somebody else wrote stays on the line where the card has it.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import NotCanonical
from haloop.kernel.gate import View
from haloop.kernel.money import Money

_SPACES = re.compile(r"\s{3,}")
_ABOUT_MAX = 40

WORDS: dict[str, Canonical] = {
    "a yes": "Approve {}? [yes/no]",
    "a yes to all": "Approve all {1} of them, {0} together? [yes/no]",
    "again": "Please say yes or no.",
    "asks": "{} asks:",
    "and": " and ",
    "at most": "at most {}",
    "by": "{} by {}",
    "by model": "with words a model wrote ({})",
    "disclosure": {
        "may_have_happened": "The ledger went back to an earlier state: this may have happened already.",
        "uncertain_before": "An earlier try for the same thing has an unknown outcome; it may have happened.",
    },
    "days": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    "for": "paid to {}",
    "live": "this is real",
    "no amount": "at no cost",
    "no effect": "it goes on",
    "no limit": "an amount that nobody limited",
    "nothing": "nothing",
    "practice": "in practice, nothing is spent",
    "question": "Do it? [yes/no] ",
    "rows": {"acts": "act without asking", "reaches": "reach the internet"},
    "read": "Have you read this, and shall it still go on? [yes/no]",
    "to": "{} to {}",
    "undo": "can be undone ({})",
    "yes": "if you say yes:",
}
"""What this surface adds to a card, in its one language."""

VIEW = View(language="en", renderer="terminal/1", catalogue=sha256(canonical.encode(WORDS)).hexdigest())
"""How a card is shown here; every answer to a gate names it."""


def card_lines(card: Canonical) -> Iterator[str]:
    """A card as lines of text."""
    match card:
        case {"title": str(title), "rows": list(rows), "effects": list(effects), "disclosures": list(disclosures)}:
            yield f"  {_plain(title)}"
            yield from (f"    ! {_shown(_disclosure(one))}" for one in disclosures)
            yield from (f"    {_shown(line)}" for row in rows for line in _row(row))
            yield f"  {WORDS['yes']}"
            yield from (f"    {_shown(line)}" for one in effects for line in _effect(one))
            if not effects:
                yield f"    {WORDS['no effect']}"


def about_words(card: Canonical) -> str:
    """What a card is about: the first of its rows that is text and no model's, as far as a list has room for it.

    In quotes, so that nobody's words are taken for the next column.
    """
    for row in _listed(card, "rows"):
        match row:
            case {"value": {"type": "text", "text": str(text)}}:
                quoted = _shown(canonical.encode(text).decode())
                return quoted if len(quoted) <= _ABOUT_MAX else f'{quoted[: _ABOUT_MAX - 2]}…"'
    return ""


def asked_words(card: Canonical) -> str:
    """What a card asks for: what a yes does outside, and for how much at most; else what kind of draft it is."""
    effects = [str(one.get("operation")) for one in _listed(card, "effects") if isinstance(one, dict)]
    if effects:
        return _shown(f"{', '.join(effects)}: {amount_words(card)}")
    title = card.get("title") if isinstance(card, dict) else None
    return _shown(_plain(str(title or "")).removesuffix(" draft"))


def amount_words(card: Canonical) -> str:
    """What all effects of a card may cost together at most, and who is paid."""
    effects = [one for one in _listed(card, "effects") if isinstance(one, dict)]
    sums: dict[str, Money] = {}
    for effect in effects:
        match effect:
            case {"cost_max": {"minor": int(minor), "currency": str(currency)}}:
                cost = Money(minor=minor, currency=currency)
                sums[currency] = sums[currency] + cost if currency in sums else cost
    parts = [str(WORDS["at most"]).format(cost.format()) for cost in sums.values()]
    if any(effect.get("payee") and not effect.get("cost_max") for effect in effects):
        parts.append(str(WORDS["no limit"]))
    payees = list(dict.fromkeys(str(effect["payee"]) for effect in effects if effect.get("payee")))
    amount = str(WORDS["and"]).join(parts) or str(WORDS["no amount"])
    return _shown(
        str(WORDS["to"]).format(amount, ", ".join(canonical.encode(payee).decode() for payee in payees))
        if payees
        else amount
    )


def disclosure_lines(card: Canonical) -> Iterator[str]:
    """What must be read before a yes counts."""
    yield from (f"  ! {_shown(_disclosure(one))}" for one in _listed(card, "disclosures"))


def _listed(card: Canonical, name: str) -> list[Canonical]:
    found = card.get(name) if isinstance(card, dict) else None
    return found if isinstance(found, list) else []


def _shown(text: str) -> str:
    """Words of others, without what would move the cursor, hide a part or begin a line that is not there.

    A row of spaces would draw a line of its own once the terminal wraps it, so it is said instead of made.
    """
    spelled = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return _SPACES.sub(lambda found: f" ({len(found[0])} spaces) ", spelled)


def _disclosure(disclosure: Canonical) -> str:
    match disclosure, WORDS["disclosure"]:
        case {"key": str(key)}, dict(words) if key in words:
            return str(words[key])
    return argument_words(disclosure)


def _row(row: Canonical) -> Iterator[str]:
    match row:
        case {"label": str(label), "value": {"type": "list", "items": [{"type": "record"}, *_] as items}}:
            yield f"{_label(label)}:"
            yield from (f"  {number}. {value_words(item)}" for number, item in enumerate(items, start=1))
        case {"label": str(label), "value": value}:
            yield f"{_label(label)}: {value_words(value)}"


def value_words(value: Canonical) -> str:
    """A typed value of a card."""
    match value:
        case {"type": "money", "minor": int(minor), "currency": str(currency)}:
            return Money(minor=minor, currency=currency).format()
        case {"type": "model_text", "text": str(text), "model": str(model)}:
            return f"“{text}” (written by {model})"
        case {"type": "record", "rows": list(rows)}:
            return ", ".join(line for row in rows for line in _row(row))
        case {"type": "list", "items": list(items)}:
            return "; ".join(value_words(item) for item in items)
        case {"type": "yes_no", "yes": yes}:
            return "yes" if yes else "no"
        case {"type": "datetime", "iso": str(iso)}:
            return _moment_words(iso)
        case {"type": "word", "key": str(key)}:
            return _plain(key)
        case {"text": text} | {"number": text} | {"iso": text}:
            return str(text)
    return argument_words(value)


def effect_words(effect: Canonical) -> str:
    """What one effect would do, as it would be sent, in one line."""
    match effect:
        case {"argument": argument, "operation": operation}:
            return _about(effect, f"{operation}({argument_words(argument)})")
    return argument_words(effect)


def _effect(effect: Canonical) -> Iterator[str]:
    """The same with a line for each field of what is sent that the rows do not show already."""
    match effect:
        case {"argument": dict(argument), "operation": str(operation)} if argument:
            unlisted = _listed(effect, "unlisted")
            yield _about(effect, operation)
            yield from (f"  {name}: {_sent(value)}" for name, value in argument.items() if name not in unlisted)
        case _:
            yield effect_words(effect)


def _about(effect: Canonical, what: str) -> str:
    """By whom something is done, for how much, for whom, and whether it is real."""
    match effect:
        case {"with": name, "live": live, "cost_max": cost, **rest}:
            said = [str(WORDS["by"]).format(what, name)]
            said += [str(WORDS["at most"]).format(value_words(cost))] if cost else []
            if isinstance(written := rest.get("by_model"), list):
                said += [str(WORDS["by model"]).format(", ".join(map(str, written)))]
            said += [str(WORDS["for"]).format(rest["payee"])] if rest.get("payee") else []
            said += [str(WORDS["undo"]).format(rest["undo"])] if rest.get("undo") else []
            return ", ".join([*said, str(WORDS["live"] if live else WORDS["practice"])])
    return argument_words(effect)


def argument_words(argument: Canonical) -> str:
    """What is sent, as it is sent."""
    return canonical.encode(argument).decode()


def _sent(value: Canonical) -> str:
    """A value that is sent; text without its quotes, where nobody could take it for anything else."""
    if value is None:
        return str(WORDS["nothing"])
    return value if isinstance(value, str) and not _seems_more_than_text(value) else argument_words(value)


def _seems_more_than_text(text: str) -> bool:
    try:
        canonical.decode(text.encode())
    except NotCanonical:
        return not text or text == WORDS["nothing"] or text.startswith(('"', "{", "["))
    return True


def _moment_words(iso: str) -> str:
    """A moment with its day of the week; people plan by it."""
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    days = WORDS["days"]
    return f"{days[at.weekday()] if isinstance(days, list) else ''} {iso.replace('T', ' ')}"


def _label(key: str) -> str:
    """What a row says; for a few, its name says too little."""
    name, words = _plain(key), WORDS["rows"]
    return str(words.get(name, name)) if isinstance(words, dict) else name


def _plain(key: str) -> str:
    return key.rpartition(".")[2].replace("_", " ")
