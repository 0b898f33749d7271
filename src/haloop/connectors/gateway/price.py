"""What a call of one model costs, by how many tokens it read and wrote."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from haloop.connectors.gateway.asked import Asked
from haloop.connectors.gateway.dialects import Tokens
from haloop.ports.models import MICROS, Cost

_A_MILLION = 1_000_000
_FOR_AN_HOUR, _BEFORE_OTHERS = 2, 2
"""So many times as dear it is where nobody says: what is kept for an hour, and what is put before others."""


def _in_micros(value: object) -> object:
    """A price as people write it, in dollars."""
    return round(value * MICROS) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else value


_Price = Annotated[int, BeforeValidator(_in_micros), Field(ge=0)]


class Price(BaseModel):
    """Of a million tokens, in dollars as it is written and in millionths of one as it is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: _Price
    written: _Price
    cached: _Price | None = None
    """Of those that the provider had kept; where nobody says, as any other."""
    kept: _Price | None = None
    """Of those that it keeps from now on."""
    kept_for_an_hour: _Price | None = None

    @property
    def keeping(self) -> int:
        return self.read if self.kept is None else self.kept

    @property
    def keeping_for_an_hour(self) -> int:
        return self.read * _FOR_AN_HOUR if self.kept_for_an_hour is None else self.kept_for_an_hour

    def of(self, tokens: Tokens) -> int:
        """In millionths of a dollar, rounded up."""
        cost = (
            max(0, tokens.read - tokens.cached - tokens.kept) * self.read
            + tokens.cached * (self.read if self.cached is None else self.cached)
            + (tokens.kept - tokens.kept_for_an_hour) * self.keeping
            + tokens.kept_for_an_hour * self.keeping_for_an_hour
            + tokens.written * self.written
        )
        return -(-cost * (_BEFORE_OTHERS if tokens.is_priority else 1) // _A_MILLION)


@dataclass(frozen=True, slots=True)
class Tariff:
    """The prices of one model: of a call that reads more, all may be dearer."""

    steps: Sequence[tuple[int, Price]]
    """Each from so many tokens that are read, the first from none."""

    def use(self, tokens: Tokens) -> Cost:
        """What a call came to."""
        return Cost(
            tokens_in=tokens.read,
            tokens_out=tokens.written,
            cached=tokens.cached,
            micros=self._at(tokens.read).of(tokens),
        )

    def at_most(self, asked: Asked) -> Cost:
        """What a call may come to: all that it reads may be of the dearest kind."""
        price = self._at(asked.tokens_in)
        dearest = max(price.read, price.keeping, price.keeping_for_an_hour if asked.keeps_for_an_hour else 0)
        cost = asked.tokens_in * dearest + asked.tokens_out * price.written
        return Cost(tokens_in=asked.tokens_in, tokens_out=asked.tokens_out, micros=-(-cost // _A_MILLION))

    def _at(self, read: int) -> Price:
        return next((price for start, price in reversed(self.steps) if read > start), self.steps[0][1])


FREE = Tariff(((0, Price(read=0, written=0)),))
"""What the practice model costs."""
