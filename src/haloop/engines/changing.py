"""What people may change about a draft, and how a change makes the next revision."""

from typing import Any, get_type_hints

from haloop.kernel import values
from haloop.kernel.canonical import Canonical
from haloop.kernel.draft import Draft
from haloop.kernel.errors import AnswerRefused, BadInput
from haloop.kernel.run import GateCall


class Changing:
    """The changes that one gate takes: by its own `revise`, or else by what the draft's `apply` makes of them."""

    def __init__(self, call: GateCall[Any]) -> None:
        self._revise = call.revise
        self._kind = type(call.draft)

    def require(self, change: Canonical) -> None:
        """A change must be of the type that this draft takes, before anything is recorded of it."""
        if self._revise is None and self._kind.apply is Draft.apply:
            raise AnswerRefused("This draft cannot be changed; say no and why instead.", code="change.unknown")
        try:
            self._typed(change)
        except BadInput as error:
            raise AnswerRefused(f"This draft takes no such change. {error.sentence}", code="change.unknown") from error

    async def revise(self, draft: Draft, change: Canonical) -> Draft:
        """The draft after a change; what it asks of the outside world goes through the run."""
        if self._revise is None:
            return draft.apply(self._typed(change))
        revised: Draft = await self._revise(draft, self._typed(change))
        return revised

    def _typed(self, change: Canonical) -> Any:  # noqa: ANN401  # whatever type the desk declared
        hints = get_type_hints(self._revise or self._kind.apply)
        hints.pop("return", None)
        hints.pop("self", None)
        return values.typed(list(hints.values())[-1], change)
