"""What an event says is a set of named parts, and the ledger hashes only their commitments.

A part's hash covers its name, its bytes and a random salt. Without the salt nobody can guess the bytes
from the hash, so a part whose bytes and salt are deleted is gone while every hash that mentions it
still holds; and a part can be shown to a stranger alone. The commitment to a whole payload is the hash
of the map from part name to part hash, with names in order.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadEntry
from haloop.kernel.ids import PersonId

SALT_BYTES = 32
PART_BYTES_MAX = 64 * 1024

_PART_TAG = b"haloop/part/1"
_PAYLOAD_TAG = b"haloop/payload/1"
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")

PartHashes = Mapping[str, bytes]
"""Part name to part hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One named piece of a payload."""

    name: str
    body: bytes
    subject: PersonId | None = None
    """The person these words are about, if they must be erasable with that person's other data."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.body) > PART_BYTES_MAX:
            raise BadEntry(
                f"Part {self.name!r} has {len(self.body):,} bytes; the ledger takes up to {PART_BYTES_MAX:,}.",
                code="part.too_large",
                next_step="Store the bytes as an artifact and record its digest.",
            )

    @classmethod
    def of(cls, name: str, value: Canonical, *, subject: PersonId | None = None) -> "Part":
        """A part whose bytes are the canonical form of a value."""
        return cls(name=name, body=canonical.encode(value), subject=subject)


def part_hash(name: str, body: bytes, salt: bytes) -> bytes:
    raw_name = name.encode()
    return sha256(b"".join((_PART_TAG, salt, len(raw_name).to_bytes(4, "big"), raw_name, body))).digest()


def encode_hashes(hashes: PartHashes) -> bytes:
    """The bytes a payload commitment covers: canonical JSON of part name to hex hash."""
    names = sorted(hashes) if len(hashes) > 1 else hashes  # names are ASCII: every order agrees
    return ("{" + ",".join([f'"{name}":"{hashes[name].hex()}"' for name in names]) + "}").encode()


def decode_hashes(raw: bytes) -> dict[str, bytes]:
    """Read back `encode_hashes`; anything that it would not have written is refused."""
    found = canonical.decode(raw)
    if not isinstance(found, dict):
        raise BadEntry("The part hashes are not an object.")
    hashes: dict[str, bytes] = {}
    for name, text in found.items():
        _check_name(name)
        hashes[name] = digest_from_hex(text)
    return hashes


def commitment(raw_hashes: bytes) -> bytes:
    """The payload commitment, from the bytes of `encode_hashes`."""
    return sha256(_PAYLOAD_TAG + raw_hashes).digest()


def digest_from_hex(text: object) -> bytes:
    """A SHA-256 value from its one accepted spelling: 64 lower-case hex digits."""
    if isinstance(text, str) and len(text) == 64:
        try:
            raw = bytes.fromhex(text)
        except ValueError:
            raw = b""
        if raw.hex() == text:
            return raw
    raise BadEntry(f"{str(text)[:80]!r} is not a SHA-256 value in hex.")


@lru_cache(maxsize=1024)
def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise BadEntry(f"{name[:80]!r} is not a part name: lower-case letters, digits, '_', '.', '-'.")
