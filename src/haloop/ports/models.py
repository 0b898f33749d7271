"""Models: something that writes an answer of a given form, for a household that pays for it.

What a model writes is its own: it is marked as such wherever it is shown, and counts for nothing before whoever
asked has read it strictly. No operation here acts on anything.

Agents ask models too, as their own programs do it: what that comes to is counted here in tokens and in money, in
whole millionths of a dollar, because a single call costs less than a cent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Protocol, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from haloop.kernel.card import ModelText
from haloop.kernel.failure import Permanent
from haloop.kernel.prompt import Prompt

MICROS = 1_000_000
"""So many of them are a dollar."""


class Spent(Permanent):
    """What was set aside for this is used up."""


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


class Cost(BaseModel):
    """What calls of a model came to."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tokens_in: Annotated[int, Field(ge=0)] = 0
    """All that was read, also what the provider had kept."""
    tokens_out: Annotated[int, Field(ge=0)] = 0
    cached: Annotated[int, Field(ge=0)] = 0
    """Of those that were read, what the provider had kept from before."""
    micros: Annotated[int, Field(ge=0)] = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            cached=self.cached + other.cached,
            micros=self.micros + other.micros,
        )

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(
            tokens_in=self.tokens_in - other.tokens_in,
            tokens_out=self.tokens_out - other.tokens_out,
            cached=self.cached - other.cached,
            micros=self.micros - other.micros,
        )

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    @property
    def usd(self) -> str:
        """In dollars, as people read it: to the hundredth of a cent."""
        return f"{Decimal(self.micros) / MICROS:.4f}"


def _as_text(value: object) -> object:
    """A number of a template, as it was written there."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class Budget(BaseModel):
    """The most that calls may come to, in tokens, in dollars or in both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    usd: Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$")] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.tokens is None and self.usd is None:
            raise ValueError("a budget says tokens, usd or both")
        return self

    @property
    def words(self) -> str:
        """As people read it, in any language."""
        said = [] if self.tokens is None else [f"{self.tokens:,} tokens"]
        if self.usd is not None:
            dollars, _, cents = self.usd.partition(".")
            said.append(f"${int(dollars):,}.{cents:0<2}")
        return " · ".join(said)

    @property
    def micros(self) -> int | None:
        return None if self.usd is None else int(Decimal(self.usd) * MICROS)

    def covers(self, cost: Cost) -> bool:
        """Whether it is enough for that."""
        has_tokens = self.tokens is None or cost.tokens <= self.tokens
        return has_tokens and (self.micros is None or cost.micros <= self.micros)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spender:
    """Whose call it is, and what was set aside for it."""

    household: str
    mission: str
    attempt: str
    for_attempt: Budget | None = None
    """What one attempt at the step may come to."""
    for_mission: Budget | None = None
    """What all attempts of the mission may come to together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expense:
    """One call that is to be made: whose it is, and what it may come to."""

    spender: Spender
    at_most: Cost


class Spending(Protocol):
    """Counts what agents use of models: the most a call may come to is reserved before it, and settled after it."""

    def reserve(self, expense: Expense, *, now: int, ahead: Sequence[Expense] = ()) -> int | None:
        """Reserve that, and name the reservation; Spent where what was used leaves too little.

        Nothing is reserved, and none named, where it would be enough but for calls that are under way or ahead.
        """
        ...

    def settle(self, reservation: int, use: Cost) -> None:
        """It was that in the end."""
        ...

    def used_by(self, attempt: str) -> Cost:
        """What an attempt has used and reserved so far, whatever was restarted meanwhile."""
        ...

    def used_in(self, mission: str) -> Mapping[str, Cost]:
        """The same of each attempt of a mission that asked a model."""
        ...
