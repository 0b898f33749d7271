"""The folder that a program nobody trusts wrote in, looked at from outside.

Nothing in it is believed. A name may be a link to the home, a pipe that never ends, or become either between two
looks, so each step on the way is opened by itself, never through a link, and what was opened is what is looked at.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

ENTRY_BYTES = 4096
"""What every entry counts as at least: a million empty files fill a disk too."""
DEPTH_MAX = 100
"""Each folder on the way down is held open, and nobody's work is deeper."""


class NotReadable(Exception):
    """It is no plain file of the folder, or too large."""


def read_file(folder: Path, name: str, *, bytes_max: int) -> bytes:
    """A file of the folder, by its path in it; NotReadable where it is anything else than a plain file that fits."""
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts:
        raise NotReadable(f"{name!r} is no name in the folder.")
    try:
        descriptor = _open_below(folder, parts)
    except (OSError, ValueError) as error:
        raise NotReadable(f"{name!r} cannot be opened: {error}.") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotReadable(f"{name!r} is no plain file.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(bytes_max + 1)
    finally:
        os.close(descriptor)
    if len(content) > bytes_max:
        raise NotReadable(f"{name!r} is larger than {bytes_max:,} bytes.")
    return content


def holds_more(folder: Path, bytes_max: float) -> bool:
    """Whether all that is in the folder takes more room than this; what cannot be looked through does."""
    held = 0.0
    try:
        for size in _Sizes().of(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), DEPTH_MAX):
            held += size
            if held > bytes_max:
                return True
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def hand_over(folder: Path, user: int) -> None:
    """Let a user write where only root may; a link is given away itself, never what it leads to."""
    for _, folders, files, at in os.fwalk(folder):
        for name in (".", *folders, *files):
            os.chown(name, user, user, dir_fd=at, follow_symlinks=False)


def _open_below(folder: Path, parts: tuple[str, ...]) -> int:
    """Open step by step; a pipe or a device does not make us wait."""
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for number, part in enumerate(parts, start=1):
        kind = os.O_NONBLOCK if number == len(parts) else os.O_DIRECTORY
        try:
            below = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind, dir_fd=at)
        finally:
            os.close(at)
        at = below
    return at


class _Sizes:
    """The room each entry takes, and endless room for what is too deep or closed to us.

    What a file holds counts once, whatever names it has; each further name counts as an empty file does, so that
    nobody makes us look through names without end.
    """

    def __init__(self) -> None:
        self._counted = set[int]()
        """Files of several names, each larger than an entry: no more of them than the limit has room for."""

    def of(self, descriptor: int, depth: int) -> Iterator[float]:
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):  # it went while we looked
                        about = entry.stat(follow_symlinks=False)
                        yield self._room(about)
                        if stat.S_ISDIR(about.st_mode):
                            yield from self._below(descriptor, entry.name, depth)
        finally:
            os.close(descriptor)

    def _room(self, about: os.stat_result) -> int:
        room = about.st_blocks * 512
        if room <= ENTRY_BYTES:
            return ENTRY_BYTES
        if about.st_nlink > 1 and not stat.S_ISDIR(about.st_mode):
            file = about.st_dev << 64 | about.st_ino
            if file in self._counted:
                return ENTRY_BYTES
            self._counted.add(file)
        return room

    def _below(self, descriptor: int, name: str, depth: int) -> Iterator[float]:
        if not depth:
            yield float("inf")
            return
        try:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
        except (PermissionError, NotADirectoryError):  # closed to us, or no longer a folder: the next look will say
            yield float("inf")
            return
        yield from self.of(below, depth - 1)
