"""Stopping every agent at once, as it goes over the wire."""

from pydantic import BaseModel, Field


class Stop(BaseModel, extra="forbid", strict=True):
    reason: str = Field(default="", max_length=500)
    """For the ledger; whoever is in a hurry leaves it out."""
