"""Runs as they go over the wire."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from haloop.wire.passkeys import PasskeyConfirmed
from haloop.wire.requests import ReaderOut
from haloop.wire.told import Told


class RunState(StrEnum):
    """Where a run stands, in one word."""

    RUNNING = "running"
    WAITS_FOR_YOU = "waits_for_you"
    UNCERTAIN = "uncertain"
    """Nobody knows how an effect ended; a person finds out."""
    PARKED = "parked"
    ENDED = "ended"


class RunSummary(BaseModel, frozen=True):
    """A run in a list."""

    id: str
    desk: str
    procedure: str
    version: int
    arguments: dict[str, Any]
    words: list[str] = []
    """What somebody said, where they asked in words."""
    taken: list[str] = []
    """What was taken for granted in them."""
    through: str = ""
    """Where they came from: `mail`; empty where that was a door of our own."""
    reader: ReaderOut = ReaderOut()
    asked_by: str
    begun_at: str
    state: RunState
    newest: str
    """The kind of the newest fact."""
    newest_at: str
    is_erased: bool = False


class RunPage(BaseModel, frozen=True):
    """The newest first."""

    runs: list[RunSummary]
    before: int | None
    """Ask for what comes after this page with it; none at the end. A page may be short, or empty, before the end."""
    is_complete: bool = True
    """Of a search: whether every run was looked at. Not while a start still reads them, nor beyond its limit."""


class RunDetail(RunSummary, frozen=True):
    """A run with all that happened in it."""

    trail: list[Told]
    code: str | None = None
    """How it ended, or why it is parked."""
    reason: str | None = None
    result: Any = None
    gates: list[str] = []


class ErasureWanted(BaseModel, extra="forbid", strict=True):
    why: str = Field(min_length=1, max_length=500)
    """It stays in the ledger."""
    confirmed: PasskeyConfirmed | None = None
    """The answer of a passkey, where the home has one."""


class Cancellation(BaseModel, extra="forbid", strict=True):
    reason: str = Field(default="", max_length=500)
