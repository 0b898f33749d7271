"""What the ledger says of one account: its people, rules, grants, what is spent and what is held.

All of it is read from facts, in their order, and can be read again at any time. A hold is there from the
moment an effect is intended until it is known how it ended, so two runs can never spend the same money, and
money whose fate is unknown counts as spent.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from haloop.kernel.canonical import Canonical
from haloop.kernel.draft import NamedEffect
from haloop.kernel.errors import BadEntry
from haloop.kernel.fact import (
    CredentialEnrolled,
    CredentialRevoked,
    EffectContradicted,
    EffectHappened,
    EffectIntended,
    EffectNotDone,
    EffectUncertain,
    Fact,
    GrantGiven,
    GrantRevoked,
    GrantSuspended,
    PersonAdded,
    PersonRemoved,
    RulesSet,
    RunEnded,
    ScheduleFired,
    ScheduleSet,
)
from haloop.kernel.gate import Need, read_need
from haloop.kernel.grant import Grant, read_terms
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.money import Money
from haloop.kernel.passkey import PersonKey
from haloop.kernel.people import Person, Role
from haloop.kernel.policy import Ceiling, Facts, Payee, Ruling, Spent, decide, summed

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A person's passkey, and where its enrolment stands in the account's tree."""

    person: PersonId
    key: PersonKey
    enrolled_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """A schedule in an account: whether it is on, and since which moment times count."""

    on: bool
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Money that an approved effect may still cost."""

    amount: Money
    grant: str | None
    intent: EffectIntended | None = None
    """What it is held for, once that was intended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money that an effect did cost."""

    ts: int
    amount: Money
    intent: EffectIntended | None
    """What it was paid for; none where nobody knows any more."""


_Place = tuple[str, str]  # a gate and an effect's name


@dataclass(slots=True, kw_only=True)
class Account:
    """An account as its facts have made it."""

    id: AccountId
    people: dict[PersonId, Person] = field(default_factory=dict)
    credentials: dict[str, Credential] = field(default_factory=dict)
    need: Need = field(default_factory=Need)
    ceilings: tuple[Ceiling, ...] = ()
    grants: dict[str, Grant] = field(default_factory=dict)
    suspended_silently: set[str] = field(default_factory=set)
    """Grants that stopped at once because something cost too much, and of which no fact says so yet."""
    schedules: dict[str, Scheduled] = field(default_factory=dict)
    payees: set[Payee] = field(default_factory=set)
    uncertain: dict[_Place, EffectIntended] = field(default_factory=dict)
    holds: dict[_Place, Hold] = field(default_factory=dict)
    payments: list[Payment] = field(default_factory=list)
    _intents: dict[_Place, EffectIntended] = field(default_factory=dict)
    _contradicted: set[_Place] = field(default_factory=set)
    """What was released and then turned out to have been spent: its hold outlives the run."""
    _runs: dict[RunId, set[str]] = field(default_factory=dict)

    def apply(self, fact: Fact, *, run: RunId, ts: int, index: int = -1) -> None:
        """Take a fact in."""
        match fact:
            case EffectIntended():
                self._intend(fact, run)
            case EffectHappened():
                self._pay(fact, ts)
            case EffectNotDone():
                self._release((fact.gate, fact.effect))
            case EffectUncertain():
                if (fact.gate, fact.effect) in self._intents:
                    self.uncertain[fact.gate, fact.effect] = self._intents[fact.gate, fact.effect]
            case EffectContradicted():
                for name, amount in fact.holds.items():
                    self.holds[fact.gate, name] = Hold(amount=Money(**amount), grant=fact.grant)
                    self._contradicted.add((fact.gate, name))
            case RunEnded():
                self.let_go(run)
            case _:
                self._apply_own(fact, index, ts)

    def take_back(self, fact: Fact) -> None:
        """The ledger refused a fact that was taken in already: what it held is free again."""
        if isinstance(fact, EffectIntended):
            for name in (fact.effect, *fact.holds):
                self._release((fact.gate, name))

    def unclear(self) -> list[str]:
        """The gates whose effects were intended, and nobody knows yet how they ended."""
        return sorted({gate for gate, _ in self._intents})

    def runs(self) -> list[RunId]:
        """The runs that may still hold money."""
        return list(self._runs)

    def let_go(self, run: RunId) -> None:
        """A run that ended will not do the rest of what was approved."""
        for gate in self._runs.pop(run, ()):
            for place in [place for place in self.holds if place[0] == gate and place not in self._contradicted]:
                del self.holds[place]

    def rule(
        self,
        effects: Mapping[str, NamedEffect],
        *,
        need: Need,
        grants: Iterable[Grant],
        proposers: frozenset[PersonId],
        now: int,
        besides: str = "",
    ) -> Ruling:
        """Whether a draft may run now, and if under a grant, under which of these.

        What a gate's own approval already holds is not counted twice: name that gate in `besides`.
        """
        facts = Facts(
            effects=tuple(effects.values()),
            people=tuple(self.people.values()),
            proposers=proposers,
            need=self.need.raised(need),
            ceilings=self.ceilings,
            spent=self._spent(now, besides),
            known_payees=frozenset(self.payees),
            uncertain=frozenset(intent.purpose for intent in self.uncertain.values()),
            now=now,
        )
        return decide(facts, grants)

    def disclosures(self, effects: Iterable[NamedEffect]) -> list[Canonical]:
        """What a person must read before they say yes: an earlier try may already have done it."""
        wanted = {planned.purpose: planned.name for planned in effects}
        return [
            {"effect": wanted[intent.purpose], "gate": intent.gate, "key": "uncertain_before"}
            for intent in self.uncertain.values()
            if intent.purpose in wanted
        ]

    def go_back(self, at: int) -> None:
        """The ledger went back: what was spent since is not known, so grants rest and windows count as spent."""
        self.grants = {name: grant.suspend() for name, grant in self.grants.items()}
        self.payments += [Payment(ts=at, amount=ceiling.amount, intent=None) for ceiling in self.ceilings]

    def _intend(self, fact: EffectIntended, run: RunId) -> None:
        self._intents[fact.gate, fact.effect] = fact
        self._runs.setdefault(run, set()).add(fact.gate)
        for name, amount in fact.holds.items():
            intent = fact if name == fact.effect else None
            self.holds[fact.gate, name] = Hold(amount=Money(**amount), grant=fact.grant, intent=intent)
        held = self.holds.get((fact.gate, fact.effect))
        if held is not None and held.intent is not fact:
            self.holds[fact.gate, fact.effect] = replace(held, intent=fact)

    def _pay(self, fact: EffectHappened, ts: int) -> None:
        place = (fact.gate, fact.effect)
        intent = self._intents.get(place)
        held = self._release(place)
        if intent is None:
            return
        if intent.payee is not None:
            self.payees.add((intent.live, intent.payee))
        charged = Money(**fact.charged) if fact.charged is not None else held and held.amount
        if charged:
            self.payments.append(Payment(ts=ts, amount=charged, intent=intent))
        if fact.exceeded:
            self.suspended_silently |= {name for name, grant in self.grants.items() if not grant.suspended}
            self.grants = {name: grant.suspend() for name, grant in self.grants.items()}

    def _release(self, place: _Place) -> Hold | None:
        self._intents.pop(place, None)
        self.uncertain.pop(place, None)
        return self.holds.pop(place, None)

    def _spent(self, now: int, besides: str) -> Spent:
        return Spent(
            by_ceiling=tuple(
                self._sum(ceiling.amount.currency, now - _microseconds(ceiling.window), besides, None)
                for ceiling in self.ceilings
            ),
            by_grant={
                grant.id: self._sum(grant.each_max.currency, now - _microseconds(grant.window), besides, grant)
                for grant in self.grants.values()
            },
        )

    def _sum(self, currency: str, since: int, besides: str, grant: Grant | None) -> Money:
        """What is paid since then or held, by anybody; or what a grant must count as its own."""
        first = bisect_left(self.payments, since, key=_when)
        paid = (one.amount for one in self.payments[first:] if _was_paid(one, grant))
        held = (
            hold.amount
            for (gate, _), hold in self.holds.items()
            if gate != besides and _counts(grant, hold.grant, hold.intent)
        )
        return summed((*paid, *held), currency)

    def _apply_own(self, fact: Fact, index: int, ts: int) -> None:
        match fact:
            case ScheduleSet():
                self.schedules[fact.schedule] = Scheduled(on=fact.on, since=ts)
            case ScheduleFired():
                before = self.schedules.get(fact.schedule)
                on = before is not None and before.on
                self.schedules[fact.schedule] = Scheduled(on=on, since=fact.nominal)
            case PersonAdded():
                roles = frozenset(Role(role) for role in fact.roles)
                person = PersonId(fact.person)
                self.people[person] = Person(id=person, name=fact.name, roles=roles)
            case PersonRemoved():
                self.people.pop(PersonId(fact.person), None)
            case CredentialEnrolled():
                key = PersonKey(algorithm=fact.algorithm, public_key=bytes.fromhex(fact.public_key))
                self.credentials[fact.credential] = Credential(person=PersonId(fact.person), key=key, enrolled_at=index)
            case CredentialRevoked():
                self.credentials.pop(fact.credential, None)
            case RulesSet():
                self.need = read_need(fact.need)
                self.ceilings = tuple(_ceiling(one) for one in fact.ceilings)
            case GrantGiven():
                self.grants[fact.grant] = Grant.of(fact.grant, read_terms(fact.terms), by=tuple(fact.by))
            case GrantRevoked():
                self.suspended_silently.discard(fact.grant)
                self.grants.pop(fact.grant, None)
            case GrantSuspended():
                self.suspended_silently.discard(fact.grant)
                if fact.grant in self.grants:
                    self.grants[fact.grant] = self.grants[fact.grant].suspend()


def _when(payment: Payment) -> int:
    return payment.ts


def _was_paid(payment: Payment, grant: Grant | None) -> bool:
    under = None if payment.intent is None else payment.intent.grant
    return _counts(grant, under, payment.intent)


def _counts(grant: Grant | None, under: str | None, intent: EffectIntended | None) -> bool:
    """A grant counts what any grant paid for that it would cover itself, so that two of them never add up."""
    if grant is None or under is None:
        return grant is None
    return under == grant.id or intent is None or grant.reaches(intent.operation, intent.payee, live=intent.live)


def ceiling_as_plain(ceiling: Ceiling) -> Canonical:
    return {"amount": ceiling.amount.as_canonical(), "days": ceiling.window.days}


def _ceiling(plain: Any) -> Ceiling:  # noqa: ANN401
    match plain:
        case {"amount": dict(amount), "days": int(days)}:
            return Ceiling(amount=Money(**amount), window=timedelta(days=days))
    raise BadEntry("This is not a ceiling.", code="rules.ceiling")


def _microseconds(length: timedelta) -> int:
    return int(length.total_seconds()) * _SECOND
