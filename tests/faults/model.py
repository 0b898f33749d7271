"""What must be true of an account's gates, effects, grants and money, and what may come next.

The model keeps the account on paper. It takes in each new fact of the ledger in the order of the tree, and says
whether it was allowed just then: by what somebody said, by what the shop said, by the clock, and by the money that was
left. After each step it says what should have happened and did not. What it knows of the outside is what whoever
drives it tells it: the answer that is being handed in, the word that settles, the clock.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from haloop.kernel import canonical
from haloop.kernel.fact import (
    AnswerTurnedAway,
    EffectContradicted,
    EffectHappened,
    EffectIntended,
    EffectNotDone,
    EffectResent,
    EffectUncertain,
    Fact,
    GateAnswered,
    GateApproved,
    GateChanging,
    GateEscalated,
    GateExpired,
    GateExtended,
    GateOpened,
    GateRefused,
    GateRevised,
    GateWithdrawn,
    GrantGiven,
    GrantRevoked,
    GrantSuspended,
    PersonAdded,
    PersonRemoved,
    RulesSet,
    RunCancelling,
    RunEnded,
    RunStarted,
    SleepBegun,
    SleepOver,
)
from haloop.kernel.gate import Answer, GateStatus, Verdict
from haloop.kernel.grant import GrantTerms
from haloop.kernel.people import Role
from tests.faults.invariants import Broken
from tests.faults.paper import MINUTE, SECOND, Asked, Given, Money, Paper, Part, Stands, as_said
from tests.faults.shopping import ESCALATES_AFTER, KEY_LASTS, VALID_FOR, Said


@dataclass(slots=True, kw_only=True)
class Now:
    """What is being done in this step, by whoever drives the model."""

    starting: Asked | None = None
    answer: Answer | None = None
    turned_away: str = ""
    extended: int = 0
    withdrawn: str = ""
    cancelled: str = ""
    settled: tuple[str, str, bool] | None = None
    evidence: tuple[str, str, bool] | None = None
    revoked: str = ""


@dataclass(slots=True, kw_only=True)
class Model(Paper):
    """Judges what comes next in the account."""

    said: Mapping[str, Said]
    """What the shop last said, by key."""
    recovers_by: str
    now: Now = field(default_factory=Now)
    broken: list[Broken] = field(default_factory=list)

    def take(self, run: str, fact: Fact, ts: int) -> None:
        """Judge the next fact of the account, and take it in."""
        if isinstance(fact, RunStarted):
            self._start(run, fact)
        elif type(fact) in _OF_RUNS:
            asked = self.runs.get(run) or self.run_of(getattr(fact, "gate", ""))
            _OF_RUNS[type(fact)](self, asked, fact, ts)
        elif type(fact) in _OF_ACCOUNT:
            _OF_ACCOUNT[type(fact)](self, fact)
        else:
            self._complain("I6", f"{fact.kind}, which nobody expected: {fact}")

    def missing(self, now: int) -> Iterator[Broken]:
        """What should have happened by now and did not."""
        for what in (self.now.answer, self.now.turned_away, self.now.starting, self.now.extended, self.now.withdrawn):
            if what:
                yield Broken(invariant="I7", what=f"nothing came of {what}")
        for name in ("cancelled", "settled", "revoked"):
            if getattr(self.now, name):
                yield Broken(invariant="I7", what=f"nothing {name}: {getattr(self.now, name)}")
        for asked in self.runs.values():
            if not asked.end:
                yield from (Broken(invariant="I6", what=f"{asked.gate}: {what}") for what in self._late(asked, now))

    # What should have happened

    def _late(self, asked: Asked, now: int) -> Iterator[str]:
        if asked.owed:
            yield f"policy owed {asked.owed}"
        if asked.status is GateStatus.OPEN and not asked.is_cancelling:
            if now >= asked.expires_at:
                yield "it did not expire"
            if asked.asks.escalates and not asked.is_escalated and now >= asked.opened_at + _micro(ESCALATES_AFTER):
                yield "it did not escalate"
        elif not asked.under_way and not asked.to_begin and not self._pauses(asked, now):
            yield f"it did not end, and its gate is {asked.status}"
        for part in asked.to_begin:
            yield f"{part.name} did not begin"
        for part in asked.under_way:
            if part.stands is Stands.INTENDED or self.said.get(part.key, Said.NOTHING) is not Said.NOTHING:
                yield f"{part.name} is {part.stands}, and the shop said {self.said.get(part.key)}"

    def _pauses(self, asked: Asked, now: int) -> bool:
        until = asked.pauses_until
        return until is not None and not asked.is_rested and not asked.is_cancelling and now < until

    # The run

    def _start(self, run: str, fact: RunStarted) -> None:
        asked, self.now.starting = self.now.starting, None
        if asked is None or run in self.runs or fact.by != asked.by:
            self._complain("I3", f"{run} began, and nobody asked for it")
            return
        self.runs[run] = asked

    def _sleep(self, asked: Asked, fact: SleepBegun, ts: int) -> None:
        self._require("I8", asked.status is GateStatus.APPROVED, f"{asked.gate} rests without a yes")
        asked.pauses_until = ts + asked.asks.pause_minutes * MINUTE
        self._require("I8", fact.until == asked.pauses_until, f"{asked.gate} rests until {fact.until}")

    def _wake(self, asked: Asked, _: SleepOver, ts: int) -> None:
        self._require("I8", asked.pauses_until is not None and ts >= asked.pauses_until, f"{asked.gate} woke early")
        asked.is_rested = True

    def _cancel(self, asked: Asked, _: RunCancelling, _ts: int) -> None:
        self._require("I7", self.runs.get(self.now.cancelled) is asked, f"{asked.gate} is cancelled by nobody")
        asked.is_cancelling, self.now.cancelled = True, ""

    def _end(self, asked: Asked, fact: RunEnded, _ts: int) -> None:
        expected = self._expected_end(asked)
        self._require("I6", fact.code in expected, f"{asked.gate} ended as {fact.code}, not as {expected}")
        asked.end = fact.code
        names = {part.name for part in asked.parts if not part.is_contradicted}
        self.held = {
            (gate, name): money for (gate, name), money in self.held.items() if gate != asked.gate or name not in names
        }

    def _expected_end(self, asked: Asked) -> tuple[str, ...]:
        if asked.end or asked.is_open or asked.under_way:
            return ()
        if asked.is_cancelling:
            return ("cancelled",)
        if asked.status is GateStatus.EXPIRED:
            return ("expired",)
        if asked.status is not GateStatus.APPROVED:
            return ("refused",)
        if asked.grants:
            return () if asked.unsettled else ("done",)
        return ("done",) if asked.parts[0].stands is Stands.HAPPENED else ("not_done",)

    # The gate

    def _open(self, asked: Asked, fact: GateOpened, ts: int) -> None:
        self._require("I7", asked.status is None, f"{asked.gate} was opened twice")
        asked.gate, asked.status, asked.opened_at = fact.gate, GateStatus.OPEN, ts
        asked.expires_at = ts + asked.asks.within_minutes * MINUTE
        asked.proposers = {asked.by.removeprefix("person:")} if asked.by.startswith("person:") else set()
        self._require("I7", set(fact.proposers) == asked.proposers, f"{fact.gate} was proposed by {fact.proposers}")
        self._require("I8", fact.expires_at == asked.expires_at, f"{fact.gate} expires at {fact.expires_at}")
        ruling = self.ruling(asked, ts, self.grants)
        asked.count, asked.separation = asked.asks.count, asked.asks.separation
        if not ruling.denied:
            self._raise_need(asked)
        asked.owed = ruling.denied or ruling.grant
        self._show(asked, fact)

    def _revise(self, asked: Asked, fact: GateRevised, ts: int) -> None:
        changed = asked.status is GateStatus.REVISING and fact.revision == asked.revision + 1
        self._require("I7", changed, f"{asked.gate} was revised to {fact.revision} as {asked.status}")
        self._require("I7", bool(fact.problem) == (asked.change < 0), f"{asked.gate} says {fact.problem!r}")
        asked.status, asked.revision, asked.yeses = GateStatus.OPEN, fact.revision, []
        for part in asked.parts if asked.change >= 0 else ():
            part.cents = asked.change
        ruling = self.ruling(asked, ts, self.grants)
        if not ruling.denied:
            self._raise_need(asked)
        asked.owed = ruling.denied
        self._show(asked, fact)

    def _raise_need(self, asked: Asked) -> None:
        asked.count = max(asked.count, self.count)
        asked.separation = asked.separation or self.separation

    def _show(self, asked: Asked, fact: GateOpened | GateRevised) -> None:
        """What people are shown is what will be done, and what it may cost at most."""
        asked.disclosed = {one for one in self.tries() if one[1] in {part.what for part in asked.parts}}
        self._require("I4", fact.disclosures == asked.must_read, f"{asked.gate} has to be read: {fact.disclosures}")
        need = (fact.need["count"], fact.need["separation"])
        self._require("I4", need == (asked.count, asked.separation), f"{asked.gate} asks for {need}")
        shown = canonical.decode(fact.draft)["effects"]  # type: ignore[call-overload,index]
        costs = {name: one["cost_max"] and one["cost_max"]["minor"] for name, one in shown.items()}  # type: ignore[union-attr,index,call-overload]
        meant = {part.name: part.cents for part in asked.parts}
        self._require("I4", costs == meant, f"{asked.gate} shows {costs}, and {meant} was meant")

    def _answered(self, asked: Asked, fact: GateAnswered, ts: int) -> None:
        self._count(asked, fact, Verdict.APPROVED, ts)
        asked.yeses.append(fact.person)
        enough = len(self.standing(asked)) >= asked.count
        self._require("I7", not enough, f"{asked.gate} has all it needs and is not approved")

    def _approve(self, asked: Asked, fact: GateApproved, ts: int) -> None:
        if fact.person is None:
            self._require("I4", asked.owed == fact.grant, f"{asked.gate} was approved by grant {fact.grant}")
            asked.owed = ""
        else:
            self._count(asked, fact, Verdict.APPROVED, ts)
            asked.yeses.append(fact.person)
            standing = self.standing(asked)
            self._require("I4", len(standing) >= asked.count, f"{asked.gate} was approved by {len(standing)}")
            by = {f"person:{person}" for person in standing}
            self._require("I4", set(fact.by) == by, f"{asked.gate} says that {fact.by} approved")
            asked.approved_by = by
        asked.status, asked.by_grant, asked.valid_until = GateStatus.APPROVED, fact.grant, fact.valid_until
        self._require(
            "I8", fact.valid_until == ts + _micro(VALID_FOR), f"{asked.gate} is good until {fact.valid_until}"
        )

    def _refuse(self, asked: Asked, fact: GateRefused, ts: int) -> None:
        if fact.person is None:
            self._require("I7", asked.owed == fact.code, f"policy refused {asked.gate} for {fact.code}")
            asked.owed = ""
        else:
            self._count(asked, fact, Verdict.REFUSED, ts)
        asked.status = GateStatus.REFUSED

    def _change(self, asked: Asked, fact: GateChanging, ts: int) -> None:
        self._count(asked, fact, Verdict.CHANGED, ts)
        asked.proposers.add(fact.person)
        asked.status, asked.change = GateStatus.REVISING, fact.change

    def _count(self, asked: Asked, fact: Any, verdict: Verdict, ts: int) -> None:
        """An answer counts if it is the one that was handed in just now, and nothing speaks against it."""
        answer, self.now.answer = self.now.answer, None
        handed_in = answer is not None and answer.decision() == fact.decision and answer.verdict is verdict
        self._require("I7", handed_in, f"{fact.kind} of {fact.person}, who did not say so")
        if answer is not None:
            refusal = self.refusal(answer, ts)
            self._require("I7", not refusal, f"{fact.kind} of {fact.person} counted, though {refusal}")
            asked.said.add(as_said(answer))

    def _expire(self, asked: Asked, _: GateExpired, ts: int) -> None:
        self._require("I7", asked.status is GateStatus.OPEN, f"{asked.gate} expired as {asked.status}")
        self._require("I8", ts >= asked.expires_at, f"{asked.gate} expired early")
        asked.status = GateStatus.EXPIRED

    def _escalate(self, asked: Asked, _: GateEscalated, ts: int) -> None:
        due = asked.asks.escalates and not asked.is_escalated and ts >= asked.opened_at + _micro(ESCALATES_AFTER)
        self._require("I8", due and asked.status is GateStatus.OPEN, f"{asked.gate} escalated early, twice or late")
        asked.is_escalated = True

    def _extend(self, asked: Asked, fact: GateExtended, _ts: int) -> None:
        self._require("I7", fact.expires_at == self.now.extended, f"{asked.gate} was extended to {fact.expires_at}")
        asked.expires_at, self.now.extended = fact.expires_at, 0

    def _withdraw(self, asked: Asked, fact: GateWithdrawn, _ts: int) -> None:
        allowed = asked.is_cancelling if not fact.by else fact.by == asked.by == self.now.withdrawn
        self._require("I7", allowed and asked.is_open, f"{asked.gate} was withdrawn by {fact.by!r} as {asked.status}")
        asked.status = GateStatus.WITHDRAWN
        self.now.withdrawn = "" if fact.by else self.now.withdrawn

    # The effects

    def _intend(self, asked: Asked, fact: EffectIntended, ts: int) -> None:
        part = _part(asked, fact.effect)
        self._require("I3", part in asked.to_begin, f"{fact.gate} {fact.effect} was intended as {part.stands}")
        why_not = self.why_not(asked, part, ts)
        broken = "I10" if why_not.startswith("budget.") else "I4"
        self._require(broken, not why_not, f"{fact.gate} {fact.effect} was intended, though {why_not}")
        is_first = not any(one.key for one in asked.parts)
        held = {one.name: one.cents for one in asked.unsettled if one.cents is not None} if is_first else {}
        holds = {name: amount["minor"] for name, amount in fact.holds.items()}
        self._require("I10", holds == held, f"{fact.gate} {fact.effect} holds {holds}, not {held}")
        part.stands, part.key, part.intended_at = Stands.INTENDED, fact.key, ts
        for name, cents in held.items():
            self.held[fact.gate, name] = Money(cents=cents, grant=asked.by_grant, payee=None)
        if (fact.gate, part.name) in self.held:
            self.held[fact.gate, part.name].payee = part.payee

    def _unsure(self, asked: Asked, fact: EffectUncertain, _ts: int) -> None:
        part = _part(asked, fact.effect)
        self._require("I5", part in asked.under_way, f"{fact.gate} {fact.effect} is uncertain as {part.stands}")
        part.stands = Stands.UNCERTAIN

    def _resend(self, asked: Asked, fact: EffectResent, ts: int) -> None:
        part = _part(asked, fact.effect)
        allowed = (self.recovers_by == "idempotent" or not asked.grants) and part.stands is Stands.UNCERTAIN
        in_time = ts < part.intended_at + _micro(KEY_LASTS)
        self._require("I3", allowed and in_time, f"{fact.gate} {fact.effect} was sent again as {part.stands}")

    def _happen(self, asked: Asked, fact: EffectHappened, ts: int) -> None:
        part = _part(asked, fact.effect)
        self._settle(asked, part, fact, happened=True)
        part.stands = Stands.HAPPENED
        held = self.held.pop((fact.gate, part.name), None)
        if part.payee is not None:
            self.payees.add(part.payee)
        cents = fact.charged["minor"] if fact.charged else held.cents if held else 0
        exceeds = part.cents is not None and cents > part.cents
        self._require("I10", fact.exceeded == exceeds, f"{fact.gate} {fact.effect} exceeded: {fact.exceeded}")
        if part.cents is not None:
            self.paid.append(Money(cents=cents, grant=asked.by_grant, payee=part.payee, ts=ts))
        for given in self.grants.values() if exceeds else ():
            given.is_suspended = True

    def _not_do(self, asked: Asked, fact: EffectNotDone, ts: int) -> None:
        part = _part(asked, fact.effect)
        if part.stands is Stands.PLANNED:
            why_not = self.why_not(asked, part, ts)
            begins = part in asked.to_begin
            self._require("I6", begins and fact.code == why_not, f"{fact.gate} lapsed: {fact.code}, not {why_not!r}")
        else:
            self._settle(asked, part, fact, happened=False)
        part.stands = Stands.NOT_DONE
        self.held.pop((fact.gate, part.name), None)

    def _settle(self, asked: Asked, part: Part, fact: EffectHappened | EffectNotDone, *, happened: bool) -> None:
        """How an effect ended is known from the shop, or from somebody's word just now."""
        self._require("I5", part in asked.under_way, f"{fact.kind} for {fact.effect}, which is {part.stands}")
        word = (fact.gate, fact.effect, happened)
        if fact.found_by.startswith("person:"):
            self._require("I5", self.now.settled == word, f"{fact.kind} by a word that nobody gave")
            self.now.settled = None
        elif self.now.evidence != word:
            said = self.said.get(part.key, Said.NOTHING)
            meant = (Said.DONE,) if happened else (Said.DECLINED, Said.ABSENT)
            is_known = said in meant or not asked.grants
            self._require("I5", is_known, f"{fact.kind} by {fact.found_by}, and the shop said {said}")

    def _contradict(self, asked: Asked, fact: EffectContradicted, ts: int) -> None:
        part, evidence = _part(asked, fact.effect), self.now.evidence
        happened = part.stands is Stands.NOT_DONE
        new = part.is_over and not part.is_contradicted and evidence == (fact.gate, fact.effect, happened)
        self._require("I5", new, f"{fact.gate} {fact.effect} is contradicted by {evidence}")
        part.is_contradicted = True
        if happened and part.cents is not None:
            self.held[fact.gate, part.name] = Money(cents=part.cents, grant=asked.by_grant, payee=None, ts=ts)

    # The account

    def _join(self, fact: PersonAdded) -> None:
        self.people[fact.person] = frozenset(map(Role, fact.roles))

    def _leave(self, fact: PersonRemoved) -> None:
        self.people.pop(fact.person, None)

    def _rule(self, fact: RulesSet) -> None:
        self.count, self.separation = fact.need["count"], fact.need["separation"]
        self.ceilings = [(one["amount"]["minor"], one["days"]) for one in fact.ceilings]

    def _give(self, fact: GrantGiven) -> None:
        givers = [asked for asked in self.runs.values() if not asked.grants and asked.under_way]
        mine = [asked for asked in givers if fact.grant == f"grant_{asked.parts[0].key[:32]}"]
        by = {actor for asked in mine for actor in asked.approved_by}
        self._require("I4", bool(mine) and set(fact.by) == by, f"{fact.grant} was given by {fact.by}")
        givers_of_it = frozenset(actor.removeprefix("person:") for actor in fact.by)
        self.grants[fact.grant] = Given(terms=GrantTerms.model_validate_json(_json(fact.terms)), by=givers_of_it)

    def _revoke(self, fact: GrantRevoked) -> None:
        self._require("I7", fact.grant == self.now.revoked, f"{fact.grant} was revoked by nobody")
        self.grants.pop(fact.grant, None)
        self.now.revoked = ""

    def _suspend(self, fact: GrantSuspended) -> None:
        known = self.grants.get(fact.grant)
        self._require("I10", known is None or known.is_suspended, f"{fact.grant} was suspended without a reason")

    def _turn_away(self, fact: AnswerTurnedAway) -> None:
        expected, self.now.turned_away = self.now.turned_away, ""
        self._require("I7", fact.code == expected, f"turned away for {fact.code}, not for {expected!r}")

    def _require(self, invariant: str, holds: bool, what: str) -> None:
        if not holds:
            self._complain(invariant, what)

    def _complain(self, invariant: str, what: str) -> None:
        self.broken.append(Broken(invariant=invariant, what=what))


