"""A gate: a draft is shown, people answer, and the run hears what they decided.

The rule of who must say yes comes from policy, the verdict on each answer from the kernel's gate. What is kept
here is the draft itself: the very bytes of each revision, and which effect of it goes by which name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from haloop.engines.at import At, Host
from haloop.engines.changing import Changing
from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.card import card_of, disclosures_on
from haloop.kernel.draft import Draft, Effect, NamedEffect, decode_draft, effects_of, encode_draft, plain_payload
from haloop.kernel.drive import Position
from haloop.kernel.errors import AllStopped, AnswerRefused, HaloopError
from haloop.kernel.fact import (
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
)
from haloop.kernel.gate import (
    WITHIN_MAX,
    Answer,
    Approved,
    Expired,
    Gate,
    GateStatus,
    Refused,
    Verdict,
    first_answer,
    judge,
    need_as_canonical,
)
from haloop.kernel.gate_history import after, given, opened
from haloop.kernel.grant import Grant
from haloop.kernel.ids import PersonId
from haloop.kernel.part import commitment, encode_hashes
from haloop.kernel.passkey import Assertion
from haloop.kernel.people import Proof
from haloop.kernel.policy import Allow, Ask, Deny, Ruling
from haloop.kernel.run import GateCall

_SECOND = 1_000_000
_GRANT_GONE = Deny(code="grant.gone", sentence="The grant that opened this gate no longer covers it.")
_TOO_WEAK = Deny(code="approval.too_weak", sentence="It would take more to approve this now.")


class AtGate(At):
    """One gate at its position."""

    def __init__(self, at: Position, host: Host, call: GateCall[Any]) -> None:
        self._call = call
        self.changing = Changing(call)
        self._effects = effects_of(call.draft)
        payload = plain_payload(call.draft, self._effects)
        kind, operations = type(call.draft).__name__, {name: one.operation.name for name, one in self._effects.items()}
        super().__init__(at, host, f"gate {kind}", [kind, payload, operations, call.stage])
        self.draft: Draft = call.draft
        self.named: dict[str, NamedEffect] = {}
        self.gate: Gate | None = None
        self.grant: str | None = None
        self.approved_by: tuple[str, ...] = ()
        """The persons, or the grant, whose yes this is."""
        self.valid_until = 0
        self.used: dict[str, Position] = {}
        """The effects of this approval that a position has taken."""
        self.settled: set[str] = set()
        """Of these, the ones whose end is known."""
        self.made: dict[str, Canonical] = {}
        """What those that happened made, for the places that were to be filled later."""
        self.approved_at = 0
        self._written_at = 0
        self._bodies = (b"", b"")
        self._revised: tuple[Draft, str] | None = None

    # What the approval allows

    def effect(self, name: str) -> Effect[Any]:
        """The planned effect of that name."""
        return self._effects[name]

    def name_of(self, planned: Effect[Any]) -> str | None:
        """The name of an effect of this very draft; none for an effect of any other."""
        return next((name for name, one in self._effects.items() if one is planned), None)

    def unsettled(self) -> dict[str, NamedEffect]:
        """The effects whose end is not known, because they have not begun or nobody knows."""
        return {name: one for name, one in self.named.items() if name not in self.settled}

    def rule(self) -> Ruling:
        """What policy says of this draft now."""
        return self._rule(self.named, self.host.account_now().grants.values() if type(self.draft).grants else ())

    def why_not_now(self) -> Deny | None:
        """Policy again in the moment of an intent: what has changed since the yes, if that matters."""
        account, gate = self.host.account_now(), self.open_gate()
        # Only the grant that opened this: another would run it on its own caps and be charged to this one's.
        grants = [one for one in account.grants.values() if one.id == self.grant]
        ruling = self._rule(self.unsettled(), grants)
        if isinstance(ruling, Deny):
            return ruling
        if self.grant is not None:
            return None if isinstance(ruling, Allow) else _GRANT_GONE
        need = ruling.need.raised(gate.need) if isinstance(ruling, Ask) else gate.need
        held_to = gate if need == gate.need else replace(gate, need=need)
        return None if held_to.may_close(account.people, account.credentials) else _TOO_WEAK

    def has_heard(self, answer: Answer) -> bool:
        """Whether this person said the very same before, and it still counts."""
        gate, account = self.open_gate(), self.host.account
        earlier = first_answer(gate, answer)
        if earlier is None or earlier.verdict is not Verdict.APPROVED or gate.status is not GateStatus.OPEN:
            return earlier is not None
        return earlier in gate.standing(account.people, account.credentials)

    def _rule(self, effects: Mapping[str, NamedEffect], grants: Iterable[Grant]) -> Ruling:
        return self.host.account_now().rule(
            effects,
            need=self._call.need,
            grants=grants,
            proposers=self._askers() if self.gate is None else self.gate.proposers,
            now=self.host.world.now(),
            besides="" if self.gate is None else self.gate.id,
        )

    # Facts

    def apply(self, fact: Fact) -> None:
        match fact:
            case GateOpened():
                self.require_same(self.what, fact.args)
                self._bodies, self.gate = (fact.draft, fact.card), opened(fact)
                self.named = self.named or _named_in(fact.draft)
            case GateAnswered() | GateEscalated() | GateExtended():
                self.gate = after(self.open_gate(), fact)
            case GateChanging():
                self._take_change(fact)
            case GateRevised():
                self._take_revision(fact)
            case _:
                self._close(fact)

    def _close(self, fact: Fact) -> None:
        match fact:
            case GateApproved():
                self._approve(fact)
            case GateRefused():
                by = fact.person or "policy"
                self._end(fact, Refused(reason=fact.reason, code=fact.code, by=by, back_to=fact.back_to))
            case GateExpired():
                self._end(fact, Expired(at=self.open_gate().expires_at))
            case GateWithdrawn() if fact.by:
                self._end(fact, Refused(reason=fact.reason, code="gate.withdrawn", by=fact.by))
            case GateWithdrawn():
                self._end(fact, None)
            case _:
                super().apply(fact)

    def recorded(self, fact: Fact, hashes: Mapping[str, bytes], ts: int) -> None:
        match fact:
            case GateOpened() | GateRevised():
                gate, self._written_at = self.open_gate(), ts
                opened_at = ts if isinstance(fact, GateOpened) else gate.opened_at
                draft, card = _hash(hashes, "draft"), _hash(hashes, "card")
                self.gate = replace(gate, draft=draft, card=card, opened_at=opened_at)
            case GateApproved():
                self.approved_at = ts

    def open_gate(self) -> Gate:
        """The gate, once it has been opened."""
        if self.gate is None:
            raise AnswerRefused("This gate has not been opened.", code="answer.foreign")
        return self.gate

    @property
    def card(self) -> bytes:
        """What people are shown."""
        return self._bodies[1]

    def disclosed(self) -> list[Canonical]:
        """What had to be read on the card before a yes."""
        return disclosures_on(self.card)

    # Live

    def go_on(self) -> None:
        if self.gate is None:
            self._open()
        elif self._revised is not None:
            self._note_revision(*self._revised)
        elif self.gate.status is GateStatus.OPEN and self._may_be_forgotten(self._written_at):
            self._note_revision(self.draft, "")
        if self.is_undecided:
            self.host.after_recorded(self._wait)

    def on_time(self) -> None:
        gate, now = self.open_gate(), self.host.world.now()
        if now >= gate.expires_at:
            self.host.note(GateExpired(at=self.at, gate=gate.id))
        elif gate.need.escalation and not gate.escalated and now >= self._escalates_at(gate):
            self.host.note(GateEscalated(at=self.at, gate=gate.id))
        if not self.is_over:
            self._wait()

    def drop(self) -> None:
        super().drop()
        if self.gate is not None:
            self.host.world.gates.remove(self.host.account.id, self.gate.id)

    def let_go(self) -> None:
        self.withdraw("The run went on without it.")

    def withdraw(self, reason: str, *, by: str = "") -> None:
        """The run no longer asks; where whoever asked for it takes this back, the run hears that and goes on."""
        if self.is_undecided:
            gate = self.open_gate()
            self.host.note(GateWithdrawn(at=self.at, gate=gate.id, reason=reason, by=by), actor=by or "kernel")

    def require_withdrawable(self, by: str) -> None:
        """Only whoever asked takes it back, and only while nobody has decided."""
        if self.host.started is None or self.host.started.by != by:
            raise AnswerRefused("Only whoever asked for this can take it back.", code="answer.not_allowed")
        if not self.is_undecided:
            raise AnswerRefused(f"This gate is closed: it was {self.open_gate().status}.", code="answer.late")

    @property
    def is_undecided(self) -> bool:
        return self.gate is not None and self.gate.status in (GateStatus.OPEN, GateStatus.REVISING)

    # Answers

    def require_good(self, answer: Answer, *, proof: Proof) -> None:
        """Raise AnswerRefused for an answer that does not count."""
        person = self.host.account.people.get(answer.person)
        judge(self.open_gate(), answer, person, proof=proof, now=self.host.world.now())
        if self.host.account.is_stopped and answer.verdict is not Verdict.REFUSED:
            stopped = "An owner stopped every agent; until they go on, only a no counts."
            raise AnswerRefused(stopped, code=AllStopped.code, next_step=AllStopped.next_step)
        if answer.batch is not None and answer.assertion is None:
            raise AnswerRefused("A batch is signed with a passkey, and this is not.", code="answer.malformed")
        if answer.verdict is Verdict.CHANGED:
            self.changing.require(answer.change)

    def take(self, answer: Answer, decision: bytes, *, proof: Proof) -> None:
        """Record an answer that counts."""
        gate = self.open_gate()
        actor = f"person:{answer.person}"
        said: dict[str, Any] = {
            "at": self.at,
            "gate": gate.id,
            "revision": gate.revision,
            "person": answer.person,
            "proof": int(proof),
            "decision": decision,
            "assertion": self._assertion(answer),
            "batch": answer.batch,
        }
        if answer.verdict is Verdict.CHANGED:
            self.host.note(GateChanging(**said, change=answer.change), actor=actor)
        elif answer.verdict is Verdict.REFUSED:
            no = GateRefused(**said, code="gate.refused", reason=answer.reason, back_to=answer.back_to)
            self.host.note(no, actor=actor)
        else:
            yes = given(gate, answer.person, answer.verdict, proof, said["assertion"])
            self._note_yes(gate.answered(yes), said, actor)

    def require_extendable(self, until: int) -> None:
        """More time is for a gate that still waits, and never past what policy allows."""
        gate = self.open_gate()
        if gate.status is not GateStatus.OPEN or self.host.world.now() >= gate.expires_at:
            raise AnswerRefused("Only a gate that still waits can be given more time.", code="answer.late")
        latest = gate.opened_at + int(WITHIN_MAX.total_seconds()) * _SECOND
        if not gate.expires_at < until <= latest:
            raise AnswerRefused(
                f"More time ends later than now set, and within {WITHIN_MAX.days} days.", code="answer.extension"
            )

    def extend(self, person: PersonId, until: int) -> None:
        """An owner gives more time."""
        gate = self.open_gate().id
        self.host.note(GateExtended(at=self.at, gate=gate, expires_at=until, person=person), actor=f"person:{person}")
        self._wait()

    def _assertion(self, answer: Answer) -> bytes | None:
        """What the passkey signed, with the place of its enrolment as the ledger has it, whatever the surface said."""
        if answer.assertion is None:
            return None
        assertion = Assertion.decode(answer.assertion)
        enrolled_at = self.host.account.credentials[assertion.credential].enrolled_at
        return replace(assertion, enrolled_at=enrolled_at).encode()

    def _note_yes(self, counted: Gate, said: Mapping[str, Any], actor: str) -> None:
        standing = counted.standing(self.host.account.people, self.host.account.credentials)
        if not counted.is_enough(standing):
            self.host.note(GateAnswered(**said), actor=actor)
            return
        by = [f"person:{one.person}" for one in standing]
        until = self.host.world.now() + int(counted.valid_for.total_seconds()) * _SECOND
        self.host.note(GateApproved(**said, grant=None, by=by, valid_until=until), actor=actor)

    # Opening

    def _open(self) -> None:
        self.named = self.host.world.connectors.name_effects(self._effects)
        ruling = self.rule()
        need = self._call.need if isinstance(ruling, Deny) else ruling.need
        bodies, disclosures = self._write(self.draft, self._effects)
        gate, now = self.host.next_gate(), self.host.world.now()
        within = min(self._call.within, WITHIN_MAX)
        opened = GateOpened(
            at=self.at,
            args=self.args,
            gate=gate,
            revision=1,
            need=need_as_canonical(need),
            expires_at=now + int(within.total_seconds()) * _SECOND,
            valid_for=int(self._call.valid_for.total_seconds()),
            proposers=sorted(self._askers()),
            disclosures=disclosures,
            stage=self._call.stage,
            draft=bodies[0],
            card=bodies[1],
        )
        self.host.note(opened)
        self._rule_out(ruling)

    def _askers(self) -> frozenset[PersonId]:
        """The person who asked for this run, if it was one."""
        kind, _, name = (self.host.started.asked_by if self.host.started else "").partition(":")
        return frozenset({PersonId(name)} if kind == "person" else ())

    def _rule_out(self, ruling: Ruling) -> None:
        """Policy may close a gate by itself: with a no, or with the yes of a grant."""
        gate = self.open_gate()
        match ruling:
            case Deny():
                self.host.note(
                    GateRefused(
                        at=self.at,
                        gate=gate.id,
                        revision=gate.revision,
                        person=None,
                        proof=0,
                        code=ruling.code,
                        reason=ruling.sentence,
                        back_to=None,
                    ),
                    actor="policy",
                )
            case Allow():
                until = self.host.world.now() + int(gate.valid_for.total_seconds()) * _SECOND
                self.host.note(
                    GateApproved(
                        at=self.at,
                        gate=gate.id,
                        revision=gate.revision,
                        person=None,
                        proof=0,
                        grant=ruling.grant,
                        by=[f"grant:{ruling.grant}"],
                        valid_until=until,
                    ),
                    actor=f"grant:{ruling.grant}",
                )

    def _write(self, draft: Draft, effects: Mapping[str, Effect[Any]]) -> tuple[tuple[bytes, bytes], bool]:
        """The bytes of a revision and of its card, and whether something on it must be read first."""
        disclosures = self.host.account_now().disclosures(self.named.values())
        back = self.host.world.ledger.went_back
        if back is not None and self.gate is not None and self._may_be_forgotten(self.gate.opened_at):
            disclosures.append({"key": "may_have_happened", "since": back.since})
        body = encode_draft(plain_payload(draft, effects), self.named)
        return (body, canonical.encode(card_of(draft, self.named, disclosures))), bool(disclosures)

    def _may_be_forgotten(self, ts: int) -> bool:
        """Whether the ledger went back after this moment, so that more may have happened than it knows."""
        back = self.host.world.ledger.went_back
        return back is not None and ts <= back.since

    def _wait(self) -> None:
        gate = self.gate
        if gate is None or self.is_over or self.is_dropped:
            return
        self.host.world.gates.add(self.host.account.id, gate.id)
        due = gate.expires_at
        if gate.need.escalation and not gate.escalated:
            due = min(due, self._escalates_at(gate))
        self.host.world.timers.set(self.host.id, self.at, due)

    def _escalates_at(self, gate: Gate) -> int:
        escalation = gate.need.escalation
        return gate.opened_at + int(escalation.after.total_seconds()) * _SECOND if escalation else gate.expires_at

    # Taking facts in

    def _approve(self, fact: GateApproved) -> None:
        self.approved_at = self.host.world.now()  # until it is written down, and has the ledger's own time
        gate, by, until = self.open_gate(), tuple(fact.by), fact.valid_until
        self.grant, self.approved_by, self.valid_until = fact.grant, by, until
        self._end(fact, Approved(draft=self.draft, gate=gate.id, revision=gate.revision, by=by, valid_until=until))

    def _end(self, fact: Fact, heard: "Approved[Any] | Refused | Expired | None") -> None:
        """The gate is closed; the run hears of it where it still asks."""
        self.gate = after(self.open_gate(), fact)
        self.host.world.gates.remove(self.host.account.id, self.gate.id)
        if heard is None:
            self.is_over = True
        else:
            self.answer(heard)

    # Changes

    def _take_change(self, fact: GateChanging) -> None:
        self.gate = after(self.open_gate(), fact)
        revising = self.changing.revise(self.draft, fact.change)
        self.host.add_line(f"{self.at}!{fact.revision}/", revising, self._on_revised)

    def _on_revised(self, draft: Any, fault: BaseException | None) -> None:  # noqa: ANN401
        problem = ""
        if fault is not None or type(draft) is not type(self.draft):
            problem = fault.sentence if isinstance(fault, HaloopError) else str(fault or "It gave no draft back.")
        self._revised = (self.draft if problem else draft, problem)

    def take_revision(self) -> None:
        """The new draft is ready: put it before people."""
        if self._revised is not None and not self.is_over:
            self._note_revision(*self._revised)
            self.host.after_recorded(self._wait)

    def _note_revision(self, draft: Draft, problem: str) -> None:
        self._revised = None
        try:
            bodies, disclosures = self._prepare(draft)
        except HaloopError as error:  # what a change led to cannot be put before anybody; the draft before it can
            problem = problem or error.sentence
            bodies, disclosures = self._prepare(self.draft)
        gate, ruling = self.open_gate(), self.rule()
        need = gate.need if isinstance(ruling, Deny) else ruling.need.raised(gate.need)
        self.host.note(
            GateRevised(
                at=self.at,
                gate=gate.id,
                revision=gate.revision + 1,
                need=need_as_canonical(need),
                disclosures=disclosures,
                problem=problem[:500],
                draft=bodies[0],
                card=bodies[1],
            )
        )
        if isinstance(ruling, Deny):
            self._rule_out(ruling)

    def _prepare(self, draft: Draft) -> tuple[tuple[bytes, bytes], bool]:
        effects = self._effects if draft is self.draft else effects_of(draft)
        self.named = self.host.world.connectors.name_effects(effects)
        return self._write(draft, effects)

    def _take_revision(self, fact: GateRevised) -> None:
        self._revised = None
        self._bodies = (fact.draft, fact.card)
        operations = self.host.world.connectors.operations
        self.draft, self.named = decode_draft(type(self.draft), fact.draft, operations)
        self._effects = effects_of(self.draft)
        self.gate = after(self.open_gate(), fact)


def _named_in(draft: bytes) -> dict[str, NamedEffect]:
    match canonical.decode(draft):
        case {"effects": dict(named)}:
            return {name: NamedEffect.read(name, fields) for name, fields in named.items()}
    return {}


def _hash(hashes: Mapping[str, bytes], name: str) -> str:
    """A draft's or card's hash: the commitment to its one part."""
    return commitment(encode_hashes({name: hashes[name]})).hex()
