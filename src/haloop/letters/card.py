"""A card in short, as an answer to a letter says it: what it is, its rows, and what it may cost whom at most.

It says less than the card and nothing else. Who decides reads all of it where the decision is made; no yes names this.
"""

from collections.abc import Iterator
from datetime import datetime

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.money import Money
from haloop.letters.catalogue import Words

_LINE_MAX = 200


def short_card(card: Canonical, words: Words) -> Iterator[str]:
    """A card as a few lines of text, each on one line whatever others wrote into it."""
    match card:
        case {"title": str(title), "rows": list(rows), "effects": list(effects), "disclosures": list(disclosures)}:
            yield _one_line(words.label(title))
            yield from (_one_line(line) for row in rows for line in _row(row, words))
            yield from (_one_line(line) for line in _cost(effects, words))
            if disclosures:
                yield words("letter.disclosed")


def _row(row: Canonical, words: Words) -> Iterator[str]:
    match row:
        case {"label": str(label), "value": value}:
            yield f"{words.label(label)}: {_value(value, words)}"


def _value(value: Canonical, words: Words) -> str:
    match value:
        case {"type": "money", "minor": int(minor), "currency": str(currency)}:
            return Money(minor=minor, currency=currency).format()
        case {"type": "model_text", "text": str(text), "model": str(model)}:
            return words("letter.by_model", text=text, model=model)
        case {"type": "record", "rows": list(rows)}:
            return ", ".join(line for row in rows for line in _row(row, words))
        case {"type": "list", "items": list(items)}:
            return "; ".join(_value(item, words) for item in items)
        case {"type": "yes_no", "yes": yes}:
            return words("yes" if yes else "no")
        case {"type": "datetime", "iso": str(iso)}:
            return _moment(iso)
        case {"text": text} | {"number": text} | {"iso": text} | {"key": text}:
            return str(text)
    return canonical.encode(value).decode()


def _cost(effects: list[Canonical], words: Words) -> Iterator[str]:
    for effect in effects:
        match effect:
            case {"cost_max": {"minor": int(minor), "currency": str(currency)}, "payee": payee}:
                cost = Money(minor=minor, currency=currency).format()
                yield words("letter.cost_to", cost=cost, payee=payee) if payee else words("letter.cost", cost=cost)
            case {"cost_max": None, "payee": str(payee)}:
                yield words("letter.cost_to", cost=words("card.unlimited"), payee=payee)


def _moment(iso: str) -> str:
    try:
        return datetime.fromisoformat(iso).strftime("%Y-%m-%d %H:%M %Z").strip()
    except ValueError:
        return iso


def _one_line(text: str) -> str:
    plain = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(plain.split())[:_LINE_MAX]
