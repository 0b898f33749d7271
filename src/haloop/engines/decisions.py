"""What people say: to a gate, and about an effect whose outcome nobody knows.

Every word is held against the rules before it counts, and what does not count is recorded too, with the reason.
What counts is durable when the call returns.
"""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, NoReturn

from haloop.engines.accounts import Accounts
from haloop.engines.at import durable
from haloop.engines.at_effect import AtEffect
from haloop.engines.at_gate import AtGate
from haloop.engines.memory import Memory
from haloop.kernel import canonical
from haloop.kernel.account import Account
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import AnswerRefused, BadInput, ForeignRun, HaloopError, NotFound
from haloop.kernel.fact import AnswerTurnedAway, EffectIntended
from haloop.kernel.finding import Finding
from haloop.kernel.gate import Answer, Gate, GateId, GateStatus, Verdict, read_decision, run_of
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.ledger import Ledger
from haloop.kernel.operation import Absent, Found
from haloop.kernel.passkey import Assertion, Site, VerifySignature, challenge, check_assertion
from haloop.kernel.people import Proof


class GateView:
    """A gate as a surface shows it: where it stands, the card, and what an answer must name."""

    def __init__(self, at: AtGate) -> None:
        self.gate: Gate = at.open_gate()
        self.draft = at.draft
        self._card = at.card
        self._changing = at.changing

    @cached_property
    def card(self) -> Canonical:
        """What people are shown."""
        return canonical.decode(self._card)

    @property
    def change_takes(self) -> dict[str, Any] | None:
        """The JSON schema of a change; nothing where the draft cannot be changed."""
        return self._changing.schema


