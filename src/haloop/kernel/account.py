"""What the ledger says of one account: its people, rules, grants, what is spent and what is held.

All of it is read from facts, in their order, and can be read again at any time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from haloop.kernel.agent import AgentToken
from haloop.kernel.canonical import Canonical
from haloop.kernel.draft import NamedEffect
from haloop.kernel.errors import AllStopped
from haloop.kernel.fact import (
    AccountNamed,
    AgentsResumed,
    AgentsStopped,
    CredentialEnrolled,
    CredentialRevoked,
    DefaultsSet,
    EffectContradicted,
    EffectHappened,
    EffectIntended,
    EffectNotDone,
    EffectUncertain,
    Fact,
    GrantGiven,
    GrantRevoked,
    GrantSuspended,
    InvitationMade,
    InvitationRedeemed,
    InvitationWithdrawn,
    LoginLinked,
    LoginUnlinked,
    PersonAdded,
    PersonRemoved,
    RecoveryCodeMade,
    RolesChanged,
    RulesSet,
    RunEnded,
    ScheduleFired,
    ScheduleSet,
    SpendingKept,
    TokenIssued,
    TokenRevoked,
)
from haloop.kernel.gate import Need, is_gate_of, read_need
from haloop.kernel.grant import Grant, read_terms
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.invitation import Invitation
from haloop.kernel.money import Money
from haloop.kernel.passkey import PersonKey
from haloop.kernel.people import AccountSort, Person, Role
from haloop.kernel.policy import Ceiling, Facts, Payee, Ruling, Spent, decide
from haloop.kernel.recovery_code import RecoveryCode
from haloop.kernel.rules import Rules, read_ceiling
from haloop.kernel.spending import Hold, Payment, Place, Spending, Usage, Use

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
    problem: str = ""
    """Why not everything could be begun that has been due since."""


@dataclass(slots=True, kw_only=True)
class Account:
    """An account as its facts have made it."""

    id: AccountId
    sort: AccountSort = AccountSort.HOUSEHOLD
    name: str = ""
    people: dict[PersonId, Person] = field(default_factory=dict)
    credentials: dict[str, Credential] = field(default_factory=dict)
    recovery_codes: dict[PersonId, RecoveryCode] = field(default_factory=dict)
    """Each owner's, that nobody has used."""
    tokens: dict[str, AgentToken] = field(default_factory=dict)
    is_stopped: bool = False
    """An owner stopped every agent, and nobody has let them go on."""
    stopped_at: int = 0
    """When that was the last time; what was approved until then is void."""
    invitations: dict[str, Invitation] = field(default_factory=dict)
    """Those that nobody has redeemed or withdrawn."""
    admitted: dict[PersonId, Invitation] = field(default_factory=dict)
    """Who came by an invitation that a passkey confirmed, and has added none of theirs since."""
    logins: dict[str, PersonId] = field(default_factory=dict)
    """Whose a login is that comes from elsewhere."""
    need: Need = field(default_factory=Need)
    ceilings: tuple[Ceiling, ...] = ()
    defaults: dict[str, Mapping[str, Canonical]] = field(default_factory=dict)
    """By desk, what it takes where nobody says."""
    grants: dict[str, Grant] = field(default_factory=dict)
    suspended_silently: set[str] = field(default_factory=set)
    """Grants that stopped at once because something cost too much, and of which no fact says so yet."""
    schedules: dict[str, Scheduled] = field(default_factory=dict)
    payees: set[Payee] = field(default_factory=set)
    uncertain: dict[Place, EffectIntended] = field(default_factory=dict)
    spending: Spending = field(default_factory=Spending)
    _intents: dict[Place, EffectIntended] = field(default_factory=dict)
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
                    self.spending.hold_after_all((fact.gate, name), Money(**amount), grant=fact.grant, ts=ts)
            case SpendingKept():
                self.spending.keep(fact.payments)
            case RunEnded():
                self.let_go(run)
            case _:
                self._apply_own(fact, index, ts)

    def require_going(self) -> None:
        """Refuse whatever would begin something while every agent is stopped."""
        if self.is_stopped:
            raise AllStopped("An owner stopped every agent, so nothing begins.")

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
        self.spending.let_go(self._runs.pop(run, ()))

    def spent_by(self, run: RunId) -> list[Payment]:
        """What the effects of a run have cost, as far back as any window looks."""
        return self.spending.of(lambda gate: is_gate_of(gate, run))

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

    @property
    def rules(self) -> Rules:
        """What the account asks for beyond the built-in rule, and how much it may spend."""
        return Rules(need=self.need, ceilings=self.ceilings)

    def usage(self, limit: Ceiling | Grant, now: int) -> Usage:
        """What is used up of a ceiling, by anybody; or of a grant, by whatever it must count as its own."""
        amount, grant = (limit.amount, None) if isinstance(limit, Ceiling) else (limit.total_max, limit)
        return self.spending.usage(amount, now - _microseconds(limit.window), grant=grant)

    def disclosures(self, effects: Iterable[NamedEffect]) -> list[Canonical]:
        """What a person must read before they say yes: an earlier try may already have done it."""
        if not self.uncertain:
            return []
        return [
            {"effect": planned.name, "gate": intent.gate, "key": "uncertain_before"}
            for planned in effects
            for intent in self.uncertain.values()
            if intent.purpose == planned.purpose
        ]

    def go_back(self, at: int) -> None:
        """The ledger went back: what was spent since is not known, so grants rest and windows count as spent."""
        self._suspend_grants()
        for number, ceiling in enumerate(self.ceilings):
            self.spending.pay(Payment(place=("", str(number)), ts=at, amount=ceiling.amount, grant=None, use=None))

    def _intend(self, fact: EffectIntended, run: RunId) -> None:
        self._intents[fact.gate, fact.effect] = fact
        self._runs.setdefault(run, set()).add(fact.gate)
        self.spending.hold(fact)

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
            paid = Payment(place=place, ts=ts, amount=charged, grant=intent.grant, use=Use.of(intent))
            self.spending.pay(paid)
        if fact.exceeded:
            self.suspended_silently |= {name for name, grant in self.grants.items() if not grant.suspended}
            self._suspend_grants()

    def _suspend_grants(self) -> None:
        self.grants = {name: grant.suspend() for name, grant in self.grants.items()}

    def _release(self, place: Place) -> Hold | None:
        self._intents.pop(place, None)
        self.uncertain.pop(place, None)
        return self.spending.release(place)

    def _spent(self, now: int, besides: str) -> Spent:
        def total(limit: Money, window: timedelta, grant: Grant | None) -> Money:
            return self.spending.total(limit.currency, now - _microseconds(window), besides=besides, grant=grant)

        return Spent(
            by_ceiling=tuple(total(ceiling.amount, ceiling.window, None) for ceiling in self.ceilings),
            by_grant={grant.id: total(grant.each_max, grant.window, grant) for grant in self.grants.values()},
        )

    def _schedule(self, fact: ScheduleSet | ScheduleFired, ts: int) -> None:
        if isinstance(fact, ScheduleSet):
            self.schedules[fact.schedule] = Scheduled(on=fact.on, since=ts)
        elif fact.schedule in self.schedules:
            before = self.schedules[fact.schedule]
            since = before.since if fact.problem else fact.nominal  # what was not done is still to be done
            self.schedules[fact.schedule] = replace(before, since=since, problem=fact.problem)

    def _apply_own(self, fact: Fact, index: int, ts: int) -> None:
        match fact:
            case ScheduleSet() | ScheduleFired():
                self._schedule(fact, ts)
            case CredentialEnrolled():
                key = PersonKey(algorithm=fact.algorithm, public_key=bytes.fromhex(fact.public_key))
                self.credentials[fact.credential] = Credential(person=PersonId(fact.person), key=key, enrolled_at=index)
                self.admitted.pop(PersonId(fact.person), None)
                if fact.recovery_code:
                    self.recovery_codes.pop(PersonId(fact.person), None)
            case RecoveryCodeMade():
                code = RecoveryCode(salt=fact.salt, hash=fact.hash, made_at=ts)
                self.recovery_codes[PersonId(fact.person)] = code
            case CredentialRevoked():
                self.credentials.pop(fact.credential, None)
            case TokenIssued():
                self.tokens[fact.token] = AgentToken(
                    id=fact.token,
                    agent=fact.agent,
                    hash=fact.hash,
                    expires_at=fact.expires_at,
                    desks=None if fact.desks is None else frozenset(fact.desks),
                )
            case TokenRevoked():
                self.tokens.pop(fact.token, None)
            case AgentsStopped():
                self._stop(fact.stopped_at)
            case AgentsResumed():
                self.is_stopped = False
            case _:
                self._apply_people(fact)

    def _apply_people(self, fact: Fact) -> None:
        match fact:
            case AccountNamed():
                self.sort, self.name = AccountSort(fact.sort), fact.name
            case PersonAdded():
                self._welcome(PersonId(fact.person), fact.name, _roles(fact.roles))
            case RolesChanged():
                roles, person = _roles(fact.roles), self.people.get(PersonId(fact.person))
                if person is not None:
                    self.people[person.id] = replace(person, roles=roles)
                self._keep_to_owners()
            case PersonRemoved():
                self.people.pop(PersonId(fact.person), None)
                self.admitted.pop(PersonId(fact.person), None)
                self.logins = {login: one for login, one in self.logins.items() if one != fact.person}
                self._keep_to_owners()
            case InvitationMade():
                self.invitations[fact.invitation] = Invitation(
                    id=fact.invitation,
                    hash=fact.hash,
                    name=fact.name,
                    roles=_roles(fact.roles),
                    by=PersonId(fact.by),
                    expires_at=fact.expires_at,
                    confirmed=fact.assertion is not None,
                )
            case InvitationWithdrawn():
                self.invitations.pop(fact.invitation, None)
            case InvitationRedeemed():
                self._redeem(fact)
            case LoginLinked():
                self.logins[fact.login] = PersonId(fact.person)
            case LoginUnlinked():
                self.logins.pop(fact.login, None)
            case _:
                self._apply_rule(fact)

    def _stop(self, at: int) -> None:
        self.is_stopped, self.stopped_at = True, max(at, self.stopped_at)
        self.tokens.clear()
        self._suspend_grants()

    def _keep_to_owners(self) -> None:
        """Invitations and recovery codes are owners': whoever is none any more could come back by their own."""
        owners = {person.id for person in self.people.values() if Role.OWNER in person.roles}
        self.invitations = {name: one for name, one in self.invitations.items() if one.by in owners}
        self.admitted = {person: one for person, one in self.admitted.items() if one.by in owners}
        self.recovery_codes = {person: one for person, one in self.recovery_codes.items() if person in owners}

    def _redeem(self, fact: InvitationRedeemed) -> None:
        invitation = self.invitations.pop(fact.invitation, None)
        if invitation is None:
            return
        self._welcome(PersonId(fact.person), invitation.name, invitation.roles)
        if invitation.confirmed:
            self.admitted[PersonId(fact.person)] = invitation
        if fact.login:
            self.logins[fact.login] = PersonId(fact.person)

    def _welcome(self, person: PersonId, name: str, roles: frozenset[Role]) -> None:
        self.people[person] = Person(id=person, name=name, roles=roles)

    def _apply_rule(self, fact: Fact) -> None:
        match fact:
            case RulesSet():
                self.need = read_need(fact.need)
                self.ceilings = tuple(read_ceiling(one) for one in fact.ceilings)
            case DefaultsSet():
                self.defaults[fact.desk] = fact.values
            case GrantGiven():
                given = Grant.of(fact.grant, read_terms(fact.terms), by=tuple(fact.by))
                self.grants[fact.grant] = given.suspend() if self.is_stopped else given
            case GrantRevoked():
                self.suspended_silently.discard(fact.grant)
                self.grants.pop(fact.grant, None)
            case GrantSuspended():
                self.suspended_silently.discard(fact.grant)
                if fact.grant in self.grants:
                    self.grants[fact.grant] = self.grants[fact.grant].suspend()


def _roles(plain: Iterable[str]) -> frozenset[Role]:
    return frozenset(Role(role) for role in plain)


def _microseconds(length: timedelta) -> int:
    return int(length.total_seconds()) * _SECOND
