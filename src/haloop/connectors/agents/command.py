"""Any program as an agent: it is told what to do on its standard input and leaves its file on disk.

All it writes goes to the log. Its exit code is kept for whoever wonders, and decides nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from shlex import quote

from haloop.connectors.agents.program import Program
from haloop.connectors.agents.session import Ended, why_cut_short
from haloop.connectors.agents.workplace import Workplace, seen_at
from haloop.ports.agents import Permission, Task
from haloop.ports.sandboxes import Sandbox


class CommandAgent:
    """The driver for programs that speak no protocol."""

    def __init__(self, program: Callable[[Task], Program]) -> None:
        self.program = program

    async def session(self, sandbox: Sandbox, place: Workplace, task: Task, prompt: str) -> "CommandSession":
        return CommandSession(sandbox, place, task, prompt)


class CommandSession:
    """One such program; it asks for nothing."""

    def __init__(self, sandbox: Sandbox, place: Workplace, task: Task, prompt: str) -> None:
        self._sandbox = sandbox
        self._log = place.log
        self._task = task
        self._prompt = prompt.encode()

    async def go_on(self, _permissions: tuple[Permission, ...], /) -> Ended:
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell())
            group.create_task(self._log.take(self._sandbox.talks))
            over = await self._sandbox.over()
            telling.cancel()
        return Ended(why_cut_short(over, self._task))

    async def close(self) -> None:
        """It hears nothing after its prompt."""

    async def _tell(self) -> None:
        """Not every program listens, nor until the end."""
        with suppress(ConnectionError):
            self._sandbox.hears.write(self._prompt)
            await self._sandbox.hears.drain()
            self._sandbox.hears.close()


def mock_program(task: Task) -> Program:
    """The plans' stand-in for an agent: it copies what it is given below a heading, and needs nothing but a shell."""
    heading = quote(f"# Output from {task.name}")
    given, output = seen_at(task.given.name), seen_at(task.output)
    return Program(command=("sh", "-c", f"echo {heading} > {output} && cat {given} >> {output}"))
