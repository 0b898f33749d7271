"""What a function takes, as the ledger keeps it: plain values by parameter name.

A procedure's arguments and a step's are recorded, and read again after a restart. Both leave out the first
parameter, which is the run or the connector.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from haloop.kernel import values
from haloop.kernel.canonical import Canonical
from haloop.kernel.values import Annotation


class Parameters:
    """The parameters of a function after its first."""

    def __init__(self, function: Callable[..., Any]) -> None:
        hints = get_type_hints(function)
        self._signature = inspect.signature(function)
        self.result: Annotation = hints.get("return", Any)
        self.types: dict[str, Annotation] = {name: hints.get(name, Any) for name in [*self._signature.parameters][1:]}
        """Each with its annotation."""

    def plain(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> dict[str, Canonical]:
        """The arguments of a call as they are recorded; TypeError where they do not fit."""
        if kwargs or len(args) != len(self.types):
            bound = self._signature.bind(None, *args, **kwargs)
            bound.apply_defaults()
            args = tuple(bound.arguments[name] for name in self.types)
        return {name: values.plain(kind, value) for (name, kind), value in zip(self.types.items(), args, strict=True)}

    def typed(self, recorded: Mapping[str, Canonical]) -> dict[str, Any]:
        """The arguments that `plain` was made from."""
        return {name: values.typed(kind, recorded[name]) for name, kind in self.types.items()}
