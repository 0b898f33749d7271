"""Whether a home's process runs: the small file it leaves in runtime/, believed only while that very process lives.

A number of a process is used again by the system, so the file also names the start of the machine and the moment,
counted from it, at which the process began: no two processes share both.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.clock import SystemClock, as_text, boot_id
from haloop.kernel.errors import BadInput
from haloop.store.rewriting import rewrite

_ENDED = frozenset({"Z", "X"})
"""The states of a process that has ended and that nobody has looked after yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The process that serves a home."""

    pid: int
    address: str
    started_at: str
    version: str
    life: str
    """What the system says of this process and of no other: its machine's start, and its own."""

    @property
    def document(self) -> dict[str, Canonical]:
        """What others may read of it."""
        return {"address": self.address, "pid": self.pid, "started_at": self.started_at, "version": self.version}


def read_running(home: Path) -> Running | None:
    """The process that serves this home, if it lives."""
    found = _read(_path(home))
    return found if found is not None and found.life == life_of(found.pid) else None


def owner_header(home: Path) -> dict[str, str]:
    """What opens a home's own process to whoever can read the home; OSError where there is no token."""
    return {"Authorization": f"Bearer {(home / 'token').read_text(encoding='ascii').strip()}"}


def is_stale(home: Path) -> bool:
    """Whether a process has left its file behind, as one does that is killed."""
    return _path(home).exists() and read_running(home) is None


@contextmanager
def announced(home: Path, address: str) -> Iterator[Running]:
    """Say in the home that this process serves it, for as long as the block runs."""
    running = Running(
        pid=os.getpid(),
        address=address,
        started_at=as_text(SystemClock().read().wall),
        version=version("haloop-app"),
        life=life_of(os.getpid()),
    )
    rewrite(_path(home), canonical.encode(asdict(running)).decode() + "\n")
    try:
        yield running
    finally:
        if _read(_path(home)) == running:
            _path(home).unlink(missing_ok=True)


def life_of(pid: int) -> str:
    """The life of a living process; empty if there is none of this number."""
    try:
        about = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, *after = about.rpartition(")")[2].split()  # its name, before that, may hold anything
    return "" if state in _ENDED else f"{boot_id()}/{after[18]}"


def _path(home: Path) -> Path:
    return home / "runtime" / "haloop.pid"


def _read(path: Path) -> Running | None:
    """What the file says; a damaged one says nothing."""
    try:
        said = canonical.decode(path.read_bytes().rstrip(b"\n"))
    except (FileNotFoundError, NotADirectoryError, BadInput):
        return None
    match said:
        case {
            "pid": int(pid),
            "address": str(address),
            "started_at": str(started_at),
            "version": str(named),
            "life": str(life),
        } if life:
            return Running(pid=pid, address=address, started_at=started_at, version=named, life=life)
    return None
