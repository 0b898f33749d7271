"""The place where a run waits for a person's decision on a draft.

A gate is opened with its first revision. Each answer names what it answers: gate, revision, draft, card, and
the view in which the person read it. An answer that fits is recorded; one that is late, stale, foreign or not
allowed is refused by name. Enough yeses of different people on one revision approve, one no refuses, and a
change makes a new revision that nobody has said yes to yet. Nothing here does input or output: it turns what
is known and what is said into the next fact.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Generic, NewType, TypeVar

from haloop.kernel import canonical, values
from haloop.kernel.canonical import Canonical
from haloop.kernel.draft import Draft
from haloop.kernel.errors import AnswerRefused, BadAnswer, BadInput
from haloop.kernel.ids import PersonId, RunId, run_id
from haloop.kernel.people import Person, Proof, Role

D = TypeVar("D", bound=Draft)

GateId = NewType("GateId", str)

WITHIN = timedelta(days=7)
WITHIN_MAX = timedelta(days=90)
VALID_FOR = timedelta(minutes=15)
DECIDERS = frozenset({Role.OWNER, Role.APPROVER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved(Generic[D]):
    """Enough people said yes to exactly this draft."""

    draft: D
    gate: GateId
    revision: int
    by: tuple[str, ...]
    """The persons, or the grant, by the names the ledger uses."""
    valid_until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Somebody entitled said no, or a rule did."""

    reason: str = ""
    code: str = "gate.refused"
    by: str = ""
    back_to: str | None = None
    """The stage to go back to, where the refusal names one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Nobody answered in time, which means no."""

    at: int


class Verdict(StrEnum):
    """What an answer says."""

    APPROVED = "approved"
    REFUSED = "refused"
    CHANGED = "changed"


