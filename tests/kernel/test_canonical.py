"""Canonical bytes: pinned by golden files, equal to RFC 8785's; what has two readings is refused by name."""

import json
import math
from collections import OrderedDict, UserDict, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from haloop.kernel.canonical import DEPTH_MAX, INTEGER_MAX, Canonical, decode, encode
from haloop.kernel.errors import NotCanonical

GOLDEN = Path(__file__).parent / "golden"

# Each file under golden/ holds the bytes of one of these. A file that must change breaks every stored hash.
GOLDEN_VALUES: dict[str, Canonical] = {
    "atoms": [None, True, False, 0, -1, 1, "", "text", [], {}],
    "integers": {"largest": 9007199254740991, "smallest": -9007199254740991, "zero": 0},
    "escapes": '\x00\x01\x08\t\n\x0b\x0c\r\x1f "\\/\x7f\u0080\u2028\u2029\ufeff<>&',
    "unicode": ["é", "e\u0301", "東京", "\U0001f600", "\uffff", "\U0010ffff"],
    # The example of RFC 8785 section 3.2.3: units of UTF-16 put the emoji before the Hebrew letter.
    "key_order": {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    },
    "nested": {"b": [{"z": 1, "a": [{"\U0001f600": 1, "\ufb33": 2}]}, [[]]], "": {"": None}, "a": (1, (2,))},
    "header": {
        "ts": 1760000000000000,
        "run_seq": 1,
        "run_id": "run_00112233445566778899aabbccddeeff",
        "prev": "0" * 64,
        "payload": "ab" * 32,
        "kind": "gate.approved",
        "actor": "per_ffeeddccbbaa99887766554433221100",
        "account": "acc_0123456789abcdef0123456789abcdef",
    },
    "money": {"amount": {"minor": -1250, "currency": "EUR"}, "units": "12.500"},
}


@pytest.mark.parametrize("name", GOLDEN_VALUES)
def test_the_bytes_of_a_record_never_change(name: str) -> None:
    """The golden bytes come out of today's code, and read back into it."""
    golden = (GOLDEN / f"{name}.json").read_bytes()
    assert encode(GOLDEN_VALUES[name]) == golden
    assert encode(decode(golden)) == golden


def test_every_golden_file_is_used() -> None:
    """No pinned bytes lie around unpinned."""
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(GOLDEN_VALUES)


keys = st.text() | st.sampled_from(["\ufb33", "\U0001f600", "\ud7ff", "\ue000", "\uffff", "\U00010000", "é", "e"])
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
)


@given(values)
def test_the_bytes_are_those_of_rfc_8785(value: Canonical) -> None:
    """An independent implementation writes the same bytes, and they read back as the same record."""
    data = encode(value)
    assert data == rfc8785.dumps(value)
    assert decode(data) == value


@given(st.dictionaries(keys, st.integers(0, 9)), st.randoms())
def test_the_order_of_writing_does_not_show(record: dict[str, int], random: Any) -> None:
    """Two people who fill in the same record in different orders hold the same bytes."""
    shuffled = list(record.items())
    random.shuffle(shuffled)
    assert encode(dict(shuffled)) == encode(record)


class Colour(StrEnum):
    RED = "red"


class Count(IntEnum):
    ONE = 1


class Point(NamedTuple):
    x: int


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


NOT_CANONICAL: list[tuple[Any, str]] = [
    (1.0, "canonical.float"),
    (0.5, "canonical.float"),
    (-0.0, "canonical.float"),
    (math.nan, "canonical.float"),
    (math.inf, "canonical.float"),
    ({"price": [{"eur": 12.5}]}, "canonical.float"),
    (INTEGER_MAX + 1, "canonical.integer"),
    (-INTEGER_MAX - 1, "canonical.integer"),
    (10**400, "canonical.integer"),
    ({1: "a"}, "canonical.type"),
    ({None: "a"}, "canonical.type"),
    ({True: "a"}, "canonical.type"),
    ({b"k": "a"}, "canonical.type"),
    ({Colour.RED: "a"}, "canonical.type"),
    (Colour.RED, "canonical.type"),
    (Count.ONE, "canonical.type"),
    (Text("a"), "canonical.type"),
    (Whole(1), "canonical.type"),
    (Point(x=1), "canonical.type"),
    (OrderedDict(a=1), "canonical.type"),
    (defaultdict(int), "canonical.type"),
    (UserDict(a=1), "canonical.type"),
    (MappingProxyType({"a": 1}), "canonical.type"),
    (b"bytes", "canonical.type"),
    (bytearray(b"bytes"), "canonical.type"),
    (datetime(2026, 1, 1, tzinfo=UTC), "canonical.type"),
    (Decimal("12.50"), "canonical.type"),
    ({1, 2}, "canonical.type"),
    (object(), "canonical.type"),
    (int, "canonical.type"),
    ("\ud800", "canonical.text"),
    (["\udfff"], "canonical.text"),
    ({"\ud800": 1}, "canonical.text"),
    ({"é": "\ud83d"}, "canonical.text"),
    ({"é\udc00": 1, "a": 2}, "canonical.text"),
    (nested(DEPTH_MAX + 1), "canonical.depth"),
    (nested(100_000), "canonical.depth"),
    (endless(), "canonical.depth"),
]


