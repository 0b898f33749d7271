"""The card: a draft as data for a person to read, the same on every surface.

It holds message keys and typed values, never finished sentences, so that each surface shows it in the
reader's language and every reader sees the same amounts. The rows come from the draft's fields, the effects'
lines from the named effects themselves: nobody can show an amount or a payee that is not what would run. Text
that a model wrote is marked as such, and whatever the kernel wants read first stands under `disclosures`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.draft import Draft, Effect, Later, NamedEffect, effects_of
from haloop.kernel.money import Money
from haloop.kernel.secret import Secret

FOR_PROGRAMS = "for programs"
"""Marks a field of an argument that no person has to read: `visit: Annotated[Visit, FOR_PROGRAMS]`."""


class ModelText(BaseModel, frozen=True, extra="forbid"):
    """Words that a model wrote; cards show them as such."""

    text: str
    model: str


def card_of(draft: Draft, effects: Mapping[str, NamedEffect], disclosures: Sequence[Canonical] = ()) -> Canonical:
    """What the person is shown."""
    title, planned = type(draft).title or _key(type(draft).__name__), effects_of(draft)
    return {
        "disclosures": list(disclosures),
        "effects": [_line(draft, named, planned.get(name)) for name, named in effects.items()],
        "rows": _rows(title, draft),
        "title": title,
    }


def disclosures_on(card: bytes) -> list[Canonical]:
    """What a card's reader had to read before a yes."""
    match canonical.decode(card):
        case {"disclosures": list(disclosures)}:
            return disclosures
    return []


def _line(draft: Draft, named: NamedEffect, planned: "Effect[Any] | None") -> Canonical:
    """An effect as it would be sent; what is to be known of its fields is said beside it, not inside."""
    argument = None if planned is None else planned.argument
    beside = {"by_model": sorted(_by_model(argument, "")), "unlisted": sorted(_unlisted(argument, draft))}
    line: dict[str, Canonical] = {
        "argument": named.argument,
        "cost_max": None if named.cost_max is None else value_of(named.cost_max),
        "live": named.live,
        "name": named.name,
        "operation": named.operation,
        "payee": named.payee,
        "preconditions": dict(named.preconditions),
        "provider_account": named.provider_account,
        "purpose": named.purpose,
        "undo": named.undo,
        "with": named.connector,
    }
    return line | {name: list[Canonical](fields) for name, fields in beside.items() if fields}


def _by_model(value: object, at: str) -> Iterator[str]:
    """Where in an argument the words of a model stand."""
    match value:
        case ModelText():
            yield at
        case BaseModel():
            for name in type(value).__pydantic_fields__:
                yield from _by_model(getattr(value, name), f"{at}.{name}".lstrip("."))
        case dict():
            for key, item in value.items():
                yield from _by_model(item, f"{at}.{key}".lstrip("."))
        case list() | tuple():
            for number, item in enumerate(value):
                yield from _by_model(item, f"{at}.{number}".lstrip("."))


def _unlisted(argument: object, draft: Draft) -> Iterator[str]:
    """Fields that take no line of their own: a row of the draft shows the very same, or only programs read them."""
    if isinstance(argument, BaseModel):
        for name, field in type(argument).__pydantic_fields__.items():
            value = getattr(argument, name)
            is_row = name in type(draft).__pydantic_fields__ and not _runs(value) and getattr(draft, name) == value
            if is_row or FOR_PROGRAMS in field.metadata:
                yield name


def _rows(title: str, record: BaseModel) -> list[Canonical]:
    shown = [(name, getattr(record, name)) for name in type(record).__pydantic_fields__]
    return [{"label": f"{title}.{name}", "value": value_of(value)} for name, value in shown if not _runs(value)]


def _runs(value: object) -> bool:
    """Effects have lines of their own; a field that is not there has none."""
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, Effect) for item in value)
    return value is None or isinstance(value, Effect)


def value_of(value: object) -> Canonical:
    """A value with its type, for a surface to spell."""
    match value:
        case ModelText():
            return {"model": value.model, "text": value.text, "type": "model_text"}
        case Money():
            return {"currency": value.currency, "minor": value.minor, "type": "money"}
        case Later():
            return {"type": "later"}
        case Secret():
            return {"name": value.name, "type": "secret"}
        case BaseModel():
            return {"rows": _rows(_key(type(value).__name__), value), "type": "record"}
        case list() | tuple():
            return {"items": [value_of(item) for item in value], "type": "list"}
        case dict():
            return {"items": [[str(key), value_of(item)] for key, item in value.items()], "type": "table"}
    return _plain_value(value)


def _plain_value(value: object) -> Canonical:
    match value:
        case bool():
            return {"type": "yes_no", "yes": value}
        case int():
            return {"number": value, "type": "number"}
        case datetime() | date() | time():
            return {"iso": value.isoformat(), "type": type(value).__name__}
        case StrEnum():
            return {"key": str(value), "type": "word"}
    return {"text": str(value), "type": "text"}


def _key(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
