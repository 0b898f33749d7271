"""An effect: one approved act on the world, at most once.

Read it from top to bottom. What was approved is held against what would run now; the claim, the hold and the
intent are one fact, durable before anything leaves the house; then there is one call. Its answer is what
happened, or that it was not done. Anything else is uncertain, and `clearing_up` takes over.
"""

from hashlib import sha256
from typing import Any

from haloop.engines import approval, outcome
from haloop.engines.at import At, Host
from haloop.engines.at_gate import AtGate
from haloop.engines.clearing_up import ClearingUp
from haloop.engines.outcome import ANSWER, LOOKUP, RESENT, Source
from haloop.engines.outgoing import Outgoing
from haloop.kernel import values
from haloop.kernel.canonical import Canonical
from haloop.kernel.draft import NamedEffect, fill, sources
from haloop.kernel.drive import Position
from haloop.kernel.errors import BadInput, EffectRefused, HaloopError
from haloop.kernel.fact import (
    EffectContradicted,
    EffectHappened,
    EffectIntended,
    EffectNotDone,
    EffectResent,
    EffectUncertain,
    Fact,
    money_as_plain,
)
from haloop.kernel.finding import Finding
from haloop.kernel.gate import GateStatus
from haloop.kernel.money import Money
from haloop.kernel.operation import Absent, EffectOp, Found, NotDone, Why, recovery_as_plain
from haloop.kernel.queueing import heard_by
from haloop.kernel.run import EffectCall, Receipt, UndoCall

_SECOND = 1_000_000
_TOO_LATE = approval.not_done(
    Why.LAPSED, "effect.too_late", "It was held up until its time was over, and was not sent."
)