@pytest.mark.parametrize(("value", "code"), NOT_CANONICAL, ids=[code for _, code in NOT_CANONICAL])
def test_a_value_with_two_readings_has_no_bytes(value: Any, code: str) -> None:
    """What another reader could see otherwise is refused when it is written, and the refusal says why."""
    with pytest.raises(NotCanonical) as refusal:
        encode(value)
    assert refusal.value.code == code


def test_nesting_is_bounded_and_the_bound_itself_is_fine() -> None:
    """The deepest allowed record is written and read; arrays and objects count alike."""
    assert decode(encode(nested(DEPTH_MAX))) == nested(DEPTH_MAX)
    assert decode(encode({"a": nested(DEPTH_MAX - 1)})) == {"a": nested(DEPTH_MAX - 1)}
    with pytest.raises(NotCanonical):
        encode({"a": nested(DEPTH_MAX)})


def test_true_is_not_one() -> None:
    """Python takes True for 1; the bytes do not."""
    assert encode([True, 1, False, 0]) == b"[true,1,false,0]"


NOT_CANONICAL_BYTES = [
    (b"1.0", "canonical.float"),
    (b"1e2", "canonical.float"),
    (b"-0.0", "canonical.float"),
    (b'{"a":[0.5]}', "canonical.float"),
    (b"NaN", "canonical.float"),
    (b"-Infinity", "canonical.float"),
    (b"9007199254740992", "canonical.integer"),
    (b"-9007199254740992", "canonical.integer"),
    (b"18446744073709551616", "canonical.integer"),
    (b"1" * 10_000, "canonical.integer"),
    (b'{"a":1,"a":1}', "canonical.duplicate_key"),
    (b'{"a":1,"a":2}', "canonical.duplicate_key"),
    (b'[{"b":{"a":1,"\\u0061":1}}]', "canonical.duplicate_key"),
    (b'"\xff"', "canonical.text"),
    (b'"\xed\xa0\x80"', "canonical.text"),
    (b'"\xc0\x80"', "canonical.text"),
    (b'"\\ud800"', "canonical.text"),
    (b"\xef\xbb\xbf1", "canonical.text"),
    (b"", "canonical.text"),
    (b"{", "canonical.text"),
    (b"1 2", "canonical.text"),
    (b"'a'", "canonical.text"),
    (b"[1,]", "canonical.text"),
    (b"01", "canonical.text"),
    (b"+1", "canonical.text"),
    (b"-0", "canonical.text"),
    (b" 1", "canonical.text"),
    (b"1\n", "canonical.text"),
    (b"[1, 2]", "canonical.text"),
    (b'{"b":1,"a":2}', "canonical.text"),
    ('{"\ufb33":1,"\U0001f600":2}'.encode(), "canonical.text"),
    (b'"\\/"', "canonical.text"),
    (b'"\\u0061"', "canonical.text"),
    (b'"\\u001F"', "canonical.text"),
    (b'"\\u00e9"', "canonical.text"),
    (b'"\n"', "canonical.text"),
    (b"[" * 65 + b"]" * 65, "canonical.depth"),
    (b"[" * 2_000 + b"]" * 2_000, "canonical.depth"),
    (b"[" * 100_000, "canonical.depth"),
    (b'{"a":' * 100_000, "canonical.depth"),
]


@pytest.mark.parametrize(("data", "code"), NOT_CANONICAL_BYTES, ids=[code for _, code in NOT_CANONICAL_BYTES])
def test_bytes_with_another_spelling_are_not_read(data: bytes, code: str) -> None:
    """Of all texts that could mean a record, one is read; the refusal of the others says why."""
    with pytest.raises(NotCanonical) as refusal:
        decode(data)
    assert refusal.value.code == code


@given(values, st.data())
def test_no_second_spelling_of_a_record_is_read(value: Canonical, data: st.DataObject) -> None:
    """However JSON may write the record, only its canonical bytes are read as it."""
    other = json.dumps(
        value,
        ensure_ascii=data.draw(st.booleans()),
        indent=data.draw(st.none() | st.integers(0, 2)),
        sort_keys=data.draw(st.booleans()),
    ).encode()
    assert other == encode(value) or refuses(other)


@given(st.binary() | st.text(alphabet='[]{}",:0123456789.eE+-\\untrf a').map(str.encode))
def test_no_bytes_at_all_bring_the_reader_down(data: bytes) -> None:
    """Whatever arrives is either the bytes of a record or refused by name."""
    assert refuses(data) or encode(decode(data)) == data


def refuses(data: bytes) -> bool:
    try:
        decode(data)
    except NotCanonical:
        return True
    return False
