"""Bubblewrap: a sandbox in milliseconds, with no daemon and no image, on the tools of this machine.

Before a program runs, its first process is written down and held to its limits; whatever happens to us from then on,
the next start finds it. That process is what we hold on to: it is the first of a namespace, and when it is gone the
kernel has ended every other one in there, however they hid.

Where this machine lets us make groups (cgroups.py), memory, processes and processors are limited for all that the
program starts together. Elsewhere each process is limited by itself, all memory together is looked at from time to
time, and the share of the processors is not held at all.
"""

import asyncio
import math
import os
import resource
import signal
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from haloop.connectors.sandboxes.cgroups import Group, place_of
from haloop.connectors.sandboxes.nameless import held_nameless
from haloop.connectors.sandboxes.paused import Paused
from haloop.connectors.sandboxes.processes import Known, memory_of
from haloop.connectors.sandboxes.records import Record, Records
from haloop.connectors.sandboxes.watching import LOOK_SECONDS, exceeded, exceeded_with, found
from haloop.ports.sandboxes import INSTANCE_LABEL, CannotStart, End, Left, Limits, Network, NotStarted, Over, Work

NO_INTERNET = (
    "In bubblewrap there is no internet: this machine's own network would come with it. "
    "A step that needs it works in Docker, where sandbox.provider says docker."
)
_KILLED = 128 + signal.SIGKILL
"""How bubblewrap says that a program was killed."""
_USED_UP = {_KILLED, 128 + signal.SIGXCPU}
"""How it says, without a group, that a program had no processor time left."""
_FILES_OPEN = 4096


class Bubblewrap:
    """Sandboxes of one home, written down in a folder of it."""

    name = "bubblewrap"
    networks = frozenset({Network.NONE})

    def __init__(self, folder: Path, instance: str) -> None:
        self._records = Records(folder)
        self._instance = instance
        self._at_work: dict[str, InBubblewrap] = {}

    async def start(self, work: Work) -> "InBubblewrap":
        if work.network is not Network.NONE:
            raise CannotStart(NO_INTERNET)
        await self.remove(work.name)
        paused = await Paused.start(work)
        try:
            sandbox = await self._begun(work, paused)
        except BaseException:
            await paused.end()
            raise
        self._at_work[work.name] = sandbox
        return sandbox

    async def left(self) -> Sequence[Left]:
        return [
            Left(
                id=record.name,
                name=record.name,
                labels={**record.labels, INSTANCE_LABEL: self._instance},
                is_running=record.first.is_running,
            )
            for record in self._records.all()
        ]

    async def remove(self, name: str) -> None:
        sandbox = self._at_work.pop(name, None)
        try:
            if sandbox is not None:
                await sandbox.stop(patience=timedelta())
        finally:
            record = self._records.read(name)
            if record is not None:
                await record.first.kill()
                await record.group.remove()
                self._records.forget(name)

    async def check(self) -> None:
        with TemporaryDirectory(prefix="haloop-sandbox-") as folder:
            work = Work(name="check", labels={}, command=("true",), folder=Path(folder))
            self._group(work)
            paused = await Paused.start(work)
            try:
                first = await paused.first_process()
                paused.go_on()
                await paused.begun(first)
            finally:
                await paused.end()

    async def _begun(self, work: Work, paused: Paused) -> "InBubblewrap":
        """Write it down, limit it, and only then let it run."""
        first, group = await paused.first_process(), self._group(work)
        try:
            self._records.add(Record.of(work.name, work.labels, first, group))
        except FileExistsError as error:
            raise NotStarted(f"Another {work.name} is being started.") from error
        try:
            _limit(first.pid, work.limits, group)
            paused.go_on()
            await paused.begun(first)
        except BaseException:
            await self.remove(work.name)
            raise
        return InBubblewrap(work, paused, first, group, self._records)

    def _group(self, work: Work) -> Group | None:
        """What holds all of it together, if that can be had; for root nothing else limits how many processes it has."""
        group = place_of(f"haloop-{self._instance}-{work.name}")
        if group is None and os.geteuid() == 0:
            raise CannotStart("No control group can be made, and for root nothing else limits processes.")
        return group


