"""From the ledger's events to facts, and what a waiting run's newest fact says of its waiting."""

from contextlib import suppress
from typing import NamedTuple

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadEntry, Erased
from haloop.kernel.fact import FACT, ArtifactAdded, Fact, GateOpened, SleepBegun, is_known, parts_of, read_fact
from haloop.kernel.gate import GateId, gate_id
from haloop.kernel.ledger import Event, Ledger, OpenRun

_WAITS = frozenset({GateOpened.kind, SleepBegun.kind})
_LEAVES_SOMETHING = ("child.", "effect.", "run.cancelling")
"""Kinds of facts after which something may be left to do beside the line that waits."""


class Waits(NamedTuple):
    """A run that does nothing until then, unless somebody comes."""

    at: str
    until: int


class Begun(NamedTuple):
    """The very procedure that a run is locked to."""

    desk: str
    procedure: str
    version: int


async def read_event(ledger: Ledger, event: Event) -> Fact:
    """The fact that an event of a run records."""
    kind = event.header.kind
    bodies = {name: await ledger.body(event, name) for name in parts_of(kind) if name in event.parts}
    return read_fact(kind, bodies.get)


async def read_known(ledger: Ledger, event: Event) -> Fact | None:
    """The fact that an event records; none where it is not one of an engine's, or was erased."""
    if not is_known(event.header.kind):
        return None
    with suppress(Erased):
        return await read_event(ledger, event)
    return None


def only_waits(run: OpenRun) -> bool:
    """Whether its line waits for time or people, and nothing else of it can be under way."""
    return _stands_at(run) in _WAITS and not any(kind.startswith(_LEAVES_SOMETHING) for kind in run.kinds)


def open_gate(run: OpenRun) -> GateId | None:
    """The gate at which a run that only waits does so, if it is one."""
    is_gate = _stands_at(run) == GateOpened.kind
    return gate_id(run.chain.run_id, run.kinds.count(GateOpened.kind)) if is_gate else None


async def waits_until(ledger: Ledger, run: OpenRun) -> "tuple[Begun, Waits | None]":
    """What a run that only waits was begun as, and until when it waits; none where it must be looked at as a whole."""
    first, *later = await ledger.run(run.chain)
    newest = next(event for event in reversed(later) if event.header.kind != ArtifactAdded.kind)
    waits = None
    match newest.header.kind, await _plain_fields(ledger, newest):
        case GateOpened.kind, {"at": str(at), "expires_at": int(until), "need": {"escalation": None}} if _is_alone(at):
            waits = Waits(at, until)
        case SleepBegun.kind, {"at": str(at), "until": int(until)} if _is_alone(at):
            waits = Waits(at, until)
    match await _plain_fields(ledger, first):
        case {"desk": str(desk), "procedure": str(procedure), "version": int(version)}:
            return Begun(desk, procedure, version), waits
    raise BadEntry("A run does not begin with its start.", code="fact.bad")


def _stands_at(run: OpenRun) -> str:
    """The newest fact that says where its line is; a file that somebody gave it does not."""
    return next((kind for kind in reversed(run.kinds) if kind != ArtifactAdded.kind), "")


async def _plain_fields(ledger: Ledger, event: Event) -> Canonical:
    return canonical.decode(await ledger.body(event, FACT))


def _is_alone(at: str) -> bool:
    """Whether a position is on the run's only line: then nothing else is under way in it."""
    return "/" not in at