def _part(asked: Asked, name: str) -> Part:
    return next(part for part in asked.parts if part.name == name)


def _micro(length: Any) -> int:
    return int(length.total_seconds()) * SECOND


def _json(plain: Any) -> bytes:
    return canonical.encode(plain)


_OF_RUNS: Mapping[type[Fact], Callable[[Model, Asked, Any, int], None]] = {
    SleepBegun: Model._sleep,
    SleepOver: Model._wake,
    RunCancelling: Model._cancel,
    RunEnded: Model._end,
    GateOpened: Model._open,
    GateRevised: Model._revise,
    GateAnswered: Model._answered,
    GateApproved: Model._approve,
    GateRefused: Model._refuse,
    GateChanging: Model._change,
    GateExpired: Model._expire,
    GateEscalated: Model._escalate,
    GateExtended: Model._extend,
    GateWithdrawn: Model._withdraw,
    EffectIntended: Model._intend,
    EffectUncertain: Model._unsure,
    EffectResent: Model._resend,
    EffectHappened: Model._happen,
    EffectNotDone: Model._not_do,
    EffectContradicted: Model._contradict,
}
_OF_ACCOUNT: Mapping[type[Fact], Callable[[Model, Any], None]] = {
    PersonAdded: Model._join,
    PersonRemoved: Model._leave,
    RulesSet: Model._rule,
    GrantGiven: Model._give,
    GrantRevoked: Model._revoke,
    GrantSuspended: Model._suspend,
    AnswerTurnedAway: Model._turn_away,
}
