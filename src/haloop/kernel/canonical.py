"""The one place where a record becomes bytes that are hashed or signed.

Two people who hold the same record must hold the same bytes, or a hash says nothing. The form is RFC
8785, JSON with sorted keys and one spelling for everything, narrowed to what has only one meaning:
strings, whole numbers, booleans, null, arrays and objects. There are no floats: languages disagree
on how they print, and money must not meet them. What is written elsewhere is read back strictly, so
that no two texts in a ledger stand for the same record.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NoReturn, TypeAlias, cast

import orjson

from haloop.kernel.errors import NotCanonical

INTEGER_MAX = (1 << 53) - 1  # beyond it a reader that keeps numbers as doubles sees another number
DEPTH_MAX = 64
_LEAVES = frozenset({str, int, bool, type(None)})
_HOLDING_MORE = frozenset({dict, list, tuple})

Canonical: TypeAlias = "str | int | bool | Sequence[Canonical] | Mapping[str, Canonical] | None"
"""What has canonical bytes. At run time arrays are lists or tuples and objects are dicts, and only those
very types: an enum or another subclass may print as something other than what it holds."""


def encode(value: Canonical) -> bytes:
    """The bytes of a record; raise NotCanonical when it has none."""
    _check([value], DEPTH_MAX + 1)
    try:
        written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    except (orjson.JSONEncodeError, UnicodeEncodeError):
        _refuse_leaf(value)
    return written if written.isascii() else orjson.dumps(_sorted(value))  # only past ASCII the two orders differ


def decode(data: bytes) -> Canonical:
    """The record in these bytes; raise NotCanonical when they are not exactly what `encode` writes for it."""
    try:
        value = cast("Canonical", orjson.loads(data))
    except orjson.JSONDecodeError:
        _refuse(data)
    # The parser takes any spelling, and of two equal keys it silently keeps the last.
    if not _encodes_to(value, data):
        _refuse(data)
    return value


def _check(value: "dict[object, object] | Sequence[object]", depth: int) -> None:
    """Refuse by name whatever is of a type that has no canonical bytes."""
    if depth == 0:  # also what ends a list that contains itself
        raise NotCanonical(f"Values are nested deeper than {DEPTH_MAX}.", code="canonical.depth")
    items: Iterable[object] = value
    if type(value) is dict:
        for key in value:
            if type(key) is not str:
                raise NotCanonical(f"A {type(key).__name__} cannot be a key.", code="canonical.type")
        items = value.values()
    for item in items:
        kind = type(item)
        if kind not in _LEAVES:  # most are, and a call for each would cost more than all the rest
            if kind not in _HOLDING_MORE:
                _refuse_kind(item)
            _check(item, depth - 1)  # type: ignore[arg-type]  # as just seen


def _refuse_kind(item: object) -> NoReturn:
    if type(item) is float:
        raise NotCanonical(f"{item!r} is a float; write it as a string.", code="canonical.float")
    raise NotCanonical(f"A {type(item).__name__} has no canonical bytes.", code="canonical.type")


def _refuse_leaf(value: object) -> NoReturn:
    """Every type was checked: what is left is too large a number, or half a surrogate pair, which no UTF-8 holds."""
    if any(type(leaf) is int and not -INTEGER_MAX <= leaf <= INTEGER_MAX for leaf in _leaves(value)):
        raise NotCanonical("A whole number lies beyond 2^53-1.", code="canonical.integer") from None
    raise NotCanonical("A string holds half a character.", code="canonical.text") from None


def _leaves(value: object) -> Iterator[object]:
    if type(value) not in _HOLDING_MORE:
        yield value
    else:
        for item in value.values() if type(value) is dict else value:  # type: ignore[attr-defined]  # as just seen
            yield from _leaves(item)


def _sorted(value: object) -> object:
    """The value with its keys by UTF-16 units, an order that differs from the characters' past U+FFFF."""
    if type(value) is dict:
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return {key: _sorted(value[key]) for key in keys}
    if type(value) is list or type(value) is tuple:
        return [_sorted(item) for item in value]
    return value


def _encodes_to(value: Canonical, data: bytes) -> bool:
    try:
        return encode(value) == data
    except NotCanonical:
        return False


def _refuse(data: bytes) -> NoReturn:
    """Read once more, slowly, to name the first thing that is wrong with these bytes."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise NotCanonical("The bytes are not UTF-8.", code="canonical.text") from None
    try:
        value = json.loads(
            text,
            parse_float=_refuse_float,
            parse_constant=_refuse_float,
            parse_int=_integer,
            object_pairs_hook=_without_duplicates,
        )
    except RecursionError:
        raise NotCanonical(f"Values are nested deeper than {DEPTH_MAX}.", code="canonical.depth") from None
    except json.JSONDecodeError:
        raise NotCanonical("The bytes are not JSON.", code="canonical.text") from None
    encode(value)
    raise NotCanonical("The bytes are JSON, but not in the canonical spelling.", code="canonical.text")


def _refuse_float(text: str) -> NoReturn:
    raise NotCanonical(f"{text[:40]} is a float; write it as a string.", code="canonical.float")


def _integer(digits: str) -> int:
    if len(digits) > len(str(-INTEGER_MAX)):  # before int(), whose cost grows with the square of the length
        raise NotCanonical("A whole number lies beyond 2^53-1.", code="canonical.integer")
    return int(digits)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise NotCanonical("A key stands twice in one object.", code="canonical.duplicate_key")
    return record
