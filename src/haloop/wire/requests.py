"""What can be asked for, and what is asked, as it goes over the wire."""

from typing import Any

from pydantic import BaseModel, Field


class Asked(BaseModel, extra="forbid", strict=True):
    """What is asked for: a desk's procedure, with its arguments."""

    desk: str
    procedure: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Begun(BaseModel, frozen=True):
    """The run that does it."""

    run: str


class Offered(BaseModel, frozen=True):
    """Something that can be asked for."""

    name: str
    version: int
    does: str
    """What it does, in its author's words."""
    takes: dict[str, Any]
    """A JSON schema for each argument."""


class DeskOut(BaseModel, frozen=True):
    """A desk, and what can be asked of it."""

    name: str
    procedures: list[Offered]
