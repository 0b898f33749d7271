"""What people may change about a draft, and how a change makes the next revision."""

from functools import cached_property
from typing import Any, get_type_hints

from pydantic import TypeAdapter

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

    @property
    def takes_any(self) -> bool:
        """Whether this draft can be changed at all."""
        return self._revise is not None or self._kind.apply is not Draft.apply

    @cached_property
    def schema(self) -> dict[str, Any] | None:
        """The JSON schema of a change, for whoever asks a person for one; nothing where none is taken."""
        return TypeAdapter(self._type()).json_schema() if self.takes_any else None

    def require(self, change: Canonical) -> None:
        """A change must be of the type that this draft takes, before anything is recorded of it."""
        if not self.takes_any:
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
        return values.typed(self._type(), change)

    def _type(self) -> Any:  # noqa: ANN401  # the same
        hints = get_type_hints(self._revise or self._kind.apply)
        hints.pop("return", None)
        hints.pop("self", None)
        return list(hints.values())[-1]