class AtEffect(At):
    """One effect at its position."""

    def __init__(self, at: Position, host: Host, call: EffectCall[Any] | UndoCall[Any]) -> None:
        gate_id = call.receipt.gate if isinstance(call, UndoCall) else call.approved.gate
        self.gate: AtGate | None = host.gate_at(gate_id)
        self.name = self._find_name(call)
        super().__init__(at, host, "effect", [gate_id, self.name])
        self.is_under_way = False
        """Something is being sent or asked, or will be as soon as it is durable that it is."""
        self._outgoing: Outgoing | None = None
        self._outcome: EffectHappened | EffectNotDone | None = None
        self._uncertain = False
        self._unclear_because: set[str] = set()
        self._contradicted = False
        self._clearing_up = ClearingUp(self)

    # From the approval to the call

    def refusal(self) -> HaloopError | None:
        """An approval covers the effects of its own draft, in its own run, each for one position."""
        if self.gate is None:
            return EffectRefused("This approval belongs to another run.", code="approval.foreign")
        if self.gate.open_gate().status is not GateStatus.APPROVED:
            return EffectRefused("Nobody has approved this.", code="effect.not_approved")
        if self.name is None:
            return self._unnamed()
        awaited = ", ".join(sorted(self._sources() - self.gate.settled))
        if awaited:
            return EffectRefused(f"It needs what {awaited} makes, and that has not been done.", code="effect.too_early")
        taken = self.gate.used.setdefault(self.name, self.at)
        if taken != self.at:
            return EffectRefused(f"{self.name!r} was already used, at position {taken}.", code="approval.used")
        return None

    def go_on(self) -> None:
        if self.is_under_way or self.is_settled:
            return
        if self._outgoing is None and self.host.world.time.moved:
            # Nobody knows whether the approval still holds; timers fire once the clock can be believed again.
            self.host.world.timers.set(self.host.id, self.at, self.host.world.now())
        elif self._outgoing is None:
            self._begin()
        elif not self._uncertain:
            self._note_uncertain("The process ended before the answer came.")
        else:
            self._clearing_up.now()

    def _begin(self) -> None:
        gate, named = self._approved()
        lapsed = self._lapsed(gate, named)
        if lapsed is not None:
            self._note_not_done(lapsed, ANSWER)
            return
        intention = self._intention(gate, named)
        values.typed(self._operation().argument, intention.argument)  # what cannot be read again is not intended
        self.host.note(intention, claim=approval.claim(gate.open_gate(), named.name))
        self.is_under_way = True
        self.host.after_recorded(self._send, otherwise=self.hold_back)

    def _lapsed(self, gate: AtGate, named: NamedEffect) -> NotDone | None:
        """Why the approval no longer stands for this, if so: it is asked again in this last moment."""
        missing = ", ".join(sorted(self._sources() - gate.made.keys()))
        if missing:
            sentence = f"It needs what {missing} makes, and that was not done."
            return approval.not_done(Why.LAPSED, "effect.nothing_to_use", sentence)
        return approval.lapsed(gate, named)

    def _intention(self, gate: AtGate, named: NamedEffect) -> EffectIntended:
        """The claim, the hold and the intent: what will be sent, and how it would be found out what came of it."""
        connector, declared, _ = self.host.world.connectors.effect(named.operation)
        open_gate, now = gate.open_gate(), self.host.world.now()
        is_first = not any(other.is_intended for other in self.host.effects if other.gate is gate)
        return EffectIntended(
            at=self.at,
            gate=open_gate.id,
            revision=open_gate.revision,
            effect=named.name,
            operation=named.operation,
            connector=connector.name,
            argument=self._argument(gate, named),
            key=approval.claim(open_gate, named.name).hex()[:40],
            begun_at=now,
            deadline=now + int(declared.rules.deadline.total_seconds() * _SECOND),
            recovery=recovery_as_plain(declared.rules.recovery),
            holds=approval.holds(gate.unsettled()) if is_first else {},
            cost_max=money_as_plain(named.cost_max),
            payee=named.payee,
            purpose=named.purpose,
            live=named.live,
            grant=gate.grant,
        )

    def _argument(self, gate: AtGate, named: NamedEffect) -> Canonical:
        """What is sent: the approved argument, with the places filled that waited for another effect."""
        return fill(named.argument, gate.made)

    def _send(self) -> None:
        """The intent is durable: now, and only now, it leaves the house, unless its time is over already."""
        if self.outgoing.is_in_time:
            self.host.world.tasks.spawn(self._perform(ANSWER))
        else:
            self.is_under_way = False
            self._note_not_done(_TOO_LATE, ANSWER)

    def hold_back(self) -> None:
        """What was about to leave the house stays: the ledger took no word of it."""
        self.is_under_way = False

    async def _perform(self, source: Source) -> None:
        with heard_by(self.host.queued):
            answer, problem = await self.outgoing.send()
        self.is_under_way = False
        self.host.work(lambda: self._take_answer(answer, problem, source))

    # From the answer to the receipt

    def _take_answer(self, answer: object, problem: str, source: Source) -> None:
        if problem:
            self._note_uncertain(problem)
        elif isinstance(answer, NotDone):
            self._note_not_done(answer, source)
        else:
            self._note_happened(answer, source)

    def _note_happened(self, result: object, source: Source) -> None:
        """The outside says that it did happen."""
        try:
            fact = outcome.happened(self.known_intent(), self._operation(), result, source)
        except BadInput as error:
            self._note_uncertain(f"The answer could not be understood. {error.sentence}")
            return
        if not self._contradicts(happened=True):
            self.host.note(fact, actor=source.actor)

    def _note_not_done(self, answer: NotDone, source: Source) -> None:
        """It certainly did not happen."""
        gate, named = self._approved()
        try:
            fact = outcome.not_done(
                self.at, gate.open_gate().id, named.name, answer, operation=self._operation(), source=source
            )
        except (BadInput, ValueError) as error:
            self._note_uncertain(f"The answer could not be understood. {error}")
            return
        if not self._contradicts(happened=False):
            self.host.note(fact, actor=source.actor)

    def _note_uncertain(self, sentence: str) -> None:
        """Nobody knows, and that is said at once."""
        if self.is_settled:
            return
        self.note_unclear(sentence)
        self._clearing_up.soon()

    def note_unclear(self, sentence: str) -> None:
        """Say why nobody knows: at first, and whenever a look gives a reason that was not given before."""
        intent, why = self.known_intent(), sentence[:500]
        if not self._uncertain or (why and why not in self._unclear_because):
            self.host.note(EffectUncertain(at=self.at, gate=intent.gate, effect=intent.effect, sentence=why))

    # Facts

    def apply(self, fact: Fact) -> None:
        match fact:
            case EffectIntended():
                self.require_same("effect", values.digest([fact.gate, fact.effect]))
                self._outgoing = self._out(fact)
            case EffectResent():
                self.outgoing.attempt, self.outgoing.deadline = fact.attempt, fact.deadline
            case EffectUncertain():
                self._uncertain = True
                self._unclear_because.add(fact.sentence)
            case EffectHappened():
                self._settle(fact)
                self._approved()[0].made[fact.effect] = fact.result
                self.answer(self._receipt(fact))
            case EffectNotDone():
                self.require_same("effect", values.digest([fact.gate, fact.effect]))
                self._settle(fact)
                self.answer(self._as_not_done(fact))
            case EffectContradicted():
                self._contradicted = True
            case _:
                super().apply(fact)

    def _settle(self, outcome: EffectHappened | EffectNotDone) -> None:
        self._outcome = outcome
        self._approved()[0].settled.add(outcome.effect)

    def _receipt(self, fact: EffectHappened) -> Receipt[Any]:
        return Receipt(
            result=values.typed(self._operation().result, fact.result),
            run=self.host.id,
            gate=fact.gate,
            revision=fact.revision,
            effect=fact.effect,
            charged=None if fact.charged is None else Money(**fact.charged),
            exceeded=fact.exceeded,
        )

    def _as_not_done(self, fact: EffectNotDone) -> NotDone:
        shape = self._operation().rules.seen
        seen = None if fact.seen is None or shape is None else values.typed(shape, fact.seen)
        return NotDone(why=Why(fact.why), sentence=fact.sentence, code=fact.code, seen=seen)

    # Where it stands

    @property
    def is_busy(self) -> bool:
        return self.is_under_way

    @property
    def is_settled(self) -> bool:
        """Whether it is known how it ended."""
        return self._outcome is not None

    @property
    def is_intended(self) -> bool:
        """Whether the claim is taken, and the hold."""
        return self._outgoing is not None

    @property
    def is_uncertain(self) -> bool:
        """Whether nobody knows how it ended."""
        return self._uncertain and not self.is_settled

    @property
    def keeps_open(self) -> bool:
        return self.is_intended and not self.is_settled

    def drop(self) -> None:
        if not self.keeps_open:  # what has left the house is seen through to its end
            super().drop()

    def on_time(self) -> None:
        if self.is_intended:
            self._clearing_up.now()
        else:
            self.go_on()

    @property
    def outgoing(self) -> Outgoing:
        """What leaves the house, once it was intended."""
        if self._outgoing is None:
            raise EffectRefused("This effect was never intended.", code="effect.not_intended")
        return self._outgoing

    def known_intent(self) -> EffectIntended:
        """The intent, once it was noted."""
        return self.outgoing.intent

    # Clearing up, and what people and later evidence say

    def resend(self) -> None:
        """Send once more, now that the ledger says so."""
        self.host.world.tasks.spawn(self._perform(RESENT))

    def looked_up(self, found: Found[object] | NotDone) -> None:
        """Take in what a lookup has shown."""
        if isinstance(found, Found):
            self._note_happened(found.result, LOOKUP)
        else:
            self._note_not_done(found, LOOKUP)

    def require_settleable(self, finding: Finding) -> None:
        """Refuse a finding about something that is not uncertain, or that nobody can read."""
        if not self.is_uncertain:
            raise EffectRefused("There is nothing uncertain to settle here.", code="effect.settled")
        if finding.happened:
            values.typed(self._operation().result, finding.result)

    def settle(self, finding: Finding) -> None:
        """A person found out how it ended."""
        fact = outcome.settled(self.known_intent(), self._operation(), finding)
        self.host.note(fact, actor=Source.of(finding).actor)

    def contradict(self, found: Found[Any] | Absent) -> None:
        """Later evidence of the outside: it did happen after all, or it did not."""
        if not self.is_settled:
            raise EffectRefused(
                "Nobody knows yet how this ended, so nothing can contradict it; a person settles it.",
                code="effect.not_settled",
            )
        if isinstance(found, Found):
            self._note_happened(found.result, LOOKUP)
        else:
            self._contradicts(happened=False)

    def _contradicts(self, *, happened: bool) -> bool:
        """Whether an outcome is known already; if it says the contrary, that is a fact of its own, once."""
        if self._outcome is None:
            return False
        if isinstance(self._outcome, EffectHappened) != happened and not self._contradicted:
            self._contradicted = True
            self._note_contradiction(happened=happened)
        return True

    def _note_contradiction(self, *, happened: bool) -> None:
        """Say so in the run, or in the account's own chain where the run has ended."""
        intent = self.known_intent()
        said = "It happened after all." if happened else "It did not happen after all."
        holds = {intent.effect: intent.cost_max} if happened and intent.cost_max else {}
        fact = EffectContradicted(
            at=self.at, gate=intent.gate, effect=intent.effect, sentence=said, holds=holds, grant=intent.grant
        )
        if self.host.ended is None:
            self.host.note(fact)
        else:
            claim = sha256(f"haloop/contradiction/1 {intent.gate} {intent.effect}".encode()).digest()
            self.host.world.record_late(self.host.account.id, self.host.id, fact, claim)

    # What was approved

    def _find_name(self, call: EffectCall[Any] | UndoCall[Any]) -> str | None:
        """Under which name of the draft this runs; none where the draft allows no such thing."""
        return self.gate.name_of(call.planned) if self.gate and isinstance(call, EffectCall) else None

    def _unnamed(self) -> EffectRefused:
        sentence = "This is not one of the effects of the draft that was approved."
        return EffectRefused(sentence, code="effect.other_draft")

    def _approved(self) -> tuple[AtGate, NamedEffect]:
        if self.gate is None or self.name is None:
            raise EffectRefused("Nothing was approved here.", code="effect.not_approved")
        return self.gate, self._named(self.gate, self.name)

    def _named(self, gate: AtGate, name: str) -> NamedEffect:
        return gate.named[name]

    def _sources(self) -> frozenset[str]:
        """The effects whose results this one needs."""
        return sources(self._approved()[1].argument)

    def _operation(self) -> EffectOp[Any, Any]:
        return self.host.world.connectors.operations[self._approved()[1].operation]

    def _out(self, intent: EffectIntended) -> Outgoing:
        gate, named = self._approved()
        account = self.host.account.id
        return Outgoing(intent, named, world=self.host.world, account=account, by=gate.approved_by)
