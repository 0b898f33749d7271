"""How a Haloop is, as it goes over the wire."""

from pydantic import BaseModel

from haloop.wire.notices import TellingOut


class Health(BaseModel, frozen=True):
    """It answers; nothing of anybody's is said here."""

    status: str


class ModelOut(BaseModel, frozen=True):
    """The model that reads plain words, and what this account has used of it today."""

    name: str
    problem: str | None
    """Why it is left alone just now."""
    tokens_today: int
    tokens_max: int


class Status(BaseModel, frozen=True):
    """What a person wants to know of a running Haloop."""

    version: str
    open_gates: int
    parked: dict[str, str]
    """The runs of the account that cannot go on, each with the reason."""
    recovery: str | None
    """Why recovery mode is on, if it is."""
    agents_stopped: bool
    """An owner stopped every agent, and nothing begins until an owner lets it."""
    room: str
    clock_moved_seconds: int
    telling: TellingOut
    model: ModelOut | None = None
    """None where the built-in reader reads alone."""
