"""Processes of this machine, told apart by when they started: a number is given again, to somebody else."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from haloop.kernel.clock import boot_id

_PROC = Path("/proc")
_STARTED = 19
"""Where the start stands among what follows the name in /proc/PID/stat."""
_ENDED = {"Z", "X"}
"""The states of what has ended and was not waited for yet."""


@dataclass(frozen=True, slots=True)
class Known:
    """One process, and no other that gets its number."""

    pid: int
    started: int
    """In ticks since the machine did."""
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Known":
        """A process that is there now; ProcessLookupError where it is not."""
        return cls(pid=pid, started=_started(pid), boot=boot_id())

    @property
    def is_running(self) -> bool:
        """Whether it is there still."""
        with suppress(ProcessLookupError):
            return Known.of(self.pid) == self
        return False

    async def kill(self) -> None:
        """End it and wait until it is gone; where it is the first of a namespace, nothing of that is left."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:  # gone, or its number is a thread's by now
            return
        try:
            if self.is_running:  # looked at after it was opened: what is opened cannot become another
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                await _readable(descriptor)
        except ProcessLookupError:
            return
        finally:
            os.close(descriptor)

    def children(self) -> list[int]:
        """What it started, or took in."""
        with suppress(OSError):
            return [int(pid) for pid in (_PROC / f"{self.pid}/task/{self.pid}/children").read_text().split()]
        return []


def name_of(pid: int) -> str:
    """The program that a process runs; empty where it is gone."""
    with suppress(OSError):
        return (_PROC / f"{pid}/comm").read_text().strip()
    return ""


def memory_of(pid: int) -> int:
    """What a process and all it started hold in memory, in bytes."""
    return sum(_memory_of(one) for one in (pid, *below(pid)))


def threads_of(pid: int) -> list[int]:
    """The threads of a process, the first of them with its number; none where it is gone."""
    with suppress(OSError):
        return [int(thread.name) for thread in (_PROC / f"{pid}/task").iterdir()]
    return []


def below(pid: int) -> Iterator[int]:
    """All that a process started, and then what those did; what lost its parent is the first's of its namespace."""
    children: list[int] = []
    for thread in threads_of(pid):
        with suppress(OSError):
            text = (_PROC / f"{pid}/task/{thread}/children").read_text()
            children += [int(child) for child in text.split()]
    yield from children
    for child in children:
        yield from below(child)


def _memory_of(pid: int) -> int:
    """Its threads have it together; of one that has ended the kernel says that it has none."""
    for thread in threads_of(pid):
        with suppress(OSError, ValueError):
            if pages := int((_PROC / f"{thread}/statm").read_text().split()[1]):
                return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def _started(pid: int) -> int:
    try:
        about = (_PROC / f"{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ProcessLookupError(pid) from error
    fields = about.rpartition(")")[2].split()
    if fields[0] in _ENDED:
        raise ProcessLookupError(pid)
    return int(fields[_STARTED])


async def _readable(descriptor: int) -> None:
    """A process that has ended makes its descriptor readable."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
