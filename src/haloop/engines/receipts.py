"""From a run's history to the file that proves one effect to a stranger.

A receipt shows four facts of a run: the gate with the draft and the card as they were approved, the approval
with the decision and whatever signed it, the intent, and what the outside said. Everything else of the run
stays closed.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from haloop.engines.reading import read_event
from haloop.kernel.errors import NotFound
from haloop.kernel.fact import (
    EffectHappened,
    EffectIntended,
    Fact,
    GateAnswered,
    GateApproved,
    GateOpened,
    GateRevised,
    parts_of,
)
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import Chain, Event, Ledger
from haloop.kernel.receipt import Receipt


class ProvingLedger(Ledger, Protocol):
    """A ledger that can show its events to a stranger."""

    async def receipt(self, account: AccountId, disclose: Mapping[int, Collection[str]]) -> Receipt: ...


async def prove(ledger: ProvingLedger, account: AccountId, run: RunId, effect: str) -> Receipt:
    """The receipt of one effect that happened."""
    events = await ledger.run(Chain(account=account, run_id=run))
    told = [(event, await read_event(ledger, event)) for event in events]
    happened = _happened(told, effect)
    wanted = [event for event, fact in told if _belongs(fact, happened)]
    return await ledger.receipt(account, {event.index: _shown(event) for event in wanted})


def _happened(told: Sequence[tuple[Event, Fact]], effect: str) -> EffectHappened:
    for _, fact in reversed(told):
        if isinstance(fact, EffectHappened) and fact.effect == effect:
            return fact
    raise NotFound(f"{effect!r} did not happen in this run, so there is no receipt of it.", code="receipt.nothing")


def _belongs(fact: Fact, happened: EffectHappened) -> bool:
    """Whether a fact is part of the proof."""
    match fact:
        case GateOpened() | GateRevised() | GateAnswered() | GateApproved():
            return (fact.gate, fact.revision) == (happened.gate, happened.revision)
        case EffectIntended():
            return (fact.gate, fact.effect) == (happened.gate, happened.effect)
    return fact is happened


def _shown(event: Event) -> list[str]:
    return [name for name in parts_of(event.header.kind) if name in event.parts]
