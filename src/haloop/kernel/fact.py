"""What an engine records, one class for each kind of fact.

A fact's fields are plain values and go into one part, so that it can be read back field by field; fields that
hold bytes are parts of their own, under their own hash, because they are approved, signed or shown alone. The
ledger's history of a run is a list of these, and nothing else is remembered anywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, ClassVar, TypeAlias

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadEntry
from haloop.kernel.ledger import ARTIFACT_ADDED, EFFECT_INTENDED, RUN_ENDED, Entry
from haloop.kernel.part import Part

FACT = "fact"
"""The part that holds a fact's plain fields."""

Plain: TypeAlias = Any
"""Any plain value; spelled so because a dataclass field cannot hold a recursive type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that is so from now on."""

    kind: ClassVar[str]
    parts: ClassVar[tuple[str, ...]] = ()
    """Fields that are parts of their own."""

    def entry(self, actor: str, claim: bytes | None = None) -> Entry:
        """The fact as the ledger takes it."""
        names, read = _plain_fields(type(self))
        body: dict[str, Any] = dict(zip(names, read(self), strict=True))
        parts = [Part.of(FACT, body)]
        for name in self.parts:
            apart = getattr(self, name)
            if apart is not None:
                parts.append(Part(name=name, body=apart))
        return Entry(kind=self.kind, actor=actor, parts=tuple(parts), claim=claim)


_Read: TypeAlias = Callable[[Fact], tuple[Any, ...]]
_PLAIN_FIELDS: dict[type[Fact], tuple[tuple[str, ...], _Read]] = {}


def _plain_fields(kind: type[Fact]) -> tuple[tuple[str, ...], _Read]:
    """The fields that go into a fact's one part, and what reads them all at once."""
    if kind not in _PLAIN_FIELDS:
        names = tuple(field.name for field in fields(kind) if field.name not in kind.parts)
        read = attrgetter(*names)
        _PLAIN_FIELDS[kind] = names, read if len(names) > 1 else lambda fact: (read(fact),)
    return _PLAIN_FIELDS[kind]


# The run


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Fact):
    kind: ClassVar[str] = "run.started"
    desk: str
    procedure: str
    version: int
    arguments: Plain
    by: str
    asked_by: str
    """Who asked for the run that began it all; a child's asker is its parent's."""
    parent: str | None = None
    follows: str | None = None
    """The run whose successor this is."""
    said: Plain = None
    """The words that became this request, and what was taken for granted; nothing where it was asked for typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParked(Fact):
    kind: ClassVar[str] = "run.parked"
    code: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCancelling(Fact):
    kind: ClassVar[str] = "run.cancelling"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Fact):
    kind: ClassVar[str] = RUN_ENDED
    code: str
    reason: str
    result: Plain = None
    successor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecorded(Fact):
    kind: ClassVar[str] = "run.recorded"
    at: str
    args: str
    what: str
    """The type of what was recorded."""
    value: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQueued(Fact):
    """A call of it waits for its turn at something scarce."""

    kind: ClassVar[str] = "run.queued"
    what: str
    """`browser` or `sandbox`."""
    place: int
    """1 for whoever is next; 0 once its turn has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactAdded(Fact):
    """Somebody gave the run a file; its bytes lie beside the ledger, and the key that opens them stands here."""

    kind: ClassVar[str] = ARTIFACT_ADDED
    parts: ClassVar[tuple[str, ...]] = ("key",)
    digest: str
    """The SHA-256 of the bytes, in hex."""
    size: int
    name: str
    media_type: str
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStarted(Fact):
    kind: ClassVar[str] = "child.started"
    at: str
    args: str
    run: str
    desk: str
    procedure: str
    version: int
    arguments: Plain
    detached: bool


# Steps, sleeping, waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBegun(Fact):
    kind: ClassVar[str] = "step.begun"
    at: str
    args: str
    operation: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone(Fact):
    kind: ClassVar[str] = "step.done"
    at: str
    args: str
    operation: str
    attempt: int
    result: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTried(Fact):
    kind: ClassVar[str] = "step.failed"
    at: str
    args: str
    operation: str
    attempt: int
    failure: str
    sentence: str
    again_at: int | None
    """When it is tried again; None where this was the last time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepBegun(Fact):
    kind: ClassVar[str] = "sleep.begun"
    at: str
    args: str
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepOver(Fact):
    kind: ClassVar[str] = "sleep.over"
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitBegun(Fact):
    kind: ClassVar[str] = "wait.begun"
    at: str
    args: str
    arrival: str
    key: str
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitOver(Fact):
    kind: ClassVar[str] = "wait.over"
    at: str
    index: int | None
    """Which arrival was taken, by its place in the account's tree; None where time ran out."""
    value: Plain = None


