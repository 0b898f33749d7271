"""What a passkey says yes to where a change of who may do what, or of how much may be spent, takes its word.

The bytes name the account, the owner whose word it is and the whole change, with a nonce of ours, and are signed under
the sort of change it is: a yes to one change is none to any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.ids import AccountId, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """All that is to be confirmed, beside the nonce."""

    sort: str
    """What kind of change it is, such as `invitation`."""
    account: AccountId
    by: PersonId
    change: Mapping[str, Canonical]

    def asked(self, nonce: str) -> bytes:
        """All that a passkey says yes to, in the one spelling it signs."""
        return canonical.encode({**self.change, "account": self.account, "by": self.by, "nonce": nonce})


def challenge(sort: str, asked: bytes) -> bytes:
    """What a passkey has to sign for that."""
    return sha256(f"haloop/{sort}/1".encode() + asked).digest()
