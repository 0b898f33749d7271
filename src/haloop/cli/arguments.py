"""What somebody types for a value: JSON where it is JSON, else the text itself."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from haloop.kernel.errors import BadInput


def read_value(text: str) -> Any:  # noqa: ANN401  # whatever JSON holds
    """A value; a decimal stays text, so that no digit of it is lost."""
    try:
        return read_json(text)
    except ValueError:
        return text


def read_json(text: str) -> Any:  # noqa: ANN401  # whatever JSON holds
    """The value of a JSON text; ValueError where it is none."""
    try:
        return json.loads(text, parse_float=str, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("too deep") from error


def read_arguments(pairs: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE, or OUTER.INNER=VALUE for a field inside."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        names = name.split(".")
        if not equals or not all(names):
            raise _bad(f"{pair!r} does not name a value.")
        _put(found, names, read_value(text), name)
    return found


def _put(found: dict[str, Any], names: Sequence[str], value: object, whole: str) -> None:
    *outer, last = names
    for name in outer:
        found = found.setdefault(name, {})
        if not isinstance(found, dict):
            raise _bad(f"{whole} is a field of something that was given whole.")
    if last in found:
        raise _bad(f"{whole} is given twice.")
    found[last] = value


def _bad(sentence: str) -> BadInput:
    return BadInput(sentence, code="usage.bad", next_step="Write NAME=VALUE, or OUTER.INNER=VALUE, each once.")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
