"""What somebody shows to be let in: it names its account and itself, so whoever checks it knows where to look.

Only the hash of its secret is kept, in the account's ledger. It ends by itself, and at once when it is taken back.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Protocol, Self

from haloop.kernel.ids import AccountId

_SPELT = re.compile(r"(?P<prefix>[a-z]{3})_(?P<account>[0-9a-f]{32})_(?P<id>[0-9a-f]{16})_(?P<secret>[0-9a-f]{64})")


class Known(Protocol):
    """What the ledger knows of it."""

    @property
    def hash(self) -> str: ...

    @property
    def expires_at(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """As somebody shows it."""

    prefix: ClassVar[str]
    account: AccountId
    id: str
    secret: str

    @classmethod
    def make(cls, account: AccountId) -> Self:
        """A new one, which nobody else has."""
        return cls(account=account, id=secrets.token_hex(8), secret=secrets.token_hex(32))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None where this is nothing of the kind."""
        found = _SPELT.fullmatch(text)
        if found is None or found["prefix"] != cls.prefix:
            return None
        return cls(account=AccountId(f"acc_{found['account']}"), id=found["id"], secret=found["secret"])

    def spell(self) -> str:
        """What its holder keeps; nobody else can say it again."""
        return f"{self.prefix}_{self.account.removeprefix('acc_')}_{self.id}_{self.secret}"

    def hash(self) -> str:
        return sha256(self.secret.encode()).hexdigest()

    def is_that_of(self, known: Known, *, now: int) -> bool:
        """Whether it is this one, and still good."""
        return hmac.compare_digest(self.hash(), known.hash) and now < known.expires_at
