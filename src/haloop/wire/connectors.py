"""What stands behind each port, as it goes over the wire."""

from enum import StrEnum

from pydantic import BaseModel


class Health(StrEnum):
    """Whether an outside system answers."""

    ANSWERS = "answers"
    SILENT = "silent"
    WITHIN = "within"
    """It is a part of this process, so there is nobody to ask."""


class ConnectorOut(BaseModel, frozen=True):
    """One connector, and how it is just now."""

    name: str
    version: str
    port: str
    operations: list[str]
    """The effects that it carries out."""
    live: bool
    """Whether what it does is real; false in the practice world."""
    leaves: bool
    """Whether its effects leave this machine."""
    account: str
    """Who we are over there; empty where nobody asks."""
    health: Health
    problem: str | None
    """What it said, or did not, where it is silent."""
