"""What the kernel itself holds a program to: memory, processes and processors, for all it starts together.

A group is made below our own, so whoever limits Haloop limits what Haloop starts. Where nobody lets us make one, a
sandbox has the weaker limits of each single process, and bubblewrap.py says which.
"""

import asyncio
import errno
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from haloop.ports.sandboxes import Limits

ROOT = Path("/sys/fs/cgroup")
OURS = Path("/proc/self/cgroup")
CONTROLLERS = ("memory", "pids", "cpu")
_PERIOD = 100_000
"""The microseconds of which a program gets its share."""
_WAITS = (0.001, 0.01, 0.05, 0.2, 0.5, 1.0, 2.0)
"""A group whose last process has just ended is busy for a moment."""


@dataclass(frozen=True, slots=True)
class Group:
    """The folders of one group: one, or in the first version one for each controller."""

    folders: tuple[Path, ...]

    def hold(self, pid: int, limits: Limits) -> None:
        """Hold this process to the limits, and all it starts from now on."""
        for folder in self.folders:
            folder.mkdir(exist_ok=True)
            for name, value in _said(limits).items():
                if (folder / name).exists():
                    (folder / name).write_text(str(value))
            (folder / "cgroup.procs").write_text(str(pid))

    @property
    def ran_out_of_memory(self) -> bool:
        """Whether the kernel killed any of it for that."""
        for path in (folder / name for folder in self.folders for name in ("memory.oom_control", "memory.events")):
            with suppress(OSError):
                said = dict(line.split() for line in path.read_text().splitlines())
                return int(said.get("oom_kill", 0)) > 0
        return False

    async def remove(self) -> None:
        """Take the folders away; what ran in them has ended."""
        for folder in self.folders:
            await _remove(folder)


def place_of(name: str, *, root: Path = ROOT, ours: Path = OURS) -> Group | None:
    """Where a group of this name would be; None where none that holds to all limits can be made."""
    try:
        own = dict(_own(ours.read_text()))
    except OSError:
        return None
    above = [root / one / own[one].lstrip("/") for one in CONTROLLERS if one in own]
    if len(above) < len(CONTROLLERS):
        above = [place for place in (root / own.get("", "").lstrip("/"), root) if _gives(place)][:1]
    possible = above and all(os.access(place, os.W_OK) for place in above)
    return Group(tuple(place / name for place in above)) if possible else None


def memory_max(*, root: Path = ROOT, ours: Path = OURS) -> float:
    """What our own group and all above it give us of this machine's memory; endless where none says."""
    try:
        own = dict(_own(ours.read_text()))
    except OSError:
        return math.inf
    versions = ((root / "memory", own.get("memory"), "memory.limit_in_bytes"), (root, own.get(""), "memory.max"))
    said = [_bytes(folder / name) for top, path, name in versions if path is not None for folder in _up_to(top, path)]
    return min(said, default=math.inf)


def _up_to(top: Path, path: str) -> list[Path]:
    """Our group, all above it and the first; a container may see its own group as the first."""
    below = PurePosixPath(path.lstrip("/"))
    return [top / one for one in (below, *below.parents)]


def _bytes(path: Path) -> float:
    with suppress(OSError):
        text = path.read_text().strip()
        return math.inf if text == "max" else int(text)
    return math.inf


def _own(text: str) -> list[tuple[str, str]]:
    """Each controller and the group we are in; the second version's has no name."""
    lines = [line.split(":", 2) for line in text.splitlines()]
    return [(controller, path) for _, controllers, path in lines for controller in controllers.split(",")]


def _gives(above: Path) -> bool:
    """Whether groups of the second version below this one are held to all that we ask."""
    try:
        return set(CONTROLLERS) <= set((above / "cgroup.subtree_control").read_text().split())
    except OSError:
        return False


def _said(limits: Limits) -> Mapping[str, int | str]:
    """The limits in the files of both versions; swap counts as memory, where the kernel counts it."""
    share = int(limits.processors * _PERIOD)
    first: dict[str, int | str] = {
        "memory.limit_in_bytes": limits.memory_bytes,
        "memory.memsw.limit_in_bytes": limits.memory_bytes,
    }
    second: dict[str, int | str] = {
        "memory.max": limits.memory_bytes,
        "memory.swap.max": 0,
        "cpu.max": f"{share} {_PERIOD}",
    }
    return {**first, **second, "pids.max": limits.processes, "cpu.cfs_period_us": _PERIOD, "cpu.cfs_quota_us": share}


async def _remove(folder: Path) -> None:
    for wait in (*_WAITS, None):
        try:
            folder.rmdir()  # noqa: ASYNC240  # the kernel answers from memory
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or wait is None:
                raise
            await asyncio.sleep(wait)
        else:
            return
