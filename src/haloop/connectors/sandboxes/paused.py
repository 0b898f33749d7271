"""Bubblewrap, started and told to wait: what is to be known of it, and done to it, before it runs anything.

Its arguments are handed over in a file without a name: what a program is given in its environment stands in no list of
processes. It says the number of its first process when that is there, and how the program ended when it ran one; where
it says only the first, it never came so far.
"""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE, Process
from contextlib import suppress

from haloop.connectors.sandboxes import view
from haloop.connectors.sandboxes.processes import Known, name_of
from haloop.connectors.sandboxes.seccomp import keys_and_rings_refused, unknown_machine
from haloop.connectors.sandboxes.streams import reader_of
from haloop.ports.sandboxes import LINE_BYTES, CannotStart, Work

PROGRAM = "bwrap"
_LOOK_SECONDS = 0.001
_BEGIN_SECONDS = 1.0
"""After that it has begun, whatever it calls itself."""
_HANG_UP_SECONDS = 0.1
_COMPLAINT_BYTES = 400


class Paused:
    """A bubblewrap that waits."""

    def __init__(self, process: Process, status: asyncio.StreamReader, go: int) -> None:
        self.process = process
        self._status = status
        self._go: int | None = go
        self._pid: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.create_task(self._listen())
        """Its exit code, when all is over; None where it ran nothing. Its process is no sign of that: asyncio does not
        say that it ended before all it said is read."""

    @classmethod
    async def start(cls, work: Work) -> "Paused":
        """Start one; nothing of it runs yet."""
        program = shutil.which(PROGRAM)
        if program is None:
            raise CannotStart("Bubblewrap is not installed: there is no bwrap on the path.")
        if machine := unknown_machine():
            raise CannotStart(f"Bubblewrap has no filter of system calls for {machine}; Docker brings its own.")
        wait, go = os.pipe()
        said, saying = os.pipe()
        told = _nameless(b"\0".join(one.encode() for one in view.arguments(work)) + b"\0")
        refused = _nameless(keys_and_rings_refused())
        given = {"--args": told, "--seccomp": refused, "--block-fd": wait, "--json-status-fd": saying}
        words = [word for name, descriptor in given.items() for word in (name, str(descriptor))]
        try:
            status = await reader_of(said)
            process = await asyncio.create_subprocess_exec(
                program,
                *words,
                "--",
                *work.command,
                pass_fds=tuple(given.values()),
                env={},
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                limit=LINE_BYTES,
            )
        except BaseException:
            os.close(go)
            raise
        finally:
            for descriptor in given.values():
                os.close(descriptor)
        return cls(process, status, go)

    async def first_process(self) -> Known:
        """The first of its namespace: while that is there, anything of it may be, and afterwards nothing is."""
        pid = await self._pid
        if pid is None:
            raise await self._failed()
        try:
            return Known.of(pid)
        except ProcessLookupError:
            raise await self._failed() from None

    def go_on(self) -> None:
        """Let it run."""
        if self._go is not None:
            os.close(self._go)
            self._go = None

    async def begun(self, first: Known) -> None:
        """Wait until the program itself runs; CannotStart, in bubblewrap's words, where it does not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_BEGIN_SECONDS):
                while not {name_of(pid) for pid in first.children()} - {PROGRAM, ""}:
                    if (await asyncio.wait([self.ended], timeout=_LOOK_SECONDS))[0]:
                        break
        if self.ended.done() and self.ended.result() is None:
            raise await self._failed()

    async def end(self) -> None:
        """Leave nothing of it, whether it went on or not."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.go_on()
        await self.ended
        await self.process.communicate()

    async def hang_up(self) -> None:
        """Let its streams end; what nobody has read yet stays to be read, so that is not waited for."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_HANG_UP_SECONDS):
                await self.process.wait()

    async def _listen(self) -> int | None:
        first = await self._status.readline()
        self._pid.set_result(int(json.loads(first)["child-pid"]) if first else None)
        last = await self._status.readline()
        await self._status.read()
        return int(json.loads(last)["exit-code"]) if last else None

    async def _failed(self) -> CannotStart:
        assert self.process.stderr is not None
        complaint = await self.process.stderr.read(_COMPLAINT_BYTES)
        return CannotStart(
            complaint.decode(errors="replace").strip() or "Bubblewrap did not start, and did not say why."
        )


def _nameless(content: bytes) -> int:
    descriptor = os.memfd_create("arguments")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
