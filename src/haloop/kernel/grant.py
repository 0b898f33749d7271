"""A grant: a person's standing yes, with a scope, caps and an end.

It is given like everything else: through a gate whose draft is the grant, so "autopilot" has no switch of its
own. It covers named operations and payees in one currency, never the giving of grants, and it ends at once
when somebody revokes it. What an approval costs above its draft suspends it.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from haloop.kernel import values
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadDraft
from haloop.kernel.money import Money
from haloop.kernel.operation import Call, NotDone, effect

WINDOW_MAX = timedelta(days=31)


class GrantTerms(BaseModel):
    """What a grant allows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    operations: tuple[str, ...]
    payees: tuple[str, ...]
    each_max: Money
    total_max: Money
    window_days: int
    expires_at: int
    """Microseconds since 1970."""
    live: bool


class GrantGivenTo(BaseModel, frozen=True, extra="forbid"):
    """The grant that was given."""

    grant: str


class Grants(Protocol):
    """The kernel's own port."""

    @effect
    async def give(self, terms: GrantTerms, call: Call) -> GrantGivenTo | NotDone: ...


GIVE = "Grants.give"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant as the ledger knows it."""

    id: str
    operations: frozenset[str]
    payees: frozenset[str]
    each_max: Money
    total_max: Money
    window: timedelta
    expires_at: int
    live: bool
    by: tuple[str, ...]
    suspended: bool = False

    def __post_init__(self) -> None:
        if GIVE in self.operations:
            raise BadDraft("A grant cannot give grants.", code="grant.widens")
        if self.each_max.currency != self.total_max.currency or self.each_max.minor < 0:
            raise BadDraft("A grant's caps are amounts of one currency.", code="grant.caps")
        if not timedelta() < self.window <= WINDOW_MAX:
            raise BadDraft(f"A grant's window is at most {WINDOW_MAX.days} days.", code="grant.window")

    @classmethod
    def of(cls, name: str, terms: GrantTerms, *, by: tuple[str, ...] = ()) -> "Grant":
        return cls(
            id=name,
            operations=frozenset(terms.operations),
            payees=frozenset(terms.payees),
            each_max=terms.each_max,
            total_max=terms.total_max,
            window=timedelta(days=terms.window_days),
            expires_at=terms.expires_at,
            live=terms.live,
            by=by,
        )

    def reaches(self, operation: str, payee: str | None, *, live: bool) -> bool:
        """Whether an effect is within the scope, whatever it costs."""
        return operation in self.operations and live == self.live and (payee is None or payee in self.payees)

    def suspend(self) -> "Grant":
        return replace(self, suspended=True)


def read_terms(plain: Canonical) -> GrantTerms:
    """The terms as a fact has them."""
    terms: GrantTerms = values.typed(GrantTerms, plain)
    return terms
