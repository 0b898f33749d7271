"""What an account usually means, for each desk, as it goes over the wire."""

from typing import Any

from pydantic import BaseModel, Field


class DefaultsOut(BaseModel, frozen=True):
    """What a desk takes where whoever asks does not say."""

    desk: str
    values: dict[str, Any]
    takes: dict[str, Any]
    """What can be set, as a JSON schema."""


class DefaultsWanted(BaseModel, extra="forbid", strict=True):
    """All of a desk's defaults; what is left out is taken away."""

    desk: str = Field(max_length=50)
    values: dict[str, Any]
