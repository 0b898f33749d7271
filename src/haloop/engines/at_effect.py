"""An effect: one approved act on the world, at most once.

Read it from top to bottom. What was approved is held against what would run now; the claim, the hold and the
intent are one fact, durable before anything leaves the house; then there is one call. Its answer is what
happened, or that it was not done. Anything else is uncertain, and is cleared up only in the way the connector
declared when the intent was written: by sending the same bytes under the same key, by looking, or by a person.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from haloop.engines import approval
from haloop.engines.at import At, Host
from haloop.engines.at_gate import AtGate
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
from haloop.kernel.operation import (
    Absent,
    Call,
    EffectOp,
    Found,
    Idempotent,
    Neither,
    NotDone,
    Queryable,
    Recovery,
    Why,
    no_freer,
    recovery_as_plain,
)
from haloop.kernel.run import EffectCall, Receipt, UndoCall

_SECOND = 1_000_000
_UNDO = "/undo"
AGAIN_SECONDS = 2
AGAIN_SECONDS_MAX = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How it is known how an effect ended."""

    found_by: str
    actor: str = "kernel"
    statement: bytes | None = None
    assertion: bytes | None = None

    @classmethod
    def of(cls, finding: Finding) -> "Source":
        """A person's word."""
        person = f"person:{finding.person}"
        return cls(found_by=person, actor=person, statement=finding.statement(), assertion=finding.assertion)


ANSWER, RESENT, LOOKUP = Source(found_by="answer"), Source(found_by="resent"), Source(found_by="lookup")


