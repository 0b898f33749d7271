"""The address that one person alone writes to: the mailbox's own, with a key in it that nobody else can make.

The key is made of the person, their account and the address they write from, so another address of theirs has another
key, and whoever takes the address out has none any more. It is a secret between the person and this house, as a
calendar's secret address is; together with a sender that was checked it says who writes, and in which account.
"""

import hmac
from base64 import b32encode
from dataclasses import dataclass, field

from haloop.kernel import canonical
from haloop.kernel.ids import AccountId, PersonId

_KEY_LENGTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterAddresses:
    """One mailbox, and the secret that its keys are made with."""

    mailbox: str
    secret: bytes = field(repr=False)

    def key(self, account: AccountId, person: PersonId, writes_from: str) -> str:
        """What a letter of this person from this address is sent to, behind the plus sign."""
        named = canonical.encode(["haloop/letter/1", account, person, writes_from.casefold()])
        return b32encode(hmac.digest(self.secret, named, "sha256")).decode().casefold()[:_KEY_LENGTH]

    def address(self, account: AccountId, person: PersonId, writes_from: str) -> str:
        """Where this person writes to, from this address."""
        return with_key(self.mailbox, self.key(account, person, writes_from))


def with_key(mailbox: str, key: str) -> str:
    """The mailbox's address with a key in it."""
    name, _, domain = mailbox.rpartition("@")
    return f"{name}+{key}@{domain}"


def key_in(mailbox: str, address: str) -> str:
    """The key in an address; empty where it is none of this mailbox's."""
    name, _, domain = mailbox.casefold().rpartition("@")
    before, _, behind = address.casefold().rpartition("@")
    return before.removeprefix(f"{name}+") if behind == domain and before.startswith(f"{name}+") else ""