# The gate


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOpened(Fact):
    kind: ClassVar[str] = "gate.opened"
    parts: ClassVar[tuple[str, ...]] = ("draft", "card")
    at: str
    args: str
    gate: str
    revision: int
    need: Plain
    expires_at: int
    valid_for: int
    proposers: Plain
    disclosures: bool
    stage: str
    draft: bytes
    card: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GateChanging(Fact):
    kind: ClassVar[str] = "gate.changing"
    parts: ClassVar[tuple[str, ...]] = ("decision", "assertion", "batch")
    at: str
    gate: str
    revision: int
    person: str
    proof: int
    change: Plain
    decision: bytes
    assertion: bytes | None = None
    batch: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRevised(Fact):
    kind: ClassVar[str] = "gate.revised"
    parts: ClassVar[tuple[str, ...]] = ("draft", "card")
    at: str
    gate: str
    revision: int
    need: Plain
    disclosures: bool
    problem: str
    """Why the change could not be made, where this is the old draft again."""
    draft: bytes
    card: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswered(Fact):
    """A yes that was not the last one needed."""

    kind: ClassVar[str] = "gate.answered"
    parts: ClassVar[tuple[str, ...]] = ("decision", "assertion", "batch")
    at: str
    gate: str
    revision: int
    person: str
    proof: int
    decision: bytes
    assertion: bytes | None = None
    batch: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateApproved(Fact):
    kind: ClassVar[str] = "gate.approved"
    parts: ClassVar[tuple[str, ...]] = ("decision", "assertion", "batch")
    at: str
    gate: str
    revision: int
    person: str | None
    """Whose yes was the last one needed; None where a grant opened the gate."""
    proof: int
    grant: str | None
    by: Plain
    valid_until: int
    decision: bytes | None = None
    assertion: bytes | None = None
    batch: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRefused(Fact):
    kind: ClassVar[str] = "gate.refused"
    parts: ClassVar[tuple[str, ...]] = ("decision", "assertion", "batch")
    at: str
    gate: str
    revision: int
    person: str | None
    """Who said no; None where a rule did."""
    proof: int
    code: str
    reason: str
    back_to: str | None
    decision: bytes | None = None
    assertion: bytes | None = None
    batch: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateExpired(Fact):
    kind: ClassVar[str] = "gate.expired"
    at: str
    gate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateWithdrawn(Fact):
    kind: ClassVar[str] = "gate.withdrawn"
    at: str
    gate: str
    reason: str
    by: str = ""
    """Whoever asked for the run, where they took it back; nobody where the run itself no longer asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEscalated(Fact):
    kind: ClassVar[str] = "gate.escalated"
    at: str
    gate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateExtended(Fact):
    kind: ClassVar[str] = "gate.extended"
    at: str
    gate: str
    expires_at: int
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTurnedAway(Fact):
    """An answer that did not count, and why; it stands in the account's own chain."""

    kind: ClassVar[str] = "answer.refused"
    gate: str
    revision: int
    person: str
    verdict: str
    code: str
    sentence: str


