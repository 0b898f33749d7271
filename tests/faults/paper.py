"""An account on paper: who belongs to it, what runs have asked, what is granted, held and paid, and what follows.

Everything that policy must say follows from these few fields: which answer counts, who must say yes, which grant
covers, what may begin now and why not. It shares no code with the engine's own reducers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from haloop.kernel.gate import Answer, GateStatus, Verdict
from haloop.kernel.grant import GrantTerms
from haloop.kernel.people import Role
from tests.faults.shopping import Asks

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND

Place = tuple[str, str]
"""A gate and an effect's name."""


class Stands(StrEnum):
    """How far an effect has come."""

    PLANNED = "planned"
    INTENDED = "intended"
    UNCERTAIN = "uncertain"
    HAPPENED = "happened"
    NOT_DONE = "not done"


@dataclass(slots=True, kw_only=True)
class Part:
    """One effect of a draft."""

    name: str
    what: str
    """What it is for."""
    cents: int | None
    payee: str | None
    stands: Stands = Stands.PLANNED
    key: str = ""
    intended_at: int = 0
    is_contradicted: bool = False

    @property
    def is_over(self) -> bool:
        return self.stands in (Stands.HAPPENED, Stands.NOT_DONE)


@dataclass(slots=True, kw_only=True)
class Asked:
    """One run and its gate."""

    by: str
    asks: Asks
    parts: list[Part]
    grants: bool = True
    """Whether a grant may answer."""
    gate: str = ""
    status: GateStatus | None = None
    revision: int = 1
    count: int = 1
    separation: bool = False
    opened_at: int = 0
    expires_at: int = 0
    valid_until: int = 0
    pauses_until: int | None = None
    is_rested: bool = False
    is_escalated: bool = False
    disclosed: set[tuple[str, str]] = field(default_factory=set)
    """At which other gates something on the card may have been done already, and what."""
    proposers: set[str] = field(default_factory=set)
    yeses: list[str] = field(default_factory=list)
    """Who said yes to the present revision."""
    said: set[tuple[str, Verdict, int, object]] = field(default_factory=set)
    """Every answer that counted: who, what, to which revision, which change."""
    change: int = 0
    approved_by: set[str] = field(default_factory=set)
    by_grant: str | None = None
    owed: str = ""
    """The no or yes that policy must give to what was just put before people."""
    is_cancelling: bool = False
    end: str = ""

    @property
    def is_open(self) -> bool:
        return self.status in (GateStatus.OPEN, GateStatus.REVISING)

    @property
    def must_read(self) -> bool:
        return bool(self.disclosed)

    @property
    def unsettled(self) -> list[Part]:
        return [part for part in self.parts if not part.is_over]

    @property
    def under_way(self) -> list[Part]:
        return [part for part in self.parts if part.stands in (Stands.INTENDED, Stands.UNCERTAIN)]

    @property
    def to_begin(self) -> list[Part]:
        """The effects that may begin now, as far as their order goes."""
        planned = [part for part in self.parts if part.stands is Stands.PLANNED]
        if (
            self.status is not GateStatus.APPROVED
            or self.is_cancelling
            or (self.asks.pause_minutes and not self.is_rested)
        ):
            return []
        return planned if self.asks.at_once else [] if self.under_way else planned[:1]


@dataclass(slots=True, kw_only=True)
class Money:
    """Something held or paid."""

    cents: int
    grant: str | None
    payee: str | None
    """Nobody, where it is held for something that has not begun or whose end was contradicted."""
    ts: int = 0


@dataclass(slots=True, kw_only=True)
class Given:
    """A grant."""

    terms: GrantTerms
    by: frozenset[str]
    is_suspended: bool = False


class Ruling(NamedTuple):
    """What policy must say: a no with its code, the yes of a grant, or neither, and people decide."""

    denied: str = ""
    grant: str = ""


