"""A home: the folder a ledger lives in, held by one process at a time.

Two processes on one ledger would each believe the other's writes are corruption, so the folder is locked
before anything in it is opened. A ballast file keeps room on the disk: when a write fails because the disk
is full, the next start frees it, and what already left the house can still be recorded as happened, not done
or uncertain.
"""

import errno
import fcntl
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from haloop.kernel.errors import HomeLocked, HomeReadOnly

OUT_OF_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""How the system says that there is no room, for everybody or for us."""

BALLAST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything of one installation lies."""

    path: Path
    keys_folder: Path | None = None
    """Where keys.db is, if it is kept apart, as in a backup."""

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.db"

    @property
    def keys(self) -> Path:
        return (self.keys_folder or self.path) / "keys.db"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def sessions(self) -> Path:
        return self.path / "sessions.db"

    @property
    def artifacts(self) -> Path:
        return self.path / "artifacts"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def ballast(self) -> Path:
        return self.path / "ballast"

    @property
    def restored(self) -> Path:
        """Left behind by a restore; the next start enters recovery mode."""
        return self.path / "restored"

    def make(self) -> None:
        """Create the folder, for its owner's eyes only; one that is there already is closed to others."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            about = self.path.stat()
            if about.st_uid == os.getuid() and about.st_mode & 0o077:
                self.path.chmod(0o700)
            sync_folder(self.path.absolute().parent)
        except OSError as error:
            raise HomeReadOnly(f"The home {self.path} cannot be made: {error.strerror}.") from error


class FileLock:
    """A lock that the operating system lets go of when its holder dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock; HomeLocked names the process that has it, HomeReadOnly a folder that takes no file."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HomeReadOnly(f"{self._path} cannot be written: {error.strerror}.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise HomeLocked(f"{self._path.parent} is in use by process {holder}.") from error
        self._sign(descriptor)
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @staticmethod
    def _sign(descriptor: int) -> None:
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            if error.errno != errno.ENOSPC:  # on a full disk the lock holds all the same, unsigned
                raise


class Room(StrEnum):
    """Whether there is room on the disk for new work."""

    ENOUGH = "enough"
    OUTCOMES_ONLY = "outcomes_only"
    """The ballast is spent: how effects ended may be written, nothing may begin."""


class Ballast:
    """Space set aside for the facts that must be recorded even when the disk is full."""

    def __init__(self, path: Path, size: int = BALLAST_BYTES) -> None:
        self._path = path
        self._size = size

    def look(self) -> Room:
        """See how much room there is, spending the ballast or laying it down again as needed."""
        free = self._free()
        if self._path.exists():
            if free >= self._margin:
                return Room.ENOUGH
            self._path.unlink()
            return Room.OUTCOMES_ONLY
        if free < self._size + 2 * self._margin:
            return Room.OUTCOMES_ONLY
        return Room.ENOUGH if self._lay_down() else Room.OUTCOMES_ONLY

    @property
    def _margin(self) -> int:
        return self._size // 4

    def _free(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize

    def _lay_down(self) -> bool:
        """Set the space aside; False where the disk, or a quota, does not give it after all."""
        part = self._path.with_name(self._path.name + ".part")  # half a ballast must not pass for a whole one
        try:
            with part.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
                os.fsync(file.fileno())
        except OSError as error:
            part.unlink(missing_ok=True)
            if error.errno in OUT_OF_SPACE:
                return False
            raise
        part.replace(self._path)
        return True


def write_private(path: Path, said: str | bytes) -> None:
    """Write a file for its owner's eyes only, whole or not at all: half a key would be refused for ever."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(said.encode() if isinstance(said, str) else said)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename or a new file in this folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