# The effect


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectIntended(Fact):
    """The claim, the hold and the intent, in one fact."""

    kind: ClassVar[str] = EFFECT_INTENDED
    at: str
    gate: str
    revision: int
    effect: str
    operation: str
    connector: str
    argument: Plain
    key: str
    begun_at: int
    """When, by the engine's own time; the ledger's goes on counting where a turned clock was put right."""
    deadline: int
    recovery: Plain
    holds: Plain
    """What all effects of this approval may cost at most, where this is its first: effect name -> money."""
    cost_max: Plain
    payee: str | None
    purpose: str
    live: bool
    grant: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectResent(Fact):
    kind: ClassVar[str] = "effect.resent"
    at: str
    gate: str
    effect: str
    attempt: int
    deadline: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectUncertain(Fact):
    kind: ClassVar[str] = "effect.uncertain"
    at: str
    gate: str
    effect: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectHappened(Fact):
    kind: ClassVar[str] = "effect.happened"
    parts: ClassVar[tuple[str, ...]] = ("statement", "assertion")
    at: str
    gate: str
    revision: int
    effect: str
    result: Plain
    charged: Plain
    exceeded: bool
    found_by: str
    """How it is known: by its answer, by sending again, by looking, or from a person."""
    statement: bytes | None = None
    """What the person said, where one found out."""
    assertion: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectNotDone(Fact):
    kind: ClassVar[str] = "effect.not_done"
    parts: ClassVar[tuple[str, ...]] = ("statement", "assertion")
    at: str
    gate: str
    effect: str
    why: str
    code: str
    sentence: str
    seen: Plain
    found_by: str
    statement: bytes | None = None
    assertion: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectContradicted(Fact):
    """What was settled as absent turned out to have happened, or the other way round."""

    kind: ClassVar[str] = "effect.contradicted"
    at: str
    gate: str
    effect: str
    sentence: str
    holds: Plain
    """What counts as spent again: effect name -> money."""
    grant: str | None


