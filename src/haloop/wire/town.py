"""The town's servers and their troubles, as they go over the wire."""

from pydantic import BaseModel, Field


class TroubleOut(BaseModel, frozen=True):
    name: str
    on: bool


class ServerOut(BaseModel, frozen=True):
    """One of the town's servers."""

    name: str
    address: str
    """On this machine alone."""
    troubles: list[TroubleOut]


class TroubleWanted(BaseModel, extra="forbid", strict=True):
    """A trouble to put on a server or to take away."""

    server: str = Field(max_length=50)
    trouble: str = Field(max_length=50)
    on: bool
