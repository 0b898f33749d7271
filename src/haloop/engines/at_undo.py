"""Undoing an effect that happened, in the way its draft named: the same yes covers it once, and does not run out."""

from dataclasses import replace
from typing import Any

from haloop.engines import approval
from haloop.engines.at_effect import AtEffect
from haloop.engines.at_gate import AtGate
from haloop.kernel.canonical import Canonical
from haloop.kernel.draft import NamedEffect
from haloop.kernel.errors import EffectRefused
from haloop.kernel.operation import NotDone, Why
from haloop.kernel.run import EffectCall, UndoCall

_UNDO = "/undo"


class AtUndo(AtEffect):
    """One undo at its position."""

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

    def _find_name(self, call: EffectCall[Any] | UndoCall[Any]) -> str | None:
        """Under which name of the draft this runs: that of an effect that happened, and can be undone."""
        if self.gate is None or not isinstance(call, UndoCall):
            return None
        undone = self.gate.named.get(call.receipt.effect)
        return f"{undone.name}{_UNDO}" if undone and undone.undo and undone.name in self.gate.made else None

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
