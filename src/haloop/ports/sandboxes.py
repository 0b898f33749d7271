"""Sandboxes: where a program works that nobody trusts, with one folder to write in and no network.

A sandbox has a name that its step gave it, so that starting the same one twice is noticed, and labels that say whose
it is, so that what a crash leaves behind is found and removed. What it may use is bounded. How a program ended says
nothing about whether its work is done: whoever started it looks at what it left in its folder.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from haloop.kernel.errors import HaloopError
from haloop.kernel.failure import Permanent, Transient

FOLDER = "/mission"
"""Where the program finds its folder."""
LABELS = ("haloop.mission_id", "haloop.run_id", "haloop.step_id")
INSTANCE_LABEL = "haloop.instance"
"""Which home a sandbox belongs to: two on one machine leave each other's alone."""

LINE_BYTES = 8 << 20
"""The longest line that is read from a program whole; twice as much of what it says is held at most, then it waits."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


class Network(StrEnum):
    """What a sandbox reaches."""

    NONE = "none"
    BRIDGE = "bridge"
    """The internet; a template must ask for it, and a gate shows it."""


class End(StrEnum):
    """Why a program is over."""

    EXITED = "exited"
    STOPPED = "stopped"
    """We told it to."""
    OUT_OF_TIME = "out_of_time"
    OUT_OF_MEMORY = "out_of_memory"
    """Killed, and most likely for that."""
    OUT_OF_ROOM = "out_of_room"
    """Its folder held more than it may, or could not be looked through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one sandbox may use."""

    memory_bytes: int = 2 << 30
    processes: int = 256
    processors: float = 1.0
    file_bytes: int = 1 << 30
    """The largest file it may write."""
    folder_bytes: int = 4 << 30
    """All that its folder may hold; beyond it the program is stopped."""
    time: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A program, and what it is given."""

    name: str
    labels: Mapping[str, str]
    """Of its mission, run and step."""
    command: tuple[str, ...]
    folder: Path
    """The one place it may write to, which it finds as FOLDER."""
    readable: Mapping[str, Path] = field(default_factory=dict)
    """More that it sees and cannot change, by where it finds it: a tool, a project, a socket to talk to."""
    environment: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    """What it stands on, where the provider has images; empty for the provider's own choice."""
    network: Network = Network.NONE
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or not self.command:
            raise ValueError("Work has a plain name and a command.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """How a program ended."""

    end: End
    exit_code: int | None
    """None where it was never told."""


class Sandbox(Protocol):
    """A program at work."""

    id: str
    """The provider's own name for it, or ours where it has none."""
    talks: asyncio.StreamReader
    """What it writes to its standard output."""
    complains: asyncio.StreamReader
    """What it writes to its standard error."""
    hears: asyncio.StreamWriter
    """Its standard input; close it to say that there is no more."""

    async def over(self) -> Over:
        """Wait until it has ended; the same answer each time."""
        ...

    async def stop(self, *, patience: timedelta = timedelta(seconds=2)) -> Over:
        """Ask it to end, make it end when the patience is over, and leave nothing of it running."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A sandbox that is there, whoever started it."""

    id: str
    name: str
    labels: Mapping[str, str]
    is_running: bool


class NotStarted(Transient):
    """The provider could not start it just now; nothing of it runs."""


class CannotStart(Permanent):
    """It will not start, however often: no such image, no such program."""


class NoSandbox(HaloopError):
    """No provider works on this machine."""

    code = "sandbox.none"
    next_step = "Install bubblewrap, or start Docker; `haloop doctor` says what is missing."


class Sandboxes(Protocol):
    """A provider of them, for one instance."""

    name: str
    networks: frozenset[Network]
    """What it can let a program reach."""

    async def start(self, work: Work) -> Sandbox:
        """Start it, unless one of its name is there: then that one is removed first, with all it runs."""
        ...

    async def left(self) -> Sequence[Left]:
        """All of this instance that are there."""
        ...

    async def remove(self, name: str) -> None:
        """Leave nothing of it; nothing happens where it is not there."""
        ...

    async def check(self) -> None:
        """Start the smallest one there is; a StepFault says why that does not work."""
        ...
