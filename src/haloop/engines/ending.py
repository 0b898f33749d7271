"""How a run's end is written down."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from haloop.kernel import values
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadValue
from haloop.kernel.fact import (
    ChildStarted,
    Fact,
    GateApproved,
    GateExpired,
    GateOpened,
    GateRefused,
    GateWithdrawn,
    RunCancelling,
    RunEnded,
)
from haloop.kernel.ids import RunId
from haloop.kernel.operation import NotDone
from haloop.kernel.run import Ended, Receipt


def ending(result: object) -> RunEnded:
    """The last fact of a run."""
    match result:
        case Ended():
            return RunEnded(code=result.code, reason=result.reason)
        case NotDone():
            return RunEnded(code="not_done", reason=result.sentence or str(result.why), result=summary(result))
        case Receipt():
            return RunEnded(code="done", reason="It happened.", result=summary(result))
    return RunEnded(code="done", reason="It is done.", result=summary(result))


def summary(result: Any) -> Canonical:  # noqa: ANN401  # whatever a procedure returns
    """A result in plain words, for whoever reads the ledger."""
    match result:
        case None:
            return None
        case Receipt():
            return {"effect": result.effect, "gate": result.gate, "type": "receipt"}
        case NotDone():
            return {"code": result.code, "sentence": result.sentence, "type": "not_done", "why": str(result.why)}
        case Ended():
            return {"code": result.code, "reason": result.reason, "type": "ended"}
        case list() | tuple():
            return [summary(one) for one in result]
    try:
        return values.plain(type(result), result)
    except BadValue:
        return {"type": type(result).__name__}


def last_words(facts: Sequence[Fact], reason: str) -> list[Fact]:
    """What ends a run that nobody can drive any more."""
    gates = {fact.gate: fact.at for fact in facts if isinstance(fact, GateOpened)}
    for fact in facts:
        if isinstance(fact, GateApproved | GateRefused | GateExpired | GateWithdrawn):
            gates.pop(fact.gate, None)
    withdrawn = [GateWithdrawn(at=at, gate=gate, reason="The run ended.") for gate, at in gates.items()]
    ended = RunEnded(code="cancelled", reason="It was cancelled.")
    return [RunCancelling(reason=reason), *withdrawn, ended]


def children_to_cancel(facts: Sequence[Fact]) -> list[RunId]:
    """The runs that go down with the one whose history this is."""
    return [RunId(fact.run) for fact in facts if isinstance(fact, ChildStarted) and not fact.detached]


def successor_id(run: RunId) -> RunId:
    """The run that goes on where this one ends."""
    return RunId(f"run_{sha256(f'haloop/successor/1 {run}'.encode()).hexdigest()[:32]}")