class AtEffect(At):
    """One effect at its position."""

    def __init__(self, at: Position, host: Host, call: EffectCall[Any] | UndoCall[Any]) -> None:
        gate_id = call.receipt.gate if isinstance(call, UndoCall) else call.approved.gate
        self.gate: AtGate | None = host.gate_at(gate_id)
        self.name = _name(self.gate, call)
        super().__init__(at, host, "effect", [gate_id, self.name])
        self._intent: EffectIntended | None = None
        self._outcome: EffectHappened | EffectNotDone | None = None
        self._uncertain = False
        self._attempt = 1
        self._deadline = 0
        self._intended_at = 0
        self._contradicted = False
        self._under_way = False
        """Something is being sent or asked, or will be as soon as it is durable that it is."""
        self._tries = 0
        """How often it was tried to clear this up, in this process."""

    def refusal(self) -> HaloopError | None:
        """An approval covers the effects of its own draft, in its own run, each for one position."""
        if self.gate is None:
            return EffectRefused("This approval belongs to another run.", code="approval.foreign")
        if self.gate.open_gate().status is not GateStatus.APPROVED:
            return EffectRefused("Nobody has approved this.", code="effect.not_approved")
        if self.name is None:
            return self._unnamed()
        awaited = self._sources() - self.gate.settled
        if awaited:
            makers = ", ".join(sorted(awaited))
            return EffectRefused(f"It needs what {makers} makes, and that has not been done.", code="effect.too_early")
        return self._take_name(self.gate, self.name)

    def go_on(self) -> None:
        if self._under_way or self._outcome is not None:
            return
        if self._intent is None and self.host.world.time.moved:
            # Nobody knows whether the approval still holds; timers fire once the clock can be believed again.
            self.host.world.timers.set(self.host.id, self.at, self.host.world.now())
        elif self._intent is None:
            self._begin()
        elif not self._uncertain:
            self._note_uncertain("The process ended before the answer came.")
        else:
            self._recover()

    # From the approval to the call

    def _begin(self) -> None:
        gate, named = self._approved()
        lapsed = self._lapsed(gate, named)
        if lapsed is not None:
            self._note_not_done(lapsed, ANSWER)
            return
        intention = self._intention(gate, named)
        values.typed(self._operation().argument, intention.argument)  # what cannot be read again is not intended
        self.host.note(intention, claim=approval.claim(gate.open_gate(), named.name))
        self._under_way = True
        self.host.after_recorded(self._send)

    def _lapsed(self, gate: AtGate, named: NamedEffect) -> NotDone | None:
        """Why the approval no longer stands for this, if so: it is asked again in this last moment."""
        missing = ", ".join(sorted(self._sources() - gate.made.keys()))
        if missing:
            return approval.not_done(
                Why.LAPSED, "effect.nothing_to_use", f"It needs what {missing} makes, and that was not done."
            )
        return approval.lapsed(gate, named)

    def _argument(self, gate: AtGate, named: NamedEffect) -> Canonical:
        """What is sent: the approved argument, with the places filled that waited for another effect."""
        return fill(named.argument, gate.made)

    def _intention(self, gate: AtGate, named: NamedEffect) -> EffectIntended:
        connector, declared, _ = self.host.world.connectors.effect(named.operation)
        is_first = not any(other.is_intended for other in self._others(gate))
        open_gate = gate.open_gate()
        return EffectIntended(
            at=self.at,
            gate=open_gate.id,
            revision=open_gate.revision,
            effect=named.name,
            operation=named.operation,
            connector=connector.name,
            argument=self._argument(gate, named),
            key=approval.claim(open_gate, named.name).hex()[:40],
            deadline=self.host.world.now() + int(declared.rules.deadline.total_seconds() * _SECOND),
            recovery=recovery_as_plain(declared.rules.recovery),
            holds=approval.holds(gate.unsettled()) if is_first else {},
            cost_max=money_as_plain(named.cost_max),
            payee=named.payee,
            purpose=named.purpose,
            live=named.live,
            grant=gate.grant,
        )

    def _send(self) -> None:
        """The intent is durable: now, and only now, it leaves the house, unless its time is over already."""
        if self.host.world.now() < self._deadline:
            self.host.world.tasks.spawn(self._perform(ANSWER))
            return
        self._under_way = False
        too_late = "It was held up until its time was over, and was not sent."
        self._note_not_done(approval.not_done(Why.LAPSED, "effect.too_late", too_late), ANSWER)

    async def _perform(self, source: Source) -> None:
        answer: object = None
        problem = ""
        try:
            async with asyncio.timeout((self._deadline - self.host.world.now()) / _SECOND):
                answer = await self._call()
        except TimeoutError:
            problem = "No answer came in time."
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # raising means: nobody knows
            problem = f"The connector raised {type(error).__name__}."  # its words may hold a secret
        self._under_way = False
        self.host.work(lambda: self._take_answer(answer, problem, source))

    async def _call(self) -> object:
        """The one line that leaves the house."""
        intent = self.known_intent()
        _, _, method = self.host.world.connectors.effect(intent.operation)
        answer: object = await method(
            values.typed(self._operation().argument, intent.argument), self._call_record(intent)
        )
        return answer

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
            plain = self._understood(self._operation().result, result)
        except BadInput as error:
            self._note_uncertain(f"The answer could not be understood. {error.sentence}")
            return
        if self._contradicts(happened=True):
            return
        intent, charged = self.known_intent(), getattr(result, "charged", None)
        paid = charged if isinstance(charged, Money) else None
        fact = EffectHappened(
            at=self.at,
            gate=intent.gate,
            revision=intent.revision,
            effect=intent.effect,
            result=plain,
            charged=money_as_plain(paid),
            exceeded=approval.exceeds(paid, intent.cost_max),
            found_by=source.found_by,
            statement=source.statement,
            assertion=source.assertion,
        )
        self.host.note(fact, actor=source.actor)

    def _note_not_done(self, answer: NotDone, source: Source) -> None:
        """It certainly did not happen."""
        gate, named = self._approved()
        try:
            seen = (
                None if answer.seen is None else self._understood(self._seen_type() or type(answer.seen), answer.seen)
            )
            why, code, sentence = str(Why(answer.why)), str(answer.code), str(answer.sentence)[:500]
        except (BadInput, ValueError) as error:
            self._note_uncertain(f"The answer could not be understood. {error}")
            return
        if self._contradicts(happened=False):
            return
        fact = EffectNotDone(
            at=self.at,
            gate=gate.open_gate().id,
            effect=named.name,
            why=why,
            code=code or f"effect.{why}",
            sentence=sentence,
            seen=seen,
            found_by=source.found_by,
            statement=source.statement,
            assertion=source.assertion,
        )
        self.host.note(fact, actor=source.actor)

    def _note_uncertain(self, sentence: str) -> None:
        """Nobody knows, and that is said at once."""
        if self._outcome is not None:
            return
        intent = self.known_intent()
        self.host.note(EffectUncertain(at=self.at, gate=intent.gate, effect=intent.effect, sentence=sentence[:500]))
        self._recover_soon()

    def _understood(self, shape: Any, value: object) -> Canonical:  # noqa: ANN401  # a type as it is written
        """The plain form of what the outside said, if it can be read again."""
        plain = values.plain(shape, value)
        values.typed(shape, plain)
        return plain

    # Uncertain: cleared up as declared, never guessed

    def _recover_soon(self) -> None:
        """The first try comes at once, the next ones after longer and longer whiles."""
        self._tries += 1
        if self._tries == 1:
            self._recover()
            return
        wait = min(AGAIN_SECONDS * 2 ** (self._tries - 2), AGAIN_SECONDS_MAX)
        self._recover_at(self.host.world.now() + wait * _SECOND)

    def _recover_at(self, due: int) -> None:
        self.host.world.timers.set(self.host.id, self.at, due)

    def _recover(self) -> None:
        """Send again or look, where the intent allows it; otherwise a person must find out, and the hold stays."""
        if self._under_way or self._outcome is not None or self.host.world.is_closing:
            return
        match self._recovery():
            case Idempotent() as how:
                self._resend(self._intended_at + int(how.for_.total_seconds()) * _SECOND)
            case Queryable() as how:
                self._under_way = True
                self.host.world.tasks.spawn(self._look(how))

    def _recovery(self) -> Recovery:
        """What the intent says, of the very outside system that was called, and no more than it still offers."""
        connector, declared, _ = self.host.world.connectors.effect(self.known_intent().operation)
        if not approval.is_same_outside(connector, self._approved()[1]):
            return Neither()
        return no_freer(self.known_intent().recovery, declared.rules.recovery)

    def _resend(self, until: int) -> None:
        """Send the stored bytes under the same key, as long as the outside knows the key for certain."""
        now = self.host.world.now()
        if now >= until:
            return
        intent = self.known_intent()
        deadline = min(until, now + int(self._declared().rules.deadline.total_seconds() * _SECOND))
        self.host.note(
            EffectResent(
                at=self.at, gate=intent.gate, effect=intent.effect, attempt=self._attempt + 1, deadline=deadline
            )
        )
        self._under_way = True
        self.host.after_recorded(self._send_again)

    def _send_again(self) -> None:
        if self.host.world.now() < self._deadline:
            self.host.world.tasks.spawn(self._perform(RESENT))
            return
        self._under_way = False
        self._recover_soon()

    async def _look(self, how: Queryable) -> None:
        asked_at = self.host.world.now()
        found: object = None
        try:
            async with asyncio.timeout(self._declared().rules.deadline.total_seconds()):
                found = await self._ask(how)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001  # a lookup that fails has told us nothing
            found = None
        self._under_way = False
        self.host.work(lambda: self._take_finding(found, how, asked_at))

    async def _ask(self, how: Queryable) -> object:
        intent = self.known_intent()
        connector, _, _ = self.host.world.connectors.effect(intent.operation)
        argument = values.typed(self._operation().argument, intent.argument)
        return await how.lookup(connector.speaks, argument, self._call_record(intent))

    def _take_finding(self, found: object, how: Queryable, asked_at: int) -> None:
        """An absence counts only if it was seen after the outside had time to settle."""
        settled_at = self._deadline + int(how.settled_after.total_seconds()) * _SECOND
        if isinstance(found, Found):
            self._note_happened(found.result, LOOKUP)
        elif isinstance(found, Absent) and asked_at >= settled_at:
            absent = approval.not_done(Why.SETTLED, "effect.absent", "The outside has no trace of it.")
            self._note_not_done(absent, LOOKUP)
        elif self._outcome is None and isinstance(found, Absent):
            self._recover_at(settled_at)
        elif self._outcome is None:
            self._recover_soon()

    def require_settleable(self, finding: Finding) -> None:
        """Refuse a finding about something that is not uncertain, or that nobody can read."""
        if not self.is_uncertain:
            raise EffectRefused("There is nothing uncertain to settle here.", code="effect.settled")
        if finding.happened:
            values.typed(self._operation().result, finding.result)

    def settle(self, finding: Finding) -> None:
        """A person found out how it ended."""
        if finding.happened:
            self._note_happened(values.typed(self._operation().result, finding.result), Source.of(finding))
        else:
            settled = approval.not_done(Why.SETTLED, "effect.settled", finding.sentence)
            self._note_not_done(settled, Source.of(finding))

    def contradict(self, found: Found[Any] | Absent) -> None:
        """Later evidence of the outside: it did happen after all, or it did not."""
        if isinstance(found, Found):
            self._note_happened(found.result, LOOKUP)
        else:
            self._contradicts(happened=False)

    # Facts

    def apply(self, fact: Fact) -> None:
        match fact:
            case EffectIntended():
                self.require_same("effect", values.digest([fact.gate, fact.effect]))
                self._intent, self._deadline = fact, fact.deadline
            case EffectResent():
                self._attempt, self._deadline = fact.attempt, fact.deadline
            case EffectUncertain():
                self._uncertain = True
            case EffectHappened():
                self._outcome = fact
                self._settle_name(fact.result)
                self.answer(self._receipt(fact))
            case EffectNotDone():
                self.require_same("effect", values.digest([fact.gate, fact.effect]))
                self._outcome = fact
                self._settle_name(None)
                self.answer(self._as_not_done(fact))
            case EffectContradicted():
                self._contradicted = True
            case _:
                super().apply(fact)

    def recorded(self, fact: Fact, hashes: Mapping[str, bytes], ts: int) -> None:  # noqa: ARG002
        if isinstance(fact, EffectIntended):
            self._intended_at = ts

    def lost(self, fact: Fact) -> None:  # noqa: ARG002
        self._under_way = False

    @property
    def is_busy(self) -> bool:
        return self._under_way

    def drop(self) -> None:
        if not self.keeps_open:  # what has left the house is seen through to its end
            super().drop()

    @property
    def keeps_open(self) -> bool:
        return self._intent is not None and self._outcome is None

    @property
    def is_intended(self) -> bool:
        """Whether the claim is taken, and the hold."""
        return self._intent is not None

    @property
    def is_uncertain(self) -> bool:
        """Whether nobody knows how it ended."""
        return self._uncertain and self._outcome is None

    # Small things, in the order of their use

    def _take_name(self, gate: AtGate, name: str) -> HaloopError | None:
        taken = gate.used.setdefault(name, self.at)
        if taken != self.at:
            return EffectRefused(f"{name!r} was already used, at position {taken}.", code="approval.used")
        return None

    def _approved(self) -> tuple[AtGate, NamedEffect]:
        if self.gate is None or self.name is None:
            raise EffectRefused("Nothing was approved here.", code="effect.not_approved")
        return self.gate, self._named(self.gate, self.name)

    def _named(self, gate: AtGate, name: str) -> NamedEffect:
        return gate.named[name]

    def _unnamed(self) -> EffectRefused:
        return EffectRefused(
            "This is not one of the effects of the draft that was approved.", code="effect.other_draft"
        )

    def _sources(self) -> frozenset[str]:
        """The effects whose results this one needs."""
        return sources(self._approved()[1].argument)

    def known_intent(self) -> EffectIntended:
        """The intent, once it was noted."""
        if self._intent is None:
            raise EffectRefused("This effect was never intended.", code="effect.not_intended")
        return self._intent

    def _others(self, gate: AtGate) -> "list[AtEffect]":
        return [one for one in self.host.effects if one.gate is gate]

    def _operation(self) -> EffectOp[Any, Any]:
        _, named = self._approved()
        return self.host.world.connectors.operations[named.operation]

    def _seen_type(self) -> Any:  # noqa: ANN401  # a type as it is written
        return self._operation().rules.seen

    def _declared(self) -> EffectOp[Any, Any]:
        return self.host.world.connectors.effect(self.known_intent().operation)[1]

    def _call_record(self, intent: EffectIntended) -> Call:
        _, named = self._approved()
        return Call(
            key=intent.key,
            account=self.host.account.id,
            deadline=self._deadline,
            live=intent.live,
            by=self.gate.approved_by if self.gate else (),
            attempt=self._attempt,
            preconditions=named.preconditions,
        )

    def on_time(self) -> None:
        if self._intent is None:
            self.go_on()
        else:
            self._recover()

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

    def _settle_name(self, result: Canonical) -> None:
        gate, named = self._approved()
        gate.settled.add(named.name)
        if isinstance(self._outcome, EffectHappened):
            gate.made[named.name] = result

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
        seen_type = self._seen_type()
        seen = None if fact.seen is None or seen_type is None else values.typed(seen_type, fact.seen)
        return NotDone(why=Why(fact.why), sentence=fact.sentence, code=fact.code, seen=seen)