class GateStatus(StrEnum):
    """Where a gate stands."""

    OPEN = "open"
    """People may answer."""
    REVISING = "revising"
    """A change was asked for and the new revision is being made; every answer now is stale."""
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """The run no longer asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Who else may answer after a while."""

    after: timedelta
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What it takes to approve."""

    count: int = 1
    roles: frozenset[Role] = DECIDERS
    proof: Proof = Proof.TOKEN
    separation: bool = False
    """Whoever proposed or changed the draft does not approve it."""
    escalation: Escalation | None = None

    def __post_init__(self) -> None:
        if self.count < 1 or not self.roles or Role.VIEWER in self.widest():
            raise BadAnswer("A gate needs at least one yes of an owner or approver.", code="gate.need")

    def widest(self) -> frozenset[Role]:
        """Who may ever answer, also after the escalation."""
        return self.roles | self.escalation.roles if self.escalation else self.roles

    def raised(self, other: "Need") -> "Need":
        """What satisfies both; where they have no role in common, the first keeps its word."""
        if self == other:
            return self
        roles = (self.roles & other.roles) or self.roles
        return Need(
            count=max(self.count, other.count),
            roles=roles,
            proof=max(self.proof, other.proof),
            separation=self.separation or other.separation,
            escalation=self._escalation_with(other, roles),
        )

    def _escalation_with(self, other: "Need", roles: frozenset[Role]) -> Escalation | None:
        """Nobody answers before both let them, so what widens one need never widens past the other."""
        afters = [one.escalation.after for one in (self, other) if one.escalation]
        more = (self.widest() & other.widest()) - roles
        return Escalation(after=max(afters), roles=more) if afters and more else None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How the person read the card."""

    language: str
    renderer: str
    catalogue: str
    """The digest of the message catalogue that was used."""

    def as_canonical(self) -> dict[str, Canonical]:
        return {"catalogue": self.catalogue, "language": self.language, "renderer": self.renderer}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person says to one revision of a gate."""

    gate: GateId
    revision: int
    draft: str
    """The draft's hash in hex, as the person's surface had it."""
    card: str
    view: View
    verdict: Verdict
    person: PersonId
    nonce: str
    expires: int
    """An answer is good until then; microseconds since 1970."""
    reason: str = ""
    back_to: str | None = None
    change: Canonical = None
    disclosures_read: bool = False
    assertion: bytes | None = None
    batch: bytes | None = None

    def decision(self) -> bytes:
        """The nine fields that a passkey signs."""
        return canonical.encode(
            {
                "card": self.card,
                "draft": self.draft,
                "expires": self.expires,
                "gate": self.gate,
                "nonce": self.nonce,
                "person": self.person,
                "revision": self.revision,
                "verdict": str(self.verdict),
                "view": self.view.as_canonical(),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An answer that counted."""

    person: PersonId
    verdict: Verdict
    revision: int
    draft: str
    card: str
    proof: Proof
    credential: str | None = None
    """The passkey that proves it."""
    change: str = ""
    """The digest of the change that was asked for."""

    def is_repeated_by(self, answer: Answer) -> bool:
        """Whether an answer says the same once more."""
        said = (answer.person, answer.verdict, answer.revision, answer.draft, answer.card, change_digest(answer))
        return said == (self.person, self.verdict, self.revision, self.draft, self.card, self.change)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A gate as its facts have made it."""

    id: GateId
    at: str
    """The position in the run."""
    revision: int
    draft: str
    card: str
    need: Need
    expires_at: int
    valid_for: timedelta
    opened_at: int
    proposers: frozenset[PersonId] = frozenset()
    disclosures: bool = False
    """Something on the card must be read before a yes counts."""
    status: GateStatus = GateStatus.OPEN
    given: tuple[Given, ...] = ()
    escalated: bool = False

    def yeses(self) -> tuple[Given, ...]:
        """The yeses to the present revision."""
        return tuple(one for one in self.given if one.verdict is Verdict.APPROVED and one.revision == self.revision)

    def roles(self) -> frozenset[Role]:
        """Who may answer now."""
        return self.need.widest() if self.escalated else self.need.roles

    def answered(self, given: Given) -> "Gate":
        return replace(self, given=(*self.given, given))

    def ended(self, status: GateStatus) -> "Gate":
        return replace(self, status=status)

    def revised(self, *, draft: str, card: str, need: Need, disclosures: bool) -> "Gate":
        """The next revision; earlier yeses are void because they name another one."""
        return replace(
            self,
            revision=self.revision + 1,
            draft=draft,
            card=card,
            need=need,
            disclosures=disclosures,
            status=GateStatus.OPEN,
        )

    def changed_by(self, person: PersonId) -> "Gate":
        return replace(self, status=GateStatus.REVISING, proposers=self.proposers | {person})

    def standing(self, people: Mapping[PersonId, Person], credentials: Container[str]) -> tuple[Given, ...]:
        """The yeses to this revision that count now: of people still entitled, with a passkey that still is theirs."""
        return tuple(
            one
            for one in self.yeses()
            if self.is_entitled(people.get(one.person))
            and one.proof >= self.need.proof
            and (one.credential is None or one.credential in credentials)
        )

    def may_close(self, people: Mapping[PersonId, Person], credentials: Container[str]) -> bool:
        """Whether enough distinct people have said a yes that counts."""
        return self.is_enough(self.standing(people, credentials))

    def is_enough(self, yeses: Iterable[Given]) -> bool:
        """Whether these are of enough distinct people."""
        return len({one.person for one in yeses}) >= self.need.count

    def is_entitled(self, person: Person | None) -> bool:
        """Whether this person's answer counts."""
        if person is None or not person.roles & self.roles():
            return False
        return not (self.need.separation and person.id in self.proposers)


def gate_id(run: RunId, number: int) -> GateId:
    """The id of a run's gate; it leads to its run."""
    return GateId(f"gate_{run.removeprefix('run_')}_{number}")


def is_gate_of(gate: str, run: RunId) -> bool:
    """Whether a gate is one of this run's."""
    return gate.rpartition("_")[0] == gate_id(run, 0).rpartition("_")[0]


def run_of(gate: GateId) -> RunId:
    """Whose gate this is."""
    prefix, _, rest = gate.partition("_")
    name, _, number = rest.partition("_")
    if prefix != "gate" or not number.isdigit():
        raise BadAnswer(f"{gate[:60]!r} is not the id of a gate.", code="gate.id")
    return run_id(f"run_{name}")


