"""From the ledger's events to facts, and what a waiting run's newest fact says of its waiting."""

from typing import NamedTuple

from haloop.kernel.fact import Fact, GateOpened, SleepBegun, is_known, parts_of, read_fact
from haloop.kernel.gate import GateId
from haloop.kernel.ledger import Event, Ledger, OpenRun

_WAITS = frozenset({"gate.opened", "sleep.begun"})
_LEAVES_SOMETHING = ("child.", "effect.", "run.cancelling")
"""Kinds of facts after which something may be left to do beside the line that waits."""


class Waits(NamedTuple):
    """A run that does nothing until then, unless somebody comes."""

    at: str
    until: int
    gate: GateId | None
    since: int
    """When it began to wait; microseconds since 1970."""


async def read_event(ledger: Ledger, event: Event) -> Fact:
    """The fact that an event of a run records."""
    kind = event.header.kind
    bodies = {name: await ledger.body(event, name) for name in parts_of(kind) if name in event.parts}
    return read_fact(kind, bodies.get)


async def read_known(ledger: Ledger, event: Event) -> Fact | None:
    """The fact that an event records; none where it is not one of an engine's."""
    return await read_event(ledger, event) if is_known(event.header.kind) else None


async def waits_until(ledger: Ledger, run: OpenRun) -> Waits | None:
    """Until when a run does nothing but wait; none where it must be looked at as a whole."""
    if run.kind not in _WAITS:
        return None
    *before, newest = await ledger.run(run.chain)
    if any(event.header.kind.startswith(_LEAVES_SOMETHING) for event in before):
        return None
    fact = await read_event(ledger, newest)
    match fact:
        case GateOpened() if _is_alone(fact.at) and fact.need["escalation"] is None:
            return Waits(fact.at, fact.expires_at, GateId(fact.gate), newest.header.ts)
        case SleepBegun() if _is_alone(fact.at):
            return Waits(fact.at, fact.until, None, newest.header.ts)
    return None


def _is_alone(at: str) -> bool:
    """Whether a position is on the run's only line: then nothing else is under way in it."""
    return "/" not in at
