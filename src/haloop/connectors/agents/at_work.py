"""One attempt at work: its place, its line to a model, its sandbox and its agent, and how they come and go."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from haloop.connectors.agents.program import Program, sandbox_name, work_of
from haloop.connectors.agents.prompts import Prompts
from haloop.connectors.agents.session import Driver, Session
from haloop.connectors.agents.workplace import Workplace
from haloop.connectors.gateway.gateway import Gateway, Line
from haloop.kernel.failure import Permanent, StepFault
from haloop.ports.agents import AttemptId, RunFiles, Task
from haloop.ports.sandboxes import Over, Sandbox, Sandboxes

_log = logging.getLogger(__name__)
_PIECE = 64 * 1024
_SECONDS_TO_END = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """One attempt that is not over."""

    task: Task
    """As it was told when it began."""
    place: Workplace
    line: Line | None
    """Its way to a model, where it asks one."""
    sandbox: Sandbox
    session: Session
    complaints: asyncio.Task[None]
    """Takes what it writes to its standard error into the log."""
    has: AsyncExitStack
    """All that goes once it is over."""

    @property
    def attempt(self) -> AttemptId:
        return self.task.attempt

    async def stopped(self) -> Over:
        """Stop it, and read on meanwhile: a program whose words nobody takes does not end."""
        await self.session.close()
        rest = asyncio.create_task(_passed_over(self.sandbox.talks))
        over = await self.sandbox.stop()
        await asyncio.wait({rest, self.complaints}, timeout=_SECONDS_TO_END)
        rest.cancel()
        self.complaints.cancel()
        return over

    async def stop_alone(self) -> None:
        """Its model refuses it: it would only ask again and again."""
        await self.sandbox.stop()

    async def end(self) -> None:
        try:
            await self.stopped()
        finally:
            await self.has.aclose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginnings:
    """What every attempt is begun with."""

    drivers: Mapping[str, Driver]
    missions: Path
    files: RunFiles
    sandboxes: Sandboxes
    prompts: Prompts
    gateway: Gateway

    def driver(self, task: Task) -> Driver:
        """How its agent is spoken to; Permanent where there is no such agent."""
        driver = self.drivers.get(task.agent)
        if driver is None:
            raise Permanent(f"There is no agent {task.agent}; there are {', '.join(sorted(self.drivers))}.")
        return driver

    async def begin(self, task: Task, has: AsyncExitStack) -> AtWork:
        """Begin one. Whatever it comes to have goes with `has`, also where it does not get as far as to its agent."""
        driver = self.driver(task)
        place = Workplace(self.missions, task)
        has.push_async_callback(place.clear)
        await place.lay_out(self.files)
        program = driver.program(task)
        line = await self._line(program, task, has)
        has.push_async_callback(self._remove, sandbox_name(task))
        sandbox = await self.sandboxes.start(work_of(program.on(line) if line else program, task, place))
        session = await driver.session(sandbox, place, task, self.prompts.text(task))
        complaints = asyncio.create_task(place.log.take(sandbox.complains))
        return AtWork(
            task=task, place=place, line=line, sandbox=sandbox, session=session, complaints=complaints, has=has
        )

    async def _line(self, program: Program, task: Task, has: AsyncExitStack) -> Line | None:
        if program.model is None:
            return None
        line = await self.gateway.open(program.model, task, answer_tokens_max=program.answer_tokens_max)
        has.push_async_callback(line.close)
        return line

    async def _remove(self, name: str) -> None:
        try:
            await self.sandboxes.remove(name)
        except StepFault as fault:  # what it made counts all the same, and the next start finds what is left
            _log.warning("a sandbox could not be removed", extra={"code": type(fault).__name__})


async def _passed_over(stream: asyncio.StreamReader) -> None:
    while await stream.read(_PIECE):
        pass
