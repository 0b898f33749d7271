"""What was done, as it goes over the wire: each execution with what was approved beside what ran."""

from typing import Any

from pydantic import BaseModel

from haloop.wire.requests import ReaderOut
from haloop.wire.runs import RunPage


class Execution(BaseModel, frozen=True):
    """One effect that was begun."""

    run: str
    desk: str
    procedure: str
    words: list[str]
    """What somebody said, as they said it, where they asked in words."""
    taken: list[str]
    """What was taken for granted in them."""
    through: str = ""
    """Where they came from: `mail`; empty where that was a door of our own."""
    reader: ReaderOut = ReaderOut()
    asked: dict[str, Any]
    """What the procedure was asked for, as it was recorded: what the words were understood to mean."""
    asked_by: str
    gate: str
    revision: int
    effect: str
    operation: str
    connector: str
    live: bool
    approved: Any
    """The argument as it stood in the draft; a place that was filled later names the effect it came from."""
    executed: Any
    """The argument that was sent."""
    approved_by: list[str]
    shown_at: str
    """When the approved revision was put before people."""
    approved_at: str
    confirmation_seconds: float
    """From the one to the other."""
    begun_at: str
    ended_at: str | None
    outcome: str
    """`under_way`, `uncertain`, `happened` or `not_done`."""
    reason: str | None
    """Why it was not done, or why nobody knows."""
    charged: dict[str, Any] | None
    exceeded: bool
    attempts: int
    receipt: str | None
    """Where the receipt is, once it happened."""


class ActivityPage(RunPage, frozen=True):
    """Runs, and what they did: the newest run's executions first."""

    executions: list[Execution]
