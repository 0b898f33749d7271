"""Parts: a hash that hides its words and binds its name, and a commitment from which any part can be shown alone."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haloop.kernel import canonical
from haloop.kernel.errors import BadEntry, BadInput, NotCanonical
from haloop.kernel.part import (
    PART_BYTES_MAX,
    SALT_BYTES,
    Part,
    commitment,
    decode_hashes,
    digest_from_hex,
    encode_hashes,
    part_hash,
)

SALT = bytes(range(SALT_BYTES))
names = st.from_regex(r"[a-z][a-z0-9_.-]{0,63}", fullmatch=True)
digests = st.binary(min_size=32, max_size=32)


def test_the_hash_of_a_part_never_changes() -> None:
    """The published formula: tag, salt, length of the name, name, bytes."""
    raw = b"haloop/part/1" + SALT + b"\x00\x00\x00\x05price" + b'"12.50 EUR"'
    assert part_hash("price", b'"12.50 EUR"', SALT) == sha256(raw).digest()


def test_the_commitment_never_changes() -> None:
    """The published formula: a tag and the canonical map of names to hashes."""
    raw = encode_hashes({"b": b"\x02" * 32, "a": b"\x01" * 32})
    assert raw == b'{"a":"' + b"01" * 32 + b'","b":"' + b"02" * 32 + b'"}'
    assert commitment(raw) == sha256(b"haloop/payload/1" + raw).digest()
    assert encode_hashes({}) == b"{}"


@given(st.binary(max_size=40), st.binary(max_size=40), names, names)
@settings(deadline=None)
def test_a_part_is_bound_to_its_name_bytes_and_salt(one: bytes, two: bytes, name: str, other: str) -> None:
    """Other bytes, another name or another salt is another hash, even where name and bytes run together."""
    hashes = {part_hash(name, one, SALT), part_hash(name, two, SALT), part_hash(other, one, SALT)}
    assert len(hashes) == len({(name, one), (name, two), (other, one)})
    assert part_hash(name, one, bytes(SALT_BYTES)) not in hashes


@given(st.dictionaries(names, digests, max_size=5))
@settings(deadline=None)
def test_the_hashes_of_parts_are_canonical_and_read_back(hashes: dict[str, bytes]) -> None:
    """The quick way they are written gives the canonical encoder's bytes."""
    raw = encode_hashes(hashes)
    assert raw == canonical.encode({name: digest.hex() for name, digest in hashes.items()})
    assert decode_hashes(raw) == hashes


DIGEST = b"01" * 32


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'{"a":1}',
        b'{"a":"01"}',
        b'{"a":"' + b"0A" * 32 + b'"}',
        b'{"A":"' + DIGEST + b'"}',
        b'{"":"' + DIGEST + b'"}',
        b'{"a":"' + DIGEST + b'","a":"' + DIGEST + b'"}',
        b'{"b":"' + DIGEST + b'","a":"' + DIGEST + b'"}',
        b'{ "a":"' + DIGEST + b'"}',
        b"\x00",
    ],
)
def test_hashes_of_parts_have_one_spelling(raw: bytes) -> None:
    """Whatever `encode_hashes` would not have written is refused."""
    with pytest.raises(BadInput):
        decode_hashes(raw)


@pytest.mark.parametrize("name", ["", "Price", "1st", "_x", "a b", "a\n", 'a"', "ä", "a" * 65, "a/b"])
def test_a_part_has_a_plain_name(name: str) -> None:
    """A name that would need escaping, or could be read two ways, is refused."""
    with pytest.raises(BadEntry):
        Part(name=name, body=b"")


def test_a_part_that_is_too_large_is_refused_with_what_to_do() -> None:
    """The ledger takes words, not files; the refusal says where larger bytes go."""
    Part(name="page", body=bytes(PART_BYTES_MAX))
    with pytest.raises(BadEntry) as refused:
        Part(name="page", body=bytes(PART_BYTES_MAX + 1))
    assert refused.value.code == "part.too_large"
    assert "artifact" in refused.value.next_step


def test_a_value_becomes_its_canonical_bytes() -> None:
    """A part made of a value holds the value's canonical bytes, and a value without any is refused."""
    assert Part.of("price", {"minor": 1250, "currency": "EUR"}).body == b'{"currency":"EUR","minor":1250}'
    with pytest.raises(NotCanonical):
        Part.of("price", 12.5)  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "AB" * 32, "0" * 63 + " ", "٠" * 64, None, 7, b"00" * 32])
def test_a_digest_has_one_spelling(text: object) -> None:
    """64 lower-case hex digits, and nothing that a lenient reader would take for them."""
    with pytest.raises(BadEntry):
        digest_from_hex(text)
    assert digest_from_hex("0f" * 32) == b"\x0f" * 32
