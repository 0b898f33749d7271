"""Who belongs to an account, its agents and its grants, as they go over the wire."""

from typing import Annotated

from pydantic import BaseModel, Field

from haloop.kernel.invitation import DAYS_MAX
from haloop.kernel.money import Money
from haloop.kernel.people import AccountSort, Role
from haloop.wire.passkeys import PasskeyConfirmed

Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role))]


class Me(BaseModel, frozen=True):
    """Who is asking."""

    account: str
    person: str | None
    agent: str | None
    name: str
    roles: list[str]


class PersonOut(BaseModel, frozen=True):
    id: str
    name: str
    roles: list[str]
    passkeys: int


class RolesWanted(BaseModel, extra="forbid"):
    roles: Roles
    confirmed: PasskeyConfirmed | None = None
    """The answer of a passkey to exactly these, where they let somebody do more."""


class InvitationWanted(BaseModel, extra="forbid"):
    """Whom to let in, as what, and until when it may be redeemed."""

    name: str = Field(min_length=1, max_length=60)
    roles: Roles
    days: int = Field(default=7, ge=1, le=DAYS_MAX, strict=True)
    confirmed: PasskeyConfirmed | None = None
    """The answer of a passkey to all the rest of this, so that whoever comes adds their first passkey alone."""


class InvitationOut(BaseModel, frozen=True):
    """An invitation that nobody has redeemed yet, without its secret."""

    id: str
    name: str
    roles: list[str]
    by: str
    expires_at: str
    confirmed: bool
    """Whether a passkey said yes to it: whoever comes by it adds their first passkey alone."""


class InvitationSent(InvitationOut, frozen=True):
    """The only time its secret is said."""

    invitation: str
    address: str
    """Where whoever is meant opens the page once."""


class InvitationShown(BaseModel, extra="forbid", strict=True):
    invitation: str = Field(min_length=1, max_length=200)


class AccountOut(BaseModel, frozen=True):
    """One of your accounts."""

    id: str
    sort: str
    name: str
    roles: list[str]
    """Yours in it."""
    current: bool
    """Whether it is the one you are asking in."""


class AccountWanted(BaseModel, extra="forbid"):
    sort: AccountSort
    name: str = Field(min_length=1, max_length=60)


class AccountChosen(BaseModel, extra="forbid", strict=True):
    account: str = Field(pattern="^acc_[0-9a-f]{32}$")


class TokenOut(BaseModel, frozen=True):
    """An agent's token, without its secret."""

    id: str
    agent: str
    expires_at: str
    desks: list[str] | None
    """Those it may ask; any, where it is none."""


class TokenWanted(BaseModel, extra="forbid", strict=True):
    agent: str = Field(min_length=1, max_length=60, json_schema_extra={"pattern": "^[a-z][a-z0-9_.-]{0,59}$"})
    """The pattern is told here, and held by the kernel, which says it in words."""
    days: int = Field(default=30, ge=1, le=366)
    desks: list[Annotated[str, Field(max_length=60)]] | None = Field(default=None, min_length=1, max_length=20)
    """Those it may ask; left out, any."""


class TokenMade(TokenOut, frozen=True):
    """The only time its secret is said."""

    token: str


class Used(BaseModel, frozen=True):
    """What is used up of a limit within its window, and when it is free again."""

    spent: Money
    held: Money
    """Kept for effects that are under way, or of which nobody knows how they ended."""
    left: Money
    some_free_at: str | None
    """When the oldest of what was spent is free again; none where nothing was spent."""
    all_free_at: str | None
    """When all of what was spent until now is."""


class GrantOut(BaseModel, frozen=True):
    """A standing yes."""

    id: str
    operations: list[str]
    payees: list[str]
    each_max: Money
    total_max: Money
    window_days: int
    expires_at: str
    live: bool
    by: list[str]
    suspended: bool
    is_over: bool
    """Its time has come; nothing opens under it any more."""
    used: Used


class BudgetOut(BaseModel, frozen=True):
    """The most that the account spends within a window, whoever says yes."""

    amount: Money
    window_days: int
    used: Used
