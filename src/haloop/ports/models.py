"""Models: something that writes an answer of a given form, for a household that pays for it.

What a model writes is its own: it is marked as such wherever it is shown, and counts for nothing before whoever
asked has read it strictly. No operation here acts on anything.
"""

from dataclasses import dataclass
from typing import Protocol

from haloop.kernel.card import ModelText
from haloop.kernel.failure import Permanent
from haloop.kernel.prompt import Prompt


class Spent(Permanent):
    """The household's tokens of this day are used up."""


class HasSecret(Permanent):
    """What was to be sent holds something that looks like a secret, and is not sent."""


class Models(Protocol):
    """A model, whoever runs it."""

    async def write(self, household: str, prompt: Prompt) -> ModelText:
        """Its answer, as it wrote it; a StepFault where there is none, which says whether asking again makes sense."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one household has used of its tokens on one day."""

    tokens: int
    tokens_max: int


class Allowance(Protocol):
    """Counts a household's tokens: what a call may use is reserved before it, and settled after it."""

    def reserve(self, household: str, tokens: int, *, now: int) -> int:
        """Reserve so many, and name the reservation; Spent where the day has not so many left."""
        ...

    def settle(self, reservation: int, tokens: int) -> None:
        """It was so many in the end."""
        ...

    def used(self, household: str, *, now: int) -> Used:
        """What is used and reserved today."""
        ...
