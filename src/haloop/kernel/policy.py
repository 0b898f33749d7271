"""Who must say yes: one pure function from facts to an answer, and no is what it says when nothing fits.

The facts come from the draft's bytes and the ledger, read by the kernel; a desk or an agent cannot tell it
what something costs or who is paid. It runs for each revision of a gate, and once more in the moment an
effect is intended, because caps are spent and roles change in between.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from haloop.kernel.draft import NamedEffect
from haloop.kernel.errors import BadEntry
from haloop.kernel.gate import Need
from haloop.kernel.grant import GIVE, Grant
from haloop.kernel.ids import PersonId
from haloop.kernel.money import Money
from haloop.kernel.people import Person, Proof, Role

CEILING_WINDOW_MAX = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most an account spends in one currency within a window, whoever said yes."""

    amount: Money
    window: timedelta

    def __post_init__(self) -> None:
        if not timedelta() < self.window <= CEILING_WINDOW_MAX:
            raise BadEntry(f"A ceiling's window is at most {CEILING_WINDOW_MAX.days} days.", code="rules.ceiling")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What is gone or held: of a ceiling, or of a grant."""

    by_ceiling: tuple[Money, ...]
    """In the order of the account's ceilings."""
    by_grant: Mapping[str, Money]


Payee: TypeAlias = tuple[bool, str]
"""Whether it was live, and who was paid: money of the practice world makes nobody known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a decision rests on."""

    effects: tuple[NamedEffect, ...]
    people: tuple[Person, ...]
    """Everybody in the account."""
    proposers: frozenset[PersonId]
    """Who asked for this, or changed it."""
    need: Need
    """What the account's rules and the desk ask for beyond the built-in rule."""
    ceilings: tuple[Ceiling, ...]
    spent: Spent
    known_payees: frozenset[Payee]
    uncertain: frozenset[str]
    """Purposes whose last try has an unknown outcome."""
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """It does not run."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """People decide."""

    need: Need


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """A grant covers it."""

    grant: str
    need: Need
    """What it would take of people; settling what goes wrong takes that."""


Ruling: TypeAlias = Deny | Ask | Allow


def decide(facts: Facts, grants: Iterable[Grant]) -> Ruling:
    """Whether a draft may run, and by whose yes."""
    over = _over_a_ceiling(facts)
    if over is not None:
        return over
    need = _built_in(facts).raised(facts.need)
    for grant in grants:
        if _covers(grant, need, facts):
            return Allow(grant=grant.id, need=need)
    able = sum(1 for person in facts.people if _may_decide(person, need.widest(), need, facts))
    if able < need.count:
        return Deny(code="policy.no_approver", sentence=f"It takes {need.count} to decide; {able} may.")
    return Ask(need=need)


def _built_in(facts: Facts) -> Need:
    """One owner or approver; with a passkey where something live leaves this machine, now or under a grant."""
    live = any((planned.live and planned.leaves) or _gives_live(planned) for planned in facts.effects)
    return Need(proof=Proof.PASSKEY if live else Proof.TOKEN)


def _gives_live(planned: NamedEffect) -> bool:
    """Whether this gives a grant under which something live may leave this machine."""
    match planned.argument:
        case {"live": False}:
            return False
    return planned.operation == GIVE


def _may_decide(person: Person, roles: frozenset[Role], need: Need, facts: Facts) -> bool:
    return bool(person.roles & roles) and not (need.separation and person.id in facts.proposers)


def _over_a_ceiling(facts: Facts) -> Deny | None:
    unlimited = next((one for one in facts.effects if one.payee is not None and one.cost_max is None), None)
    if facts.ceilings and unlimited is not None:
        sentence = f"{unlimited.operation} pays {unlimited.payee} and does not say how much at most."
        return Deny(code="budget.no_limit", sentence=sentence)
    for ceiling, spent in zip(facts.ceilings, facts.spent.by_ceiling, strict=True):
        wanted = total(facts.effects, ceiling.amount.currency)
        if wanted.minor > 0 and spent + wanted > ceiling.amount:
            days = ceiling.window.days
            return Deny(
                code="budget.ceiling",
                sentence=f"{wanted.format()} more would exceed {ceiling.amount.format()} in {days} days.",
            )
    return None


def _covers(grant: Grant, need: Need, facts: Facts) -> bool:
    """Whether one grant alone covers every effect; two are never added up."""
    if not facts.effects or grant.suspended or facts.now >= grant.expires_at or not _is_yes(grant, need, facts):
        return False
    if grant.id not in facts.spent.by_grant or any(planned.purpose in facts.uncertain for planned in facts.effects):
        return False
    wanted = total(facts.effects, grant.each_max.currency)
    within = facts.spent.by_grant[grant.id] + wanted <= grant.total_max
    return within and all(_covers_one(grant, planned, facts) for planned in facts.effects)


def _is_yes(grant: Grant, need: Need, facts: Facts) -> bool:
    """A grant is a yes of those who gave it, so it does where their yes would do today, and nowhere else."""
    givers = [person for person in facts.people if person.actor in grant.by]
    entitled = sum(1 for person in givers if _may_decide(person, need.roles, need, facts))
    proof = Proof.PASSKEY if grant.live else Proof.TOKEN
    return entitled >= need.count and proof >= need.proof


def _covers_one(grant: Grant, planned: NamedEffect, facts: Facts) -> bool:
    if planned.operation == GIVE or not grant.reaches(planned.operation, planned.payee, live=planned.live):
        return False
    if planned.payee is not None and (planned.live, planned.payee) not in facts.known_payees:
        return False
    cost = planned.cost_max
    if cost is None:
        return planned.payee is None  # who is paid without a most is paid any amount
    return cost.currency == grant.each_max.currency and cost <= grant.each_max


def total(effects: Iterable[NamedEffect], currency: str) -> Money:
    """What these may cost together in one currency."""
    return summed((planned.cost_max for planned in effects if planned.cost_max is not None), currency)


def summed(amounts: Iterable[Money], currency: str) -> Money:
    """What these are together in one currency; what comes back makes no room for more."""
    minor = sum(max(amount.minor, 0) for amount in amounts if amount.currency == currency)
    return Money(minor=minor, currency=currency)