class Decisions:
    """Takes people's words in."""

    def __init__(self, ledger: Ledger, *, accounts: Accounts, memory: Memory, verify: VerifySignature) -> None:
        self._ledger = ledger
        self._accounts = accounts
        self._memory = memory
        self._verify = verify

    async def gate(self, account: AccountId, gate: GateId) -> AtGate:
        """A gate in its run, which is woken for it."""
        try:
            run = run_of(gate)
        except BadInput as error:
            raise AnswerRefused(error.sentence, code="answer.malformed") from error
        try:
            live = await self._memory.wake(account, run)
        except (ForeignRun, NotFound) as error:
            if error.code not in (ForeignRun.code, NotFound.code):
                raise  # it is there, and something it needs is not
            raise AnswerRefused("There is no such gate in this account.", code="answer.foreign") from error
        here = live.gate_at(gate)
        if here is None:
            raise AnswerRefused("There is no such gate.", code="answer.foreign")
        return here

    async def decide(
        self, account: AccountId, answer: Answer, *, site: Site | None = None, at_least: Proof = Proof.TOKEN
    ) -> GateStatus:
        """Take a person's answer; AnswerRefused where it does not count.

        Name the site wherever answers come over a network: a passkey's counts there and nowhere else. A yes that
        came from far away takes `at_least` that proof, whatever the gate asks for.
        """
        try:
            here = await self.gate(account, answer.gate)
            decision = read_decision(answer)
            if not here.has_heard(answer):
                asked = partial(challenge, decision, answer.batch)
                proof = self._proof(here.host.account, answer.person, answer.assertion, asked, site)
                here.require_good(answer, proof=proof)
                _require_enough(answer, proof, at_least)
                here.host.ask(lambda: here.take(answer, decision, proof=proof))
            await durable(here.host)
        except AnswerRefused as refusal:
            await self._turn_away(account, answer, refusal)
            raise
        return here.open_gate().status

    async def turn_agent_away(self, account: AccountId, gate: GateId, verdict: str, *, agent: str) -> NoReturn:
        """An agent tried to decide: that stands in the ledger, and it is refused."""
        here = (await self.gate(account, gate)).open_gate()
        refusal = AnswerRefused("An agent proposes; it never decides.", code="answer.agent")
        fact = AnswerTurnedAway(
            gate=gate,
            revision=here.revision,
            person=agent,
            verdict=verdict,
            code=refusal.code,
            sentence=refusal.sentence,
        )
        await self._ledger.record(account, fact.entry(agent))
        raise refusal

    async def extend(self, account: AccountId, gate: GateId, *, by: PersonId, until: int) -> None:
        """Give people more time to answer; an owner's word."""
        await self._accounts.require_owner(account, by)
        here = await self.gate(account, gate)
        here.require_extendable(until)
        here.host.ask(lambda: here.extend(by, until))
        await durable(here.host)

    async def withdraw(self, account: AccountId, gate: GateId, *, by: str, reason: str) -> None:
        """Take a question back, as whoever asked for its run."""
        here = await self.gate(account, gate)
        here.require_withdrawable(by)
        here.host.ask(lambda: here.withdraw(reason, by=by))
        await durable(here.host)

    async def uncertain(self, account: AccountId, run: RunId) -> list[EffectIntended]:
        """The effects of a run whose outcome nobody knows, as they were intended."""
        try:
            live = await self._memory.wake(account, run)
        except HaloopError:
            return (await self._memory.stuck(account, run)).uncertain()
        return [at.known_intent() for at in live.effects if at.is_uncertain]

    async def settle(
        self, account: AccountId, finding: Finding, *, site: Site | None = None, at_least: Proof = Proof.TOKEN
    ) -> None:
        """Take a person's word on how an uncertain effect ended; it takes what approving it took, at the same site."""
        try:
            gate = await self.gate(account, finding.gate)
        except AnswerRefused:
            raise
        except HaloopError:  # its run cannot go on, and waits for that with everything else
            stuck = await self._memory.stuck(account, run_of(finding.gate))
            known = await self._accounts.of(account)
            await stuck.settle(finding, lambda gate: self._require_entitled(known, gate, finding, site, at_least))
            return
        self._require_entitled(gate.host.account, gate.open_gate(), finding, site, at_least)
        at = _effect(gate, finding.effect)
        at.require_settleable(finding)
        gate.host.ask(lambda: at.settle(finding))
        await durable(gate.host)

    async def contradict(self, account: AccountId, gate: GateId, effect: str, found: "Found[Any] | Absent") -> None:
        """Take in later evidence of the outside on how an effect ended, also after its run has."""
        here = await self.gate(account, gate)
        here.host.ask(lambda: _effect(here, effect).contradict(found))
        await durable(here.host)
        await self._accounts.late_facts_recorded()

    def _require_entitled(
        self, account: Account, gate: Gate, finding: Finding, site: Site | None, at_least: Proof
    ) -> None:
        """The original roles and proof, and never whoever asked for the run."""
        person = finding.person
        if person in gate.proposers or not gate.is_entitled(account.people.get(person)):
            raise AnswerRefused(
                "Settling takes what approving took, of somebody who did not propose it.", code="answer.not_allowed"
            )
        if self._proof(account, person, finding.assertion, finding.challenge, site) < max(gate.need.proof, at_least):
            raise AnswerRefused("This takes a passkey.", code="answer.proof")

    def _proof(
        self,
        account: Account,
        person: PersonId,
        assertion: bytes | None,
        asked: Callable[[], bytes],
        site: Site | None,
    ) -> Proof:
        """What somebody's word proves: a passkey's counts only if it was given for this very question."""
        if assertion is None:
            return Proof.TOKEN
        try:
            signed = Assertion.decode(assertion)
        except BadInput as error:
            raise AnswerRefused(error.sentence, code=error.code) from error
        credential = account.credentials.get(signed.credential)
        if credential is None or credential.person != person:
            raise AnswerRefused("This passkey is not one of theirs.", code="answer.credential")
        try:
            check_assertion(signed, asked(), credential.key, self._verify, site=site)
        except BadInput as error:
            raise AnswerRefused(error.sentence, code=error.code) from error
        return Proof.PASSKEY

    async def _turn_away(self, account: AccountId, answer: Answer, refusal: AnswerRefused) -> None:
        """No answer is lost, also none that did not count."""
        fact = AnswerTurnedAway(
            gate=_printable(answer.gate),
            revision=answer.revision if abs(answer.revision) <= canonical.INTEGER_MAX else 0,
            person=_printable(answer.person),
            verdict=str(answer.verdict),
            code=refusal.code,
            sentence=_printable(refusal.sentence),
        )
        known = (await self._accounts.of(account)).people.get(answer.person)
        await self._ledger.record(account, fact.entry(known.actor if known else "somebody"))


def _require_enough(answer: Answer, proof: Proof, at_least: Proof) -> None:
    if answer.verdict is Verdict.APPROVED and proof < at_least:
        raise AnswerRefused("From here a yes takes a passkey.", code="answer.proof")


def _effect(gate: AtGate, name: str) -> AtEffect:
    for at in gate.host.effects:
        if at.gate is gate and at.name == name:
            found: AtEffect = at
            return found
    raise NotFound(f"{name!r} of this gate has not been begun.", code="effect.unknown")


def _printable(text: str) -> str:
    """What somebody sent, short and without what no canonical text can hold."""
    return text[:200].encode(errors="replace").decode()