class AtUndo(AtEffect):
    """The undo that a draft named for one of its effects; the same yes covers it once, and does not run out."""

    def _lapsed(self, gate: AtGate, named: NamedEffect) -> NotDone | None:  # noqa: ARG002
        connector, _, _ = self.host.world.connectors.effect(named.operation)
        if not approval.is_same_outside(connector, named):
            return approval.not_done(Why.LAPSED, "effect.changed", "Somebody else would have to undo it now.")
        return None

    def _argument(self, gate: AtGate, named: NamedEffect) -> Canonical:  # noqa: ARG002
        return named.argument

    def _sources(self) -> frozenset[str]:
        return frozenset()

    def _unnamed(self) -> EffectRefused:
        return EffectRefused("The draft named no undo for this.", code="undo.not_named")

    def _named(self, gate: AtGate, name: str) -> NamedEffect:
        undone = gate.named[name.removesuffix(_UNDO)]
        return replace(
            undone,
            name=name,
            operation=undone.undo or "",
            argument=gate.made.get(undone.name),
            cost_max=None,
            payee=None,
            purpose=f"undo {undone.purpose}",
            preconditions={},
            undo=None,
        )


def _name(gate: AtGate | None, call: EffectCall[Any] | UndoCall[Any]) -> str | None:
    """Under which name of the draft this runs; none where the draft allows no such thing."""
    if gate is None:
        return None
    if isinstance(call, EffectCall):
        return gate.name_of(call.planned)
    undone = gate.named.get(call.receipt.effect)
    return f"{undone.name}{_UNDO}" if undone and undone.undo and undone.name in gate.made else None
