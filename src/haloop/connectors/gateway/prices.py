"""What a model's tokens cost, from a file that whoever runs Haloop may replace.

A model that nobody gave a price costs as much as the dearest of its provider: what is not known is not nothing.
"""

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from haloop.connectors.gateway.dialects import Tokens
from haloop.connectors.gateway.providers import Provider
from haloop.kernel.errors import BadInput
from haloop.ports.models import MICROS, Cost

_DATE = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|latest|preview)$")
_A_MILLION = 1_000_000


def _in_micros(value: object) -> object:
    """A price as people write it, in dollars."""
    return round(value * MICROS) if isinstance(value, int | float) and not isinstance(value, bool) else value


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

    def use(self, tokens: Tokens) -> Cost:
        """What a call came to, rounded up."""
        plain = max(0, tokens.read - tokens.cached - tokens.kept)
        cost = (
            plain * self.read
            + tokens.cached * (self.read if self.cached is None else self.cached)
            + tokens.kept * (self.read if self.kept is None else self.kept)
            + tokens.written * self.written
        )
        return Cost(
            tokens_in=tokens.read, tokens_out=tokens.written, cached=tokens.cached, micros=-(-cost // _A_MILLION)
        )

    def at_most(self, tokens_in: int, tokens_out: int) -> Cost:
        """What a call may come to: all that it reads may be of the dearest kind."""
        dearest = max(self.read, self.kept or 0)
        cost = tokens_in * dearest + tokens_out * self.written
        return Cost(tokens_in=tokens_in, tokens_out=tokens_out, micros=-(-cost // _A_MILLION))


class _PricesFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    anthropic: dict[str, Price] = {}
    openai: dict[str, Price] = {}
    gemini: dict[str, Price] = {}


class Prices:
    """Of every provider's models. `read` makes them."""

    def __init__(self, by_provider: Mapping[Provider, Mapping[str, Price]]) -> None:
        self._by_provider = by_provider

    @classmethod
    def read(cls, file: Path | None = None) -> "Prices":
        """Those that ship, or those in a file; BadInput where that cannot be used."""
        shipped = files("haloop.connectors.gateway") / "prices.toml"
        try:
            said = _PricesFile.model_validate(tomllib.loads((file or shipped).read_text("utf-8")))
        except (OSError, ValueError) as error:
            why = _first(error) if isinstance(error, ValidationError) else str(error)
            raise BadInput(
                f"The prices in {file} cannot be used: {why}.",
                code="gateway.prices",
                next_step="Correct them; docs/agents.md says what the file holds.",
            ) from error
        return cls({provider: getattr(said, provider) for provider in Provider})

    def of(self, provider: Provider, model: str) -> Price:
        """A model's own, by its name with or without its date; else the dearest there is."""
        known = self._by_provider[provider]
        name = model.rpartition("/")[2]
        return known.get(name) or known.get(_DATE.sub("", name)) or _dearest(known)


def _dearest(known: Mapping[str, Price]) -> Price:
    """More than any: its parts may be from different models."""
    return Price.model_construct(
        read=max((one.read for one in known.values()), default=_UNKNOWN),
        written=max((one.written for one in known.values()), default=_UNKNOWN),
        kept=max((one.kept or 0 for one in known.values()), default=_UNKNOWN),
    )


_UNKNOWN = 100 * MICROS
"""Where a file has no price of a provider at all."""


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
