"""Who belongs to an account, its agents and its grants, as they go over the wire."""

from pydantic import BaseModel, Field

from haloop.kernel.money import Money


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


class TokenOut(BaseModel, frozen=True):
    """An agent's token, without its secret."""

    id: str
    agent: str
    expires_at: str


class TokenWanted(BaseModel, extra="forbid", strict=True):
    agent: str = Field(min_length=1, max_length=60)
    days: int = Field(default=30, ge=1, le=366)


class TokenMade(TokenOut, frozen=True):
    """The only time its secret is said."""

    token: str


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