class InBubblewrap:
    """One program at work."""

    def __init__(self, work: Work, begun: Paused, first: Known, group: Group | None, records: Records) -> None:
        process = begun.process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.id = work.name
        self.talks, self.complains, self.hears = process.stdout, process.stderr, process.stdin
        self._work = work
        self._begun = begun
        self._first = first
        self._group = group
        self._records = records
        self._why: End | None = None
        self._life = asyncio.create_task(self._live())

    async def over(self) -> Over:
        return await asyncio.shield(self._life)

    async def stop(self, *, patience: timedelta = timedelta(seconds=2)) -> Over:
        try:
            if not self._life.done():
                self._why = self._why or End.STOPPED
                await self._asked(patience)
        finally:
            await self._first.kill()
        return await self.over()

    async def _asked(self, patience: timedelta) -> None:
        """Ask the program, and whatever lost its parent, to end."""
        if patience:
            for pid in self._first.children():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience.total_seconds()):
                    await self.over()

    async def _live(self) -> Over:
        """Until nothing of it runs, whichever comes first: its own end, ours, or a limit."""
        watches = [asyncio.create_task(one) for one in self._watches()]
        try:
            await asyncio.wait([self._begun.ended, *watches], return_when=asyncio.FIRST_COMPLETED)
            ended_itself = self._begun.ended.done()
            if not ended_itself:
                self._why = self._why or next(found(watch) for watch in watches if watch.done())
        finally:
            for watch in watches:
                watch.cancel()
            await self._first.kill()
        code = await self._begun.ended
        over = self._over(code if ended_itself else None)
        await self._begun.hang_up()
        await self._clear()
        return over

    def _watches(self) -> Sequence[Coroutine[None, None, End]]:
        watches = [exceeded(self._work), exceeded_with(self._work, partial(held_nameless, self._first.pid))]
        if self._group is not None:
            return watches
        return [*watches, _eats(self._first.pid, self._work.limits.memory_bytes)]

    def _over(self, code: int | None) -> Over:
        killed = code is None or code == _KILLED
        if killed and self._why is None and self._group is not None and self._group.ran_out_of_memory:
            return Over(end=End.OUT_OF_MEMORY, exit_code=code)
        if code in _USED_UP and self._why is None and self._group is None:
            return Over(end=End.OUT_OF_TIME, exit_code=code)
        return Over(end=self._why or End.EXITED, exit_code=None if killed and self._why else code)

    async def _clear(self) -> None:
        """Forget it; where its group cannot be taken away yet, the next start of its name or of ours will."""
        if self._group is not None:
            try:
                await self._group.remove()
            except OSError:
                return
        self._records.forget(self._work.name)


async def _eats(pid: int, bytes_max: int) -> End:
    """Wait until it and all it started hold more memory than that."""
    while await asyncio.to_thread(memory_of, pid) <= bytes_max:  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(LOOK_SECONDS)
    return End.OUT_OF_MEMORY


def _limit(pid: int, limits: Limits, group: Group | None) -> None:
    """What it may use; it has not begun, so all it starts inherits this."""
    own = {resource.RLIMIT_FSIZE: limits.file_bytes, resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: _FILES_OPEN}
    if group is None:
        seconds = math.ceil(limits.time.total_seconds() * limits.processors)
        own |= {resource.RLIMIT_DATA: limits.memory_bytes, resource.RLIMIT_NPROC: limits.processes}
        own |= {resource.RLIMIT_CPU: seconds}
    try:
        for kind, most in own.items():
            resource.prlimit(pid, kind, (most, most))
        if group is not None:
            group.hold(pid, limits)
    except OSError as error:
        raise NotStarted(f"It could not be held to its limits: {error}.") from error
