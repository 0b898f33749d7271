"""Files without a name: what a program deleted and keeps open takes room on the disk, and stands in no folder.

It is found with the processes that hold it, among their open files and in their memory. Only what the kernel says for
certain counts: where it does not let us look, nothing is guessed, because a guess ends programs that did nothing. A
program that means to hide what it holds can do so, and docs/sandboxes.md says how.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

from haloop.connectors.sandboxes.processes import below, threads_of
from haloop.ports.sandboxes import FOLDER

LOOKED_AT_MAX = 100_000
"""So many open files and parts of memory: no ordinary program has more, and looking at them would keep us from work."""
_ROUNDS_MAX = 8
"""Where processes come and go all the time a look ends all the same."""


def held_nameless(first: int) -> int:
    """The bytes that a process and all it started keep of their folder's disk, as far as we may look."""
    held = (found for file in islice(_files(first), LOOKED_AT_MAX) for found in _nameless(file))
    return sum(dict(held).values())


def _files(first: int) -> Iterator[os.DirEntry[str]]:
    """What each of them has open or in its memory, whatever it is.

    While we looked at one, another may have begun and been handed its files, so whoever is new is looked at next.
    """
    seen: set[int] = set()
    for _ in range(_ROUNDS_MAX):
        before = len(seen)
        for pid in chain((first,), below(first)):
            if pid not in seen:
                seen.add(pid)
                yield from _held_by(pid)
        if len(seen) == before:
            return


def _held_by(pid: int) -> Iterator[os.DirEntry[str]]:
    """A thread may have files open of its own; memory they share, and of one that has ended the kernel shows none."""
    threads = threads_of(pid)
    for thread in threads:
        yield from _within(f"/proc/{thread}/fd")
    yield from next(filter(None, (_within(f"/proc/{thread}/map_files") for thread in threads)), [])


def _within(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder of the kernel's: nothing, where its process has ended or is closed to us."""
    with suppress(OSError), os.scandir(folder) as entries:
        return list(entries)
    return []


def _nameless(file: os.DirEntry[str]) -> Iterator[tuple[tuple[int, int], int]]:
    """How much room it takes, by its number on its disk, as several may hold the same; nothing for any other file."""
    with suppress(OSError):  # closed meanwhile, or in memory, which the kernel shows to root alone
        about = file.stat()
        if about.st_nlink == 0 and stat.S_ISREG(about.st_mode) and _is_its_folders(file):
            yield (about.st_dev, about.st_ino), about.st_blocks * 512


def _is_its_folders(file: os.DirEntry[str]) -> bool:
    """By where the kernel says it was: what is in memory was elsewhere, and so was a tool of this machine's."""
    return str(Path(file.path).readlink()).startswith(f"{FOLDER}/")
