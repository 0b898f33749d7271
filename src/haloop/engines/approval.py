"""Whether an approval still stands for an effect, asked in the last moment before its intent.

Between a yes and its effect time passes: the approval ends, a connector is changed, a role is taken away, a
budget is spent elsewhere. Whatever is no longer as it was approved has lapsed.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from haloop.engines.at_gate import AtGate
from haloop.kernel.canonical import Canonical
from haloop.kernel.connector import Connector
from haloop.kernel.draft import NamedEffect
from haloop.kernel.errors import AllStopped
from haloop.kernel.gate import Gate
from haloop.kernel.money import Money
from haloop.kernel.operation import NotDone, Why

_SECOND = 1_000_000


def lapsed(gate: AtGate, named: NamedEffect) -> NotDone | None:
    """Why the approval no longer stands for this effect, if so."""
    world = gate.host.world
    if world.now() >= gate.valid_until:
        return not_done(Why.LAPSED, "approval.expired", "The approval was good for a while, and that is over.")
    back = world.ledger.went_back
    if back is not None and gate.approved_at <= back.since:
        return not_done(Why.LAPSED, "approval.void", "The ledger went back since; it may be done already.")
    if gate.host.account.is_stopped or _given_at(gate) <= gate.host.account.stopped_at:
        return not_done(Why.LAPSED, AllStopped.code, "An owner stopped every agent after this was approved.")
    if any(one not in gate.disclosed() for one in gate.host.account_now().disclosures([named])):
        sentence = "An earlier try for the same thing ended with an unknown outcome after this was shown."
        return not_done(Why.LAPSED, "effect.uncertain_before", sentence)
    changed = _changes(gate, named)
    if changed:
        return not_done(Why.LAPSED, "effect.changed", f"No longer what was approved: {', '.join(changed)}.")
    return _ruled_out(gate)


def is_same_outside(connector: Connector, named: NamedEffect) -> bool:
    """Whether this still speaks to the outside system that the draft named, as the same customer there."""
    return (connector.name, connector.live, connector.account) == (
        named.connector,
        named.live,
        named.provider_account,
    )


def not_done(why: Why, code: str, sentence: str) -> NotDone:
    return NotDone(why=why, code=code, sentence=sentence)


def claim(gate: Gate, effect: str) -> bytes:
    """What makes an approved effect happen at most once."""
    return sha256(f"haloop/claim/1 {gate.id} {gate.revision} {effect}".encode()).digest()


def holds(named: Mapping[str, NamedEffect]) -> dict[str, Canonical]:
    """What all effects of an approval may cost at most."""
    return {name: one.cost_max.as_canonical() for name, one in named.items() if one.cost_max is not None}


def exceeds(paid: Money | None, cost_max: Any) -> bool:  # noqa: ANN401  # an intent's plain money, or none
    """Whether more was charged than the draft allowed."""
    if paid is None or paid.minor <= 0:
        return False
    return cost_max is None or paid.currency != cost_max["currency"] or paid.minor > cost_max["minor"]


def _given_at(gate: AtGate) -> int:
    """When the last yes came, by the engine's own time; the ledger's follows a turned clock, and never goes back."""
    return gate.valid_until - int(gate.open_gate().valid_for.total_seconds()) * _SECOND


def _changes(gate: AtGate, named: NamedEffect) -> list[str]:
    """In which fields what would run now differs from what was approved."""
    planned = {name: gate.effect(name) for name in gate.named}
    now = gate.host.world.connectors.name_effects(planned)[named.name].as_canonical()
    return [field for field, value in named.as_canonical().items() if now[field] != value]


def _ruled_out(gate: AtGate) -> NotDone | None:
    """Whether policy, asked once more, no longer allows what was approved."""
    denied = gate.why_not_now()
    if denied is None:
        return None
    why = Why.OVER_BUDGET if denied.code.startswith("budget.") else Why.LAPSED
    return not_done(why, denied.code, denied.sentence)
