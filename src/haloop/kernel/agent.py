"""Agents: programs that may propose and see what they proposed, under a token of their own; they never decide.

A token names its account and itself, so that whoever checks it knows where to look; only the hash of its secret
is kept, in the account's ledger. It ends by itself, and at once when it is revoked.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256

from haloop.kernel.errors import BadEntry
from haloop.kernel.ids import AccountId

_TOKEN = re.compile(r"hal_(?P<account>[0-9a-f]{32})_(?P<token>[0-9a-f]{16})_(?P<secret>[0-9a-f]{64})")
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,59}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentToken:
    """A token as the ledger knows it."""

    id: str
    agent: str
    """The name that the record has for whoever holds it."""
    hash: str
    expires_at: int
    """Microseconds since 1970."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.agent):
            raise BadEntry(
                "An agent's name is up to 60 small letters, digits, dots and dashes, and begins with a letter.",
                code="token.name",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedToken:
    """A token as somebody shows it."""

    account: AccountId
    id: str
    secret: str

    @classmethod
    def make(cls, account: AccountId) -> "PresentedToken":
        """A new one, which nobody else has."""
        return cls(account=account, id=secrets.token_hex(8), secret=secrets.token_hex(32))

    @classmethod
    def read(cls, text: str) -> "PresentedToken | None":
        """None where this is no agent's token at all."""
        found = _TOKEN.fullmatch(text)
        return found and cls(account=AccountId(f"acc_{found['account']}"), id=found["token"], secret=found["secret"])

    def spell(self) -> str:
        """What its holder keeps; nobody else can say it again."""
        return f"hal_{self.account.removeprefix('acc_')}_{self.id}_{self.secret}"

    def hash(self) -> str:
        return sha256(self.secret.encode()).hexdigest()

    def is_that_of(self, known: AgentToken, *, now: int) -> bool:
        """Whether it is this token, and still good."""
        return hmac.compare_digest(self.hash(), known.hash) and now < known.expires_at
