"""What models cost: by a file that whoever runs Haloop may name, else by a published list that comes with a library.

A model of which neither says anything has no price, and is not asked: what is not known is not nothing. The list
fetches nothing, and is as old as the library that is installed.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from haloop.connectors.gateway.price import Price, Tariff
from haloop.connectors.gateway.providers import Provider
from haloop.kernel.clock import Clock, SystemClock, as_datetime
from haloop.kernel.errors import BadInput

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

_DATE = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|latest|preview)$")
_AS_DEAR_AS: Mapping[str, str] = {
    "gemini-3.1-pro-preview-customtools": "gemini-3.1-pro-preview",  # what Gemini CLI asks where it has a key
    "gemini-2.5-pro-preview-06-05": "gemini-2.5-pro",
    "gemini-2.5-flash-lite-preview-09-2025": "gemini-2.5-flash-lite",
}
"""Models that the list does not name, of which the provider says that they cost the same."""
_ANY = "*"
_PUBLISHED: Mapping[Provider, str] = {
    Provider.ANTHROPIC: "anthropic",
    Provider.OPENAI: "openai",
    Provider.GEMINI: "google",
}
_KINDS: Mapping[str, str] = {
    "read": "input_mtok",
    "written": "output_mtok",
    "cached": "cache_read_mtok",
    "kept": "cache_write_mtok",
    "kept_for_an_hour": "cache_write_1h_mtok",
}
"""Our names of what costs something, and the list's."""
_NO_WORDS = ("output_image_mtok", "output_audio_mtok", "output_video_mtok", "requests_kcount")
"""Whoever has a price for this does not only write words, and is not counted right by those."""


class _PricesFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    anthropic: dict[str, Price] = {}
    openai: dict[str, Price] = {}
    gemini: dict[str, Price] = {}


class Prices:
    """Of every provider's models. `read` makes them."""

    def __init__(self, by_provider: Mapping[Provider, Mapping[str, Price]], clock: Clock) -> None:
        self._by_provider = by_provider
        self._clock = clock

    @classmethod
    def read(cls, file: Path | None = None, clock: Clock | None = None) -> "Prices":
        """Those in a file, before those that are published; BadInput where it cannot be used."""
        try:
            said = _PricesFile.model_validate(tomllib.loads(file.read_text("utf-8")) if file else {})
        except (OSError, ValueError) as error:
            why = _first(error) if isinstance(error, ValidationError) else str(error)
            raise BadInput(
                f"The prices in {file} cannot be used: {why}.",
                code="gateway.prices",
                next_step="Correct them; docs/agents.md says what the file holds.",
            ) from error
        return cls({provider: getattr(said, provider) for provider in Provider}, clock or SystemClock())

    def of(self, provider: Provider, model: str) -> Tariff | None:
        """A model's own of today, by its name with or without its date; none where nobody gave it a price."""
        ours = self._by_provider[provider]
        name = model.rpartition("/")[2]
        alike = _AS_DEAR_AS.get(model, model)
        own = ours.get(model) or ours.get(name) or ours.get(_DATE.sub("", name)) or ours.get(alike) or ours.get(_ANY)
        if own is not None:
            return Tariff(((0, own),))
        found = _published(provider, alike)
        return None if found is None else _tariff(found.get_prices(as_datetime(self._clock.read().wall)))


def _published(provider: Provider, name: str) -> "ModelInfo | None":
    """The model that bears this very name in the list, which itself takes a new one for an older that begins alike."""
    from genai_prices.data import providers  # noqa: PLC0415  # a fifth of a second, spent only where there is a model

    of = next(one for one in providers if one.id == _PUBLISHED[provider])
    found = of.find_model(name)
    if found is None:
        return None
    names = {found.id, _DATE.sub("", found.id), *_equals(found.match)}
    return found if {name, _DATE.sub("", name)} & names else None


def _equals(clause: object) -> Iterator[str]:
    """The names that the list says in full."""
    if isinstance(said := getattr(clause, "equals", None), str):
        yield said
    for one in getattr(clause, "or_", ()):
        yield from _equals(one)


def _tariff(found: "ModelPrice") -> Tariff | None:
    said = {ours: getattr(found, theirs) for ours, theirs in _KINDS.items()}
    if said["read"] is None or said["written"] is None or any(getattr(found, one) is not None for one in _NO_WORDS):
        return None
    tiers = [tier.start for one in said.values() for tier in getattr(one, "tiers", ())]
    return Tariff(tuple((start, _price(said, start)) for start in sorted({0, *tiers})))


def _price(said: Mapping[str, object], start: int) -> Price:
    return Price.model_validate({kind: _from(one, start) for kind, one in said.items()})


def _from(price: object, start: int) -> object:
    """What it is from so many tokens on."""
    for tier in reversed(getattr(price, "tiers", ())):
        if start >= tier.start:
            return tier.price
    return getattr(price, "base", price)


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
