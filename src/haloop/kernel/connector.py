"""Connectors: which outside system stands behind a port, as whom, and whether it is the real one.

An engine is handed a list of these. Steps and effects name an operation of a port; the table finds who speaks
for it. What a draft says of an effect (who would do it, in which mode, for which account there, paid to whom)
is read here, from the operation and its argument, both when the draft is shown and when its effect is due.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from inspect import getattr_static
from typing import Any

from haloop.kernel.canonical import Canonical
from haloop.kernel.draft import Effect, NamedEffect, plain_argument
from haloop.kernel.errors import BadProcedure, NotFound
from haloop.kernel.operation import EffectOp, StepOp


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """An outside system behind a port."""

    port: type
    speaks: object
    """What implements the port."""
    name: str
    version: str = "1"
    live: bool = False
    """False in the practice world, where nothing costs anything."""
    leaves: bool = True
    """Whether its effects leave this machine."""
    account: str = ""
    """Who we are over there."""
    check: Callable[[], Awaitable[None]] | None = None
    """Asks it whether it answers, and raises where it does not; none where it is a part of this process."""


class Connectors:
    """The connectors by their ports, and every effect operation by its name."""

    def __init__(self, connectors: Sequence[Connector]) -> None:
        self.all = tuple(connectors)
        self._by_port = {connector.port.__name__: connector for connector in connectors}
        if len(self._by_port) != len(connectors):
            raise BadProcedure("Two connectors stand behind one port.", code="connector.twice")
        self.operations: Mapping[str, EffectOp[Any, Any]] = {
            operation.name: operation
            for connector in connectors
            for operation in vars(connector.port).values()
            if isinstance(operation, EffectOp)
        }
        self._effects: dict[str, tuple[Connector, EffectOp[Any, Any], Callable[..., Any]]] = {}

    def step(self, operation: StepOp) -> Callable[..., Any]:
        """The connector's method for a step."""
        connector, name = self._behind(operation.name)
        if vars(connector.port).get(name) is not operation.function:
            raise BadProcedure(f"{operation.name} is not the operation of the port that is bound.", code="step.foreign")
        method: Callable[..., Any] = getattr(connector.speaks, name)
        return method

    def effect(self, operation: str) -> tuple[Connector, EffectOp[Any, Any], Callable[..., Any]]:
        """Who carries an effect out: the connector, its own declaration, and its method."""
        found = self._effects.get(operation)
        if found is None:
            found = self._effects[operation] = self._find_effect(operation)
        return found

    def name_effects(self, effects: Mapping[str, Effect[Any]]) -> dict[str, NamedEffect]:
        """What a draft's effects would be, as things are now."""
        return {name: self._name(name, planned, effects) for name, planned in effects.items()}

    def _name(self, name: str, planned: Effect[Any], effects: Mapping[str, Effect[Any]]) -> NamedEffect:
        operation = planned.operation
        connector, _, _ = self.effect(operation.name)
        argument: Canonical = plain_argument(planned, effects)
        return NamedEffect(
            name=name,
            operation=operation.name,
            connector=connector.name,
            version=connector.version,
            live=connector.live,
            leaves=connector.leaves,
            provider_account=connector.account,
            argument=argument,
            cost_max=planned.cost_max,
            payee=operation.payee(planned.argument),
            purpose=operation.purpose(planned.argument),
            preconditions=deepcopy(dict(planned.preconditions)),  # what is approved must not change with its author's
            undo=None if planned.undo is None else planned.undo.name,
        )

    def _find_effect(self, operation: str) -> tuple[Connector, EffectOp[Any, Any], Callable[..., Any]]:
        connector, name = self._behind(operation)
        declared = getattr_static(type(connector.speaks), name, None)
        if not isinstance(declared, EffectOp):
            raise BadProcedure(
                f"{connector.name} does not implement {operation} as an effect.", code="connector.effect"
            )
        return connector, declared, getattr(connector.speaks, name)

    def _behind(self, operation: str) -> tuple[Connector, str]:
        port, _, name = operation.partition(".")
        if port not in self._by_port:
            raise NotFound(
                f"No connector stands behind {port}.", code="connector.missing", next_step="Connect one, then go on."
            )
        return self._by_port[port], name
