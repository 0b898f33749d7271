"""Recovery codes: what an owner wrote down, good once in place of a passkey that is lost.

A code is 140 random bits, so nobody finds it by trying, however fast: its hash needs no slow function, which is for
secrets that people choose. The salt keeps two accounts' hashes apart. Whoever copies one off a paper may write it
large, without its dashes, and with the letters that look like digits.
"""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH, _GROUP = 28, 4
_MEANT = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCode:
    """A code as the ledger knows it."""

    salt: str
    hash: str
    made_at: int

    def is_spelt(self, code: str) -> bool:
        """Whether this is the code."""
        return hmac.compare_digest(self.hash, _hash(self.salt, code))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenCode:
    """A code as it is said, this once."""

    salt: str
    text: str

    @classmethod
    def make(cls) -> Self:
        letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        groups = [letters[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP)]
        return cls(salt=secrets.token_hex(16), text="-".join(groups))

    def hash(self) -> str:
        return _hash(self.salt, self.text)


def _hash(salt: str, code: str) -> str:
    return sha256(f"haloop/recovery-code/1 {salt} {code.lower().translate(_MEANT)}".encode()).hexdigest()
