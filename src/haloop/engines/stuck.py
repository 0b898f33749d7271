"""A run that nobody can drive just now: its version is not installed, or its procedure no longer fits its history.

It waits for a release that can go on with it. Until then people may still say how its effects ended, and cancel
it, because neither needs the procedure: what was approved and what was intended stands in the facts.
"""

from collections.abc import Callable, Sequence

from haloop.engines import outcome
from haloop.engines.ending import children_to_cancel, last_words
from haloop.engines.reading import read_event
from haloop.engines.world import World
from haloop.kernel.account import Account
from haloop.kernel.errors import AnswerRefused, EffectRefused, HaloopError, NotFound, RunOver
from haloop.kernel.fact import (
    EffectHappened,
    EffectIntended,
    EffectNotDone,
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
    RunEnded,
)
from haloop.kernel.finding import Finding
from haloop.kernel.gate import Gate, GateId
from haloop.kernel.gate_history import after, opened
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import Chain, Head

_OF_A_GATE = (
    *(GateRevised, GateChanging, GateAnswered, GateApproved, GateRefused),
    *(GateExpired, GateWithdrawn, GateEscalated, GateExtended),
)


class StuckRun:
    """Its history, and what can be added to it without its procedure."""

    def __init__(self, chain: Chain, head: Head, facts: Sequence[Fact], account: Account, world: World) -> None:
        self._chain = chain
        self._head = head
        self._facts = facts
        self._account = account
        self._world = world

    @classmethod
    async def read(cls, account: Account, run: RunId, world: World) -> "StuckRun":
        chain = Chain(account=account.id, run_id=run)
        events = await world.ledger.run(chain)
        if not events:
            raise NotFound(f"There is no run {run}.")
        facts = [await read_event(world.ledger, event) for event in events]
        return cls(chain, events[-1].head, facts, account, world)

    def children(self) -> list[RunId]:
        """The runs that go down with this one."""
        return children_to_cancel(self._facts)

    def uncertain(self) -> list[EffectIntended]:
        """The effects of which nobody knows how they ended; nothing is under way for a run that stopped."""
        over = {(fact.gate, fact.effect) for fact in self._facts if isinstance(fact, EffectHappened | EffectNotDone)}
        intents = [fact for fact in self._facts if isinstance(fact, EffectIntended)]
        return [intent for intent in intents if (intent.gate, intent.effect) not in over]

    def require_cancellable(self, fault: HaloopError) -> None:
        """While the outcome of an effect is open, a run does not end; it stays with what keeps it from going on."""
        if any(isinstance(fact, RunEnded) for fact in self._facts):
            raise RunOver("This run has ended.")
        if self.uncertain():
            raise fault

    async def cancel(self, reason: str, *, by: str) -> None:
        """End it."""
        await self._append(last_words(self._facts, reason), by)

    async def settle(self, finding: Finding, require_entitled: Callable[[Gate], None]) -> None:
        """Take a person's word on how an effect ended; the run hears it when it can go on."""
        require_entitled(self._gate(finding.gate))
        for intent in self.uncertain():
            if (intent.gate, intent.effect) == (finding.gate, finding.effect):
                self._world.connectors.effect(intent.operation)  # refuses, by name, where nobody stands behind it
                settled = outcome.settled(intent, self._world.connectors.operations[intent.operation], finding)
                await self._append([settled], outcome.Source.of(finding).actor)
                return
        raise EffectRefused("There is nothing uncertain to settle here.", code="effect.settled")

    def _gate(self, name: GateId) -> Gate:
        gate: Gate | None = None
        for fact in self._facts:
            if isinstance(fact, GateOpened) and fact.gate == name:
                gate = opened(fact)
            elif gate is not None and isinstance(fact, _OF_A_GATE) and fact.gate == name:
                gate = after(gate, fact)
        if gate is None:
            raise AnswerRefused("There is no such gate.", code="answer.foreign")
        return gate

    async def _append(self, facts: Sequence[Fact], by: str) -> None:
        pending = self._world.ledger.append(self._chain, self._head, *(fact.entry(by) for fact in facts))
        await pending
        for fact in facts:
            self._account.apply(fact, run=self._chain.run_id, ts=pending.ts)
            if isinstance(fact, GateWithdrawn):
                self._world.gates.remove(self._account.id, GateId(fact.gate))
            self._world.listeners.tell(self._account.id, self._chain.run_id, fact)
