"""Who may say what: persons and their roles in an account, and how sure we must be that it was them.

An account's people are facts in its ledger. Owners decide and change the account's settings, approvers
decide, viewers look. An agent is nobody here: it has a name for the record and no role, so there is nothing
it could be given by mistake.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from haloop.kernel.ids import PersonId


class Role(StrEnum):
    OWNER = "owner"
    """Decides, settles, revokes any grant, and changes who may do what."""
    APPROVER = "approver"
    """Decides on drafts."""
    VIEWER = "viewer"
    """Sees, and changes nothing."""


def plain_roles(roles: Iterable[Role]) -> list[str]:
    """Roles as a fact has them: each once, in one order."""
    return sorted({role.value for role in roles})


def may_do_more(before: Collection[Role], after: Collection[Role]) -> bool:
    """Whether somebody with other roles may do what they could not before; an owner could all of it."""
    return Role.OWNER not in before and bool({*after} - {*before} - {Role.VIEWER})


class AccountSort(StrEnum):
    """What kind of owner an account is of."""

    HOUSEHOLD = "household"
    """People who live together; what an account is until somebody says otherwise."""
    PERSON = "person"
    COMPANY = "company"


class Proof(IntEnum):
    """How an answer shows that a person gave it; more is better."""

    TOKEN = 1
    """Whoever can read a file on this machine could have given it: enough in practice mode only."""
    PASSKEY = 2
    """A device of the person's signed this very decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person in one account."""

    id: PersonId
    name: str
    roles: frozenset[Role]

    @property
    def actor(self) -> str:
        """How the ledger names them."""
        return f"person:{self.id}"
