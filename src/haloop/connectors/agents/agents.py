"""Agents behind their port: each attempt gets a folder and a sandbox, and what it leaves is looked at, never believed.

So many are at work at once, in turns. An agent that asks for something stays where it is, until the answer comes, its
sandbox ends or it has to make room. Whatever happens, an attempt that is over leaves its log, the yeses that it was
given, and nothing else.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from haloop.connectors.agents.at_work import AtWork, Beginnings
from haloop.connectors.agents.prompts import Prompts
from haloop.connectors.agents.room import Room
from haloop.connectors.agents.session import Driver
from haloop.connectors.agents.switch import STOPPED, Stopped, Switch
from haloop.connectors.agents.taking import taken
from haloop.connectors.gateway.gateway import Gateway
from haloop.kernel.connector import Connector
from haloop.kernel.failure import StepFault
from haloop.ports.agents import Agents, Asks, AttemptId, Fell, RunFiles, Task, Worked
from haloop.ports.sandboxes import Sandboxes


class SandboxedAgents:
    """All the agents there are, each by its name."""

    def __init__(
        self,
        drivers: Mapping[str, Driver],
        *,
        missions: Path,
        files: RunFiles,
        sandboxes: Sandboxes,
        prompts: Prompts,
        at_once_max: int,
        gateway: Gateway,
    ) -> None:
        self._beginnings = Beginnings(
            drivers=drivers, missions=missions, files=files, sandboxes=sandboxes, prompts=prompts, gateway=gateway
        )
        self._files = files
        self._gateway = gateway
        self._room = Room(at_once_max)
        self._switch = Switch()
        self._watches: set[asyncio.Task[None]] = set()

    @property
    def prompts(self) -> Prompts:
        return self._beginnings.prompts

    async def work(self, task: Task) -> Worked:
        try:
            async with self._switch.until_stopped(task.account), self._room.turn(task):
                return await self._worked(task)
        except Stopped as stopped:
            return Fell(reason=str(stopped), exit_code=None, sandbox="")

    async def _worked(self, task: Task) -> Worked:
        at_work = self._room.taken_up(task.attempt) or await self._begun(task)
        try:
            came = await at_work.session.go_on(task.permissions)
            if isinstance(came, Asks):
                self._room.wait(at_work)
                return came
            return await taken(self._files, task, at_work, came)
        finally:
            if not self._room.waits(at_work):
                await self._room.leave(at_work)

    async def let_go(self, attempt: AttemptId) -> None:
        await self._room.let_go(attempt)

    async def let_go_of(self, run: str) -> None:
        """A run is over: whoever waits in it for an answer is told none."""
        self._room.forget(run)
        await self._room.let_be(lambda one: one.task.run == run)

    async def stop(self, account: str) -> None:
        """Whatever agents do for an account ends: their calls at once, and who waits for an answer is told it anew."""
        self._gateway.stop(account, STOPPED)
        self._switch.stop(account)
        await self._room.let_be(lambda one: one.task.account == account)

    async def names(self) -> Sequence[str]:
        return sorted(self._beginnings.drivers)

    async def close(self) -> None:
        """End those that wait for an answer, which begin anew and are told it then, and see all to their end."""
        await self._room.close()

    async def _begun(self, task: Task) -> AtWork:
        self._beginnings.driver(task)  # nobody makes room for one that there is not
        async with self._room.entered(task.attempt) as has:
            at_work = await self._beginnings.begin(task, has)
        self._watch(self._end_with_its_sandbox(at_work))
        if at_work.line is not None:
            at_work.line.door.spent.add_done_callback(lambda _: self._watch(at_work.stop_alone()))
        return at_work

    async def _end_with_its_sandbox(self, at_work: AtWork) -> None:
        """Whoever waits for an answer waits no longer than the sandbox may live."""
        with suppress(StepFault):  # nobody can say any more whether it lives: it waits for nothing then
            await at_work.sandbox.over()
        await self._room.let_be(lambda one: one is at_work)

    def _watch(self, watching: Coroutine[None, None, None]) -> None:
        watch = asyncio.create_task(watching)
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)


def sandboxed_agents(agents: SandboxedAgents) -> Connector:
    """Them behind the port: what they do stays on this machine."""
    return Connector(port=Agents, speaks=agents, name="agents", leaves=False)