# The account


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFact(Fact):
    """A fact that belongs to no run; what a run did, only that run says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonAdded(AccountFact):
    kind: ClassVar[str] = "person.added"
    person: str
    name: str
    roles: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRemoved(AccountFact):
    kind: ClassVar[str] = "person.removed"
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNamed(AccountFact):
    """What the account is called, and what sort of owner it is of."""

    kind: ClassVar[str] = "account.named"
    sort: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesChanged(AccountFact):
    kind: ClassVar[str] = "roles.changed"
    parts: ClassVar[tuple[str, ...]] = ("asked", "assertion")
    person: str
    roles: Plain
    asked: bytes | None = None
    """What a passkey said yes to, where one did."""
    assertion: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTurnedAway(AccountFact):
    """Somebody tried to change what takes an owner, or the passkey of one, and was neither."""

    kind: ClassVar[str] = "change.refused"
    change: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationMade(AccountFact):
    kind: ClassVar[str] = "invitation.made"
    parts: ClassVar[tuple[str, ...]] = ("asked", "assertion")
    invitation: str
    hash: str
    name: str
    roles: Plain
    by: str
    """The owner whose word it is, and without whom it is worth nothing."""
    expires_at: int
    asked: bytes | None = None
    """What a passkey said yes to, where one did."""
    assertion: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationWithdrawn(AccountFact):
    kind: ClassVar[str] = "invitation.withdrawn"
    invitation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRedeemed(AccountFact):
    """Somebody is in the account from now on, in the roles they were invited to."""

    kind: ClassVar[str] = "invitation.redeemed"
    invitation: str
    person: str
    login: str
    """The login they came with; empty on the machine itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginLinked(AccountFact):
    """Whoever comes with this login is this person."""

    kind: ClassVar[str] = "login.linked"
    person: str
    login: str
    """The hash of its issuer and of the issuer's name for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginUnlinked(AccountFact):
    """This login is nobody's from now on."""

    kind: ClassVar[str] = "login.unlinked"
    person: str
    login: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialEnrolled(AccountFact):
    kind: ClassVar[str] = "credential.enrolled"
    person: str
    credential: str
    algorithm: int
    public_key: str
    recovery_code: str = ""
    """The salt of the code that was spent on it; empty where none was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRevoked(AccountFact):
    kind: ClassVar[str] = "credential.revoked"
    credential: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodeMade(AccountFact):
    """An owner can add a passkey with this code once, where none of theirs is at hand; any before it is void."""

    kind: ClassVar[str] = "recovery_code.made"
    person: str
    salt: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued(AccountFact):
    """An agent may propose, and see what it proposed."""

    kind: ClassVar[str] = "token.issued"
    token: str
    agent: str
    hash: str
    expires_at: int
    desks: list[str] | None = None
    """Those it may ask; any, where nobody said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked(AccountFact):
    kind: ClassVar[str] = "token.revoked"
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsStopped(AccountFact):
    """An owner stopped every agent at once: tokens are gone, approvals void, grants rest, and nothing begins."""

    kind: ClassVar[str] = "agents.stopped"
    reason: str
    stopped_at: int
    """When, by the engine's own time, as approvals have it; the ledger's follows a turned clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsResumed(AccountFact):
    """Work may begin again; what the stop took away is given anew, or not."""

    kind: ClassVar[str] = "agents.resumed"
    stopped_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesSet(AccountFact):
    """What the account asks for beyond the built-in rule, and how much it may spend."""

    kind: ClassVar[str] = "rules.set"
    parts: ClassVar[tuple[str, ...]] = ("asked", "assertion")
    need: Plain
    ceilings: Plain
    is_looser: bool = False
    """Whether more may happen than under the rules before."""
    asked: bytes | None = None
    """What a passkey said yes to, where one did."""
    assertion: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultsSet(AccountFact):
    """What a desk takes in this account where whoever asks does not say; all of it, anew."""

    kind: ClassVar[str] = "defaults.set"
    desk: str
    values: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantGiven(AccountFact):
    kind: ClassVar[str] = "grant.given"
    grant: str
    terms: Plain
    by: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRevoked(AccountFact):
    kind: ClassVar[str] = "grant.revoked"
    grant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantSuspended(AccountFact):
    kind: ClassVar[str] = "grant.suspended"
    grant: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxArrived(AccountFact):
    kind: ClassVar[str] = "inbox.arrived"
    source: str
    delivery: str
    arrival: str
    key: str
    value: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingKept(AccountFact):
    """What a run has spent that is about to be erased, so that no ceiling and no grant forgets it."""

    kind: ClassVar[str] = "spending.kept"
    run: str
    payments: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSet(AccountFact):
    kind: ClassVar[str] = "schedule.set"
    schedule: str
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFired(AccountFact):
    kind: ClassVar[str] = "schedule.fired"
    schedule: str
    nominal: int
    problem: str
    """Why nothing, or not everything, could be begun; empty if all is well."""


_KINDS: Mapping[str, type[Fact]] = {
    one.kind: one
    for one in (
        *(RunStarted, RunParked, RunCancelling, RunEnded, RunRecorded, RunQueued, ArtifactAdded, ChildStarted),
        *(StepBegun, StepDone, StepTried, SleepBegun, SleepOver, WaitBegun, WaitOver),
        *(GateOpened, GateChanging, GateRevised, GateAnswered, GateApproved, GateRefused, GateExpired),
        *(GateWithdrawn, GateEscalated, GateExtended, AnswerTurnedAway),
        *(EffectIntended, EffectResent, EffectUncertain, EffectHappened, EffectNotDone, EffectContradicted),
        *(PersonAdded, PersonRemoved, CredentialEnrolled, CredentialRevoked, TokenIssued, TokenRevoked, RulesSet),
        *(AgentsStopped, AgentsResumed, RecoveryCodeMade, ChangeTurnedAway),
        *(AccountNamed, RolesChanged, InvitationMade, InvitationWithdrawn, InvitationRedeemed, LoginLinked),
        *(LoginUnlinked, DefaultsSet),
        *(GrantGiven, GrantRevoked, GrantSuspended, InboxArrived),
        *(SpendingKept, ScheduleSet, ScheduleFired),
    )
}


def is_known(kind: str) -> bool:
    """Whether facts of this kind are an engine's."""
    return kind in _KINDS


def parts_of(kind: str) -> tuple[str, ...]:
    """The parts that may hold such a fact's fields."""
    return (FACT, *_known(kind).parts)


def _known(kind: str) -> type[Fact]:
    if kind not in _KINDS:
        raise BadEntry(f"This Haloop knows no facts of the kind {kind}.", code="fact.unknown")
    return _KINDS[kind]


def read_fact(kind: str, body: Callable[[str], bytes | None]) -> Fact:
    """The fact that these parts hold."""
    known = _known(kind)
    raw = body(FACT)
    plain = None if raw is None else canonical.decode(raw)
    if not isinstance(plain, dict):
        raise BadEntry(f"A {kind} says nothing.", code="fact.bad")
    apart = {name: body(name) for name in known.parts}
    try:
        return known(**plain, **apart)
    except TypeError as error:
        raise BadEntry(f"A {kind} has other fields than its kind.", code="fact.bad") from error


def money_as_plain(amount: Any) -> Canonical:  # noqa: ANN401  # Money or nothing
    """An amount inside a fact."""
    return None if amount is None else amount.as_canonical()
