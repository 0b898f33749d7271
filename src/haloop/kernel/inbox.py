"""What comes to an account from outside: a parcel is on its way, a build has ended, a mail was answered.

An arrival is recorded once, however often it is delivered, and waits until a run takes it. A run that begins
to wait later than it arrived still gets it.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Arrival(BaseModel):
    """Something that arrived. Subclass it with the fields that matter."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """Nothing arrived in time."""

    after: int
    """When the waiting ended; microseconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One arrival as its source handed it over."""

    source: str
    """Who delivered it, as the edge has authenticated them."""
    delivery: str
    """The source's own id for this delivery: the same twice is the same arrival."""
    key: str
    """What it is about, for the run that waits for it."""
    arrival: Arrival
