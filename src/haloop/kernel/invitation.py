"""Invitations: an owner lets somebody into the account, once, within days, in the roles that were said.

Whoever shows the invitation is the person who was meant, so it is worth what it opens: it is said once, kept as a
hash, and ends by itself. Where a passkey said yes to exactly this invitation, whoever is let in by it adds their first
passkey alone; otherwise an owner's has to be beside them, because a program that reads the machine's token can invite.
"""

from dataclasses import dataclass
from typing import ClassVar

from haloop.kernel.ids import PersonId
from haloop.kernel.people import Role
from haloop.kernel.presented import Presented

DAYS_MAX = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An invitation as the ledger knows it."""

    id: str
    hash: str
    name: str
    """Whom it is for."""
    roles: frozenset[Role]
    by: PersonId
    """The owner whose word it is."""
    expires_at: int
    """Microseconds since 1970."""
    confirmed: bool = False
    """Whether a passkey said yes to it."""


class PresentedInvitation(Presented):
    """An invitation as somebody shows it."""

    __slots__ = ()
    prefix: ClassVar[str] = "inv"
