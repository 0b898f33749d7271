"""An agent at work, whatever protocol it speaks: it goes on until it has ended or asks for something."""

from dataclasses import dataclass
from typing import Protocol

from haloop.connectors.agents.program import Program
from haloop.connectors.agents.workplace import Workplace
from haloop.ports.agents import Asks, Permission, Task
from haloop.ports.sandboxes import End, Over, Sandbox


@dataclass(frozen=True, slots=True)
class Ended:
    """It is done, or says so; what it left is looked at unless there is a reason not to."""

    reason: str = ""


class Session(Protocol):
    """One agent in its sandbox."""

    async def go_on(self, permissions: tuple[Permission, ...], /) -> Ended | Asks:
        """Work until it ends, or wants something that none of these allows or refuses."""
        ...

    async def close(self) -> None:
        """Say that there is no more for it to do, before its sandbox is stopped."""
        ...


class Driver(Protocol):
    """How agents of one protocol are spoken to."""

    def program(self, task: Task) -> Program:
        """What to start for it."""
        ...

    async def session(self, sandbox: Sandbox, place: Workplace, task: Task, prompt: str) -> Session:
        """Speak to what was started."""
        ...


def why_cut_short(over: Over, task: Task) -> str:
    """Why nothing it left counts: it was stopped in the middle of its work. Empty where it ended by itself."""
    match over.end:
        case End.OUT_OF_TIME:
            return f"It was stopped after {task.minutes} minutes."
        case End.OUT_OF_MEMORY:
            return "It was stopped: it used more memory than it may."
        case End.OUT_OF_ROOM:
            return "It was stopped: its folder held more than it may."
        case End.STOPPED:
            return "It was stopped."
        case End.EXITED:
            return ""
