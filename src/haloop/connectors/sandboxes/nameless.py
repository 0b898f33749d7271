"""Files without a name: what a program deleted and keeps open takes room on the disk, and stands in no folder.

It is found with the processes that hold it, among their open files and in their memory. Only root may ask how large a
file is that is held in memory alone; to everybody else it is as large as the part of it that is there.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

from haloop.connectors.sandboxes.processes import below

_PROC = Path("/proc")
_DELETED = " (deleted)"


def held_nameless(first: int, folder: Path) -> float:
    """The bytes that a process and all it started keep of a folder's disk; endless where we may not look."""
    try:
        disk = folder.stat().st_dev
        return sum(dict(chain.from_iterable(_nameless(pid, disk) for pid in (first, *below(first)))).values())
    except FileNotFoundError:  # the folder is gone
        return 0
    except PermissionError:
        return float("inf")


def _nameless(pid: int, disk: int) -> Iterator[tuple[int, int]]:
    """Each by its number on the disk: several may hold the same."""
    with suppress(FileNotFoundError, ProcessLookupError):  # it ended while we looked
        yield from _open(_PROC / f"{pid}/fd", disk)
    with suppress(FileNotFoundError, ProcessLookupError):
        yield from _in_memory(pid, disk)


def _open(descriptors: Path, disk: int) -> Iterator[tuple[int, int]]:
    with os.scandir(descriptors) as entries:
        for entry in entries:
            with suppress(FileNotFoundError, ProcessLookupError):  # closed meanwhile
                about = entry.stat()
                if about.st_nlink == 0 and about.st_dev == disk and stat.S_ISREG(about.st_mode):
                    yield about.st_ino, about.st_blocks * 512


def _in_memory(pid: int, disk: int) -> Iterator[tuple[int, int]]:
    for line in (_PROC / f"{pid}/maps").read_text(errors="replace").splitlines():
        if not line.endswith(_DELETED):
            continue
        place, _, offset, device, inode, *_ = line.split(maxsplit=5)
        major, minor = (int(part, 16) for part in device.split(":"))
        if os.makedev(major, minor) == disk:
            begin, end = (int(part, 16) for part in place.split("-"))
            yield int(inode), _size(_PROC / f"{pid}/map_files" / f"{begin:x}-{end:x}", int(offset, 16) + end - begin)


def _size(mapped: Path, at_least: int) -> int:
    with suppress(OSError):
        return max(at_least, mapped.stat().st_blocks * 512)
    return at_least
