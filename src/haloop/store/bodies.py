"""How a part is locked before it is stored, and opened again.

Each part has a key and a salt of its own, drawn at random and wrapped by its holder's key: the run's, or
that of the person it is about. So one part can be shown (its salt and bytes) or erased (its row, or the
holder's key) without touching any other. The holder's name is bound to the wrapping: a part cannot be moved
under another holder unnoticed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from haloop.kernel.errors import Corrupt, Erased, KeyMissing, NotFound
from haloop.kernel.ledger import Event
from haloop.kernel.part import SALT_BYTES, Part, part_hash
from haloop.store.keys import KeyRing
from haloop.store.reader import Reader, StoredPart

_NONCE = 12  # 96 random bits, as AES-GCM wants them; each is used once under a key that is used twice at most
_KEY = 32
_WRAP_TAG = b"haloop/wrap/1"


class LockedPart(NamedTuple):
    """A part as it lies on the disk."""

    name: str
    hash: bytes
    key_id: int
    personal: bool
    wrapped: bytes
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPart:
    """What a stranger needs to check one part: its bytes and its salt."""

    body: bytes
    salt: bytes


class Bodies:
    """What events say, opened with the home's keys."""

    def __init__(self, reader: Reader, keys: KeyRing) -> None:
        self._reader = reader
        self._keys = keys

    def open(self, event: Event, name: str) -> OpenPart:
        """Open one part and hold it against its hash; Erased where it is gone on purpose."""
        if name not in event.parts:
            raise NotFound(f"Event {event.index} has no part {name!r}.")
        try:
            opened = self._unlock(self._find(event, name))
        except Corrupt as error:
            raise type(error)(f"Event {event.index}, part {name!r}: {error.sentence}") from error
        if part_hash(name, opened.body, opened.salt) != event.parts[name]:
            raise Corrupt(f"Event {event.index}, part {name!r} is not what was recorded.")
        return opened

    def _find(self, event: Event, name: str) -> StoredPart:
        tree = self._reader.number(event.header.account)
        stored = self._reader.part(tree, event.index, name)
        if stored is not None:
            return stored
        if self._reader.part_erased(tree, event.index, name):
            raise Erased(f"Part {name!r} of event {event.index} was erased.")
        raise Corrupt("It is missing and no erasure says why.")

    def _unlock(self, stored: StoredPart) -> OpenPart:
        try:
            cipher = self._keys.cipher(stored.key_id)
        except KeyMissing:
            if self._reader.key_erased(stored.key_id):
                raise Erased(f"What {stored.holder} says was erased.") from None
            raise
        return unlock(stored.wrapped, stored.body, holder=stored.holder, cipher=cipher)


def lock(part: Part, *, holder: str, key_id: int, cipher: AESGCM, draw: Callable[[int], bytes]) -> LockedPart:
    """Encrypt a part under a key of its own, and wrap that key and the salt for its holder."""
    random = draw(_KEY + SALT_BYTES + _NONCE + _NONCE)
    secret, salt = random[: _KEY + SALT_BYTES], random[_KEY : _KEY + SALT_BYTES]
    body_nonce, wrap_nonce = random[-2 * _NONCE : -_NONCE], random[-_NONCE:]
    return LockedPart(
        part.name,
        part_hash(part.name, part.body, salt),
        key_id,
        part.subject is not None,
        wrap_nonce + cipher.encrypt(wrap_nonce, secret, _WRAP_TAG + holder.encode()),
        body_nonce + AESGCM(secret[:_KEY]).encrypt(body_nonce, part.body, None),
    )


def unlock(wrapped: bytes, body: bytes, *, holder: str, cipher: AESGCM) -> OpenPart:
    """Open what `lock` closed; anything else is corruption."""
    try:
        secret = cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _WRAP_TAG + holder.encode())
        plain = AESGCM(secret[:_KEY]).decrypt(body[:_NONCE], body[_NONCE:], None)
    except (InvalidTag, ValueError) as error:
        raise Corrupt("Its bytes do not open under its holder's key.") from error
    return OpenPart(body=plain, salt=secret[_KEY:])