def change_digest(answer: Answer) -> str:
    """A short name for the change that is asked for; none where it is another kind of answer."""
    return values.digest(answer.change) if answer.verdict is Verdict.CHANGED else ""


def first_answer(gate: Gate, answer: Answer) -> Given | None:
    """What this person said before, if this says the same again."""
    return next((one for one in gate.given if one.is_repeated_by(answer)), None)


def read_decision(answer: Answer) -> bytes:
    """The bytes of what somebody decided; refuse an answer that could not even be written down."""
    try:
        canonical.encode([answer.change, answer.reason, answer.back_to])
        return answer.decision()
    except BadInput as error:
        raise AnswerRefused(error.sentence, code="answer.malformed") from error


def judge(gate: Gate, answer: Answer, person: Person | None, *, proof: Proof, now: int) -> None:
    """Refuse, by name, an answer that does not count."""
    if person is None:
        raise AnswerRefused("Nobody of that name belongs to this account.", code="answer.foreign")
    if not all((answer.nonce, answer.view.language, answer.view.renderer, answer.view.catalogue)):
        raise AnswerRefused("The answer does not say how its card was shown.", code="answer.malformed")
    if gate.status is GateStatus.REVISING:
        raise AnswerRefused("The draft is being changed just now; wait for the new one.", code="answer.stale")
    if gate.status is not GateStatus.OPEN:
        raise AnswerRefused(f"This gate is closed: it was {gate.status}.", code="answer.late")
    if now >= gate.expires_at:
        raise AnswerRefused("The time to answer is over.", code="answer.late")
    if now >= answer.expires:
        raise AnswerRefused("This answer was too long on its way.", code="answer.expired")
    if (answer.revision, answer.draft, answer.card) != (gate.revision, gate.draft, gate.card):
        raise AnswerRefused(
            f"The answer is to revision {answer.revision}; the draft stands at {gate.revision}.", code="answer.stale"
        )
    if not person.roles & gate.roles():
        raise AnswerRefused(f"{person.name} may not decide here.", code="answer.not_allowed")
    if answer.verdict is Verdict.APPROVED:
        _require_good_yes(gate, answer, person, proof)


def _require_good_yes(gate: Gate, answer: Answer, person: Person, proof: Proof) -> None:
    if not gate.is_entitled(person):
        raise AnswerRefused(f"{person.name} proposed or changed this, so somebody else decides.", code="answer.own")
    if proof < gate.need.proof:
        raise AnswerRefused("This takes a passkey.", code="answer.proof")
    if gate.disclosures and not answer.disclosures_read:
        raise AnswerRefused("The card holds something that must be read first.", code="answer.unread")


def need_as_canonical(need: Need) -> Canonical:
    escalation = need.escalation
    return {
        "count": need.count,
        "escalation": None
        if escalation is None
        else {"after": int(escalation.after.total_seconds()), "roles": _sorted(escalation.roles)},
        "proof": int(need.proof),
        "roles": _sorted(need.roles),
        "separation": need.separation,
    }


def read_need(fields: Canonical) -> Need:
    match fields:
        case {"count": int(count), "escalation": escalation, "proof": int(proof), "roles": list(roles), **rest}:
            return Need(
                count=count,
                roles=_roles(roles),
                proof=Proof(proof),
                separation=rest["separation"] is True,
                escalation=_escalation(escalation),
            )
    raise BadAnswer("This is not what a gate needs.", code="gate.need")


def _escalation(fields: Canonical) -> Escalation | None:
    match fields:
        case {"after": int(after), "roles": list(roles)}:
            return Escalation(after=timedelta(seconds=after), roles=_roles(roles))
    return None


def _roles(names: Iterable[Canonical]) -> frozenset[Role]:
    return frozenset(Role(str(name)) for name in names)


def _sorted(roles: Iterable[Role]) -> list[Canonical]:
    return [str(role) for role in sorted(roles)]