@dataclass(slots=True, kw_only=True)
class Paper:
    """The account."""

    people: dict[str, frozenset[Role]] = field(default_factory=dict)
    count: int = 1
    separation: bool = False
    ceilings: list[tuple[int, int]] = field(default_factory=list)
    """So many cents in so many days."""
    grants: dict[str, Given] = field(default_factory=dict)
    payees: set[str] = field(default_factory=set)
    held: dict[Place, Money] = field(default_factory=dict)
    paid: list[Money] = field(default_factory=list)
    runs: dict[str, Asked] = field(default_factory=dict)

    # Answers

    def refusal(self, answer: Answer, now: int) -> str:
        """Why an answer must be turned away; nothing where it counts, or was heard before."""
        asked, person = self.run_of(answer.gate), self.people.get(answer.person)
        if self.was_heard(answer):
            return ""
        if person is None:
            return "answer.foreign"
        if not asked.is_open or now >= asked.expires_at:
            return "answer.late"
        if now >= answer.expires:
            return "answer.expired"
        if answer.revision != asked.revision:
            return "answer.stale"
        if not person & self._answering(asked):
            return "answer.not_allowed"
        if answer.verdict is Verdict.APPROVED and asked.separation and answer.person in asked.proposers:
            return "answer.own"
        if answer.verdict is Verdict.CHANGED and not asked.grants:
            return "change.unknown"
        unread = asked.must_read and not answer.disclosures_read
        return "answer.unread" if answer.verdict is Verdict.APPROVED and unread else ""

    def was_heard(self, answer: Answer) -> bool:
        """Whether this person said the very same before, and it still counts."""
        asked = self.run_of(answer.gate)
        is_yes_to_open = answer.verdict is Verdict.APPROVED and asked.status is GateStatus.OPEN
        still_counts = answer.revision == asked.revision and answer.person in self.standing(asked)
        return as_said(answer) in asked.said and (still_counts or not is_yes_to_open)

    def may_settle(self, asked: Asked, person: str) -> bool:
        """Whether somebody's word on how an effect ended counts."""
        return person not in asked.proposers and self.is_entitled(asked, person)

    # Policy

    def ruling(self, asked: Asked, now: int, grants: Mapping[str, Given]) -> Ruling:
        """What policy must say of a draft now."""
        wanted = sum(part.cents or 0 for part in asked.unsettled)
        for cents, days in self.ceilings:
            if wanted and self.spent(now - days * DAY, besides=asked.gate) + wanted > cents:
                return Ruling(denied="budget.ceiling")
        for name, given in grants.items() if asked.grants else ():
            if self._covers(name, given, asked, wanted, now):
                return Ruling(grant=name)
        separation = self.separation or asked.asks.separation
        able = [
            person
            for person, roles in self.people.items()
            if roles & self._ever_answering(asked) and not (separation and person in asked.proposers)
        ]
        return Ruling(denied="policy.no_approver" if len(able) < max(self.count, asked.asks.count) else "")

    def spent(self, since: int, *, besides: str = "", grant: str = "") -> int:
        """What is paid since then or held, by anybody; or what a grant must count as its own."""

        def counts(money: Money) -> bool:
            if not grant or money.grant is None:
                return not grant
            return money.grant == grant or money.payee is None or money.payee in self.grants[grant].terms.payees

        held = sum(
            money.cents
            for (gate, _), money in self.held.items()
            if gate != besides and counts(money) and (money.ts or since) >= since
        )
        paid = [money.cents for money in self.paid if money.ts >= since and counts(money)]
        return held + sum(max(cents, 0) for cents in paid)  # what comes back makes no room for more

    def why_not(self, asked: Asked, part: Part, now: int) -> str:
        """Why an approved effect must not begin now; nothing where it may."""
        if now >= asked.valid_until:
            return "approval.expired"
        if any(what == part.what for _, what in self.tries() - asked.disclosed):
            return "effect.uncertain_before"
        mine = {name: given for name, given in self.grants.items() if name == asked.by_grant}
        ruling = self.ruling(asked, now, mine)
        if ruling.denied:
            return ruling.denied
        if asked.by_grant is not None:
            return "" if ruling.grant else "grant.gone"
        enough = max(self.count, asked.count)
        return "" if len(self.standing(asked, separation=self.separation)) >= enough else "approval.too_weak"

    def _covers(self, name: str, given: Given, asked: Asked, wanted: int, now: int) -> bool:
        terms, separation = given.terms, self.separation or asked.asks.separation
        givers = [
            person
            for person in given.by
            if self._roles(person) & asked.asks.roles and not (separation and person in asked.proposers)
        ]
        since = now - terms.window_days * DAY
        return (
            not given.is_suspended
            and now < terms.expires_at
            and len(givers) >= max(self.count, asked.asks.count)
            and not self.uncertain() & {part.what for part in asked.unsettled}
            and self.spent(since, besides=asked.gate, grant=name) + wanted <= terms.total_max.minor
            and all(
                part.payee in terms.payees and part.payee in self.payees and (part.cents or 0) <= terms.each_max.minor
                for part in asked.unsettled
            )
        )

    def tries(self) -> set[tuple[str, str]]:
        """What was tried with an outcome that nobody knows, and at which gate."""
        return {
            (asked.gate, part.what)
            for asked in self.runs.values()
            for part in asked.parts
            if part.stands is Stands.UNCERTAIN
        }

    def uncertain(self) -> set[str]:
        """What was tried with an outcome that nobody knows."""
        return {what for _, what in self.tries()}

    def _ever_answering(self, asked: Asked) -> frozenset[Role]:
        return asked.asks.roles | ({Role.OWNER} if asked.asks.escalates else set())

    def _answering(self, asked: Asked) -> frozenset[Role]:
        return self._ever_answering(asked) if asked.is_escalated else asked.asks.roles

    def is_entitled(self, asked: Asked, person: str, *, separation: bool = False) -> bool:
        own = (asked.separation or separation) and person in asked.proposers
        return bool(self._roles(person) & self._answering(asked)) and not own

    def _roles(self, person: str) -> frozenset[Role]:
        return self.people.get(person, frozenset())

    def standing(self, asked: Asked, *, separation: bool = False) -> set[str]:
        """Whose yes to the present revision counts now."""
        return {person for person in asked.yeses if self.is_entitled(asked, person, separation=separation)}

    def run_of(self, gate: str) -> Asked:
        return next(asked for asked in self.runs.values() if asked.gate == gate)


def as_said(answer: Answer) -> tuple[str, Verdict, int, object]:
    return (answer.person, answer.verdict, answer.revision, answer.change)
