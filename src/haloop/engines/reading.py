"""From the ledger's events to facts, and what a waiting run's newest fact says of its waiting."""

from typing import NamedTuple

from haloop.kernel import canonical
from haloop.kernel.fact import FACT, Fact, GateOpened, SleepBegun, is_known, parts_of, read_fact
from haloop.kernel.gate import GateId, gate_id
from haloop.kernel.ledger import Event, Ledger, OpenRun

_WAITS = frozenset({GateOpened.kind, SleepBegun.kind})
_LEAVES_SOMETHING = ("child.", "effect.", "run.cancelling")
"""Kinds of facts after which something may be left to do beside the line that waits."""


class Waits(NamedTuple):
    """A run that does nothing until then, unless somebody comes."""

    at: str
    until: int


async def read_event(ledger: Ledger, event: Event) -> Fact:
    """The fact that an event of a run records."""
    kind = event.header.kind
    bodies = {name: await ledger.body(event, name) for name in parts_of(kind) if name in event.parts}
    return read_fact(kind, bodies.get)


async def read_known(ledger: Ledger, event: Event) -> Fact | None:
    """The fact that an event records; none where it is not one of an engine's."""
    return await read_event(ledger, event) if is_known(event.header.kind) else None


def only_waits(run: OpenRun) -> bool:
    """Whether its line waits for time or people, and nothing else of it can be under way."""
    return run.kinds[-1] in _WAITS and not any(kind.startswith(_LEAVES_SOMETHING) for kind in run.kinds)


def open_gate(run: OpenRun) -> GateId | None:
    """The gate at which a run that only waits does so, if it is one."""
    is_gate = run.kinds[-1] == GateOpened.kind
    return gate_id(run.chain.run_id, run.kinds.count(GateOpened.kind)) if is_gate else None


async def waits_until(ledger: Ledger, run: OpenRun) -> Waits | None:
    """Until when a run that only waits does so; none where it must be looked at as a whole."""
    event = await ledger.event(run.chain.account, run.index)
    match event.header.kind, canonical.decode(await ledger.body(event, FACT)):
        case GateOpened.kind, {"at": str(at), "expires_at": int(until), "need": {"escalation": None}}:
            pass
        case SleepBegun.kind, {"at": str(at), "until": int(until)}:
            pass
        case _:
            return None
    return Waits(at, until) if _is_alone(at) else None


def _is_alone(at: str) -> bool:
    """Whether a position is on the run's only line: then nothing else is under way in it."""
    return "/" not in at
