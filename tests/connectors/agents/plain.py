"""A provider of sandboxes that are none: plain processes, for what must hold of agents whatever they work in."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from haloop.ports.sandboxes import FOLDER, LINE_BYTES, End, Left, Network, Over, Work


@dataclass(kw_only=True)
class PlainSandbox:
    """One process, and all that it started."""

    id: str
    process: asyncio.subprocess.Process
    talks: asyncio.StreamReader
    complains: asyncio.StreamReader
    hears: asyncio.StreamWriter
    time: timedelta
    end: End = End.EXITED

    async def over(self) -> Over:
        try:
            await asyncio.wait_for(self.process.wait(), self.time.total_seconds())
        except TimeoutError:
            await self._killed(End.OUT_OF_TIME)
        return Over(end=self.end, exit_code=self.process.returncode)

    async def stop(self, *, patience: timedelta = timedelta(seconds=2)) -> Over:
        if self.process.returncode is None:
            await self._killed(End.STOPPED)
        return await self.over()

    async def _killed(self, end: End) -> None:
        self.end = end
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()


@dataclass
class PlainSandboxes:
    """All of them, by name."""

    name: str = "plain"
    networks: frozenset[Network] = frozenset({Network.NONE})
    there: dict[str, PlainSandbox] = field(default_factory=dict)
    works: list[Work] = field(default_factory=list)
    """What was ever started."""

    async def start(self, work: Work) -> PlainSandbox:
        command = [word.replace(FOLDER, str(work.folder)) for word in work.command]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=work.folder, start_new_session=True, limit=LINE_BYTES
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.works.append(work)
        self.there[work.name] = PlainSandbox(
            id=work.name,
            process=process,
            talks=process.stdout,
            complains=process.stderr,
            hears=process.stdin,
            time=work.limits.time,
        )
        return self.there[work.name]

    async def left(self) -> Sequence[Left]:
        return [
            Left(id=one.id, name=name, labels={}, is_running=one.process.returncode is None)
            for name, one in self.there.items()
        ]

    async def remove(self, name: str) -> None:
        if sandbox := self.there.pop(name, None):
            await sandbox.stop()

    async def check(self) -> None:
        pass
