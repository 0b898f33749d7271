"""The workload under strace: counting its system calls, and doing something at one of them."""

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from tests.faults.matrix import child_command, child_environment
from tests.faults.workload import Shape

CHANGING_CALLS = ("pwrite64", "write", "fdatasync", "fsync", "ftruncate", "fallocate", "unlink", "rename", "mkdir")
"""Every call by which the workload changes a file or makes it durable."""

_SECONDS_MAX = 120
_SPARE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A workload that begins with a home as it stands, or with none."""

    shape: Shape
    before: Path | None
    """The folder of an earlier day, to go on from."""

    def begin(self, folder: Path) -> None:
        """Lay out the folder the workload starts from."""
        if self.before is None:
            folder.mkdir(parents=True)
        else:
            shutil.copytree(self.before, folder)

    def record(self, folder: Path, control: str | None, options: Sequence[str]) -> Path:
        """Live the day undisturbed, and say where strace wrote down what happened."""
        self.begin(folder)
        trace = folder / "trace"
        ended = _run(self, folder, control, [*options, "-o", os.fspath(trace)])
        if ended.returncode != 0:
            raise RuntimeError(f"the undisturbed workload ended with {ended.returncode}: {ended.stderr!r}")
        return trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One moment of a day: when a thread first makes its n-th call of one kind on one file."""

    day: Day
    path: str
    call: str
    number: int

    def __str__(self) -> str:
        day = "first" if self.day.before is None else "second"
        return f"{self.call} {self.number} on {self.path} of the {day} day"


def two_days(folder: Path, seed: int) -> tuple[Day, Day]:
    """A home's first day, and the day after: opening what is there is another path than making it."""
    first = Day(shape=Shape(seed=seed), before=None)
    before = folder / "day-before"
    first.begin(before)
    ended = _run(first, before, None, [])
    if ended.returncode != 0:
        raise RuntimeError(f"the first day ended with {ended.returncode}: {ended.stderr!r}")
    return first, Day(shape=Shape(seed=seed + 1), before=before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """How a day ended on which something happened at one call."""

    at: Point
    code: int
    said: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


def strike(points: Sequence[Point], folder: Path, control: str | None, injected: str) -> Struck:
    """Live a day on which something happens at the first of these moments that comes.

    Threads race, so a day may end just before its moment; what such a day leaves behind is no evidence.
    """
    for point in points:
        point.day.begin(folder)
        trace = folder / "trace"
        where = ["-P", os.fspath(folder / point.path), f"--trace={point.call}", "-o", os.fspath(trace)]
        what = f"--inject={point.call}:{injected}:when={point.number}"
        ended = _run(point.day, folder, control, [*where, what])
        struck = Struck(at=point, code=ended.returncode, said=ended.stderr.decode(errors="replace").strip())
        if struck.killed or b"(INJECTED)" in trace.read_bytes():
            return struck
        shutil.rmtree(folder)
    raise RuntimeError(f"none of {len(points)} moments came, such as {points[0]}")


def calls_made(day: Day, folder: Path, calls: Sequence[str]) -> list[Point]:
    """Every moment at which an undisturbed workload makes such a call on its files.

    strace counts for each thread by itself and strikes the first that reaches the number. On the first day the
    witness is left alone, because its files are named by a dice that is thrown anew each time.
    """
    trace = day.record(folder, None, ["-y", f"--trace={','.join(calls)}"])
    numbers, points = Counter[tuple[str, Point]](), dict[Point, None]()
    for call in _CALL.finditer(trace.read_text()):
        path = Path(call["file"] or call["name"])
        if path.is_relative_to(folder) and (day.before is not None or not path.name.startswith("sys_")):
            what = Point(day=day, path=os.fspath(path.relative_to(folder)), call=call["call"], number=0)
            numbers[call["thread"], what] += 1
            points[replace(what, number=numbers[call["thread"], what])] = None
    shutil.rmtree(folder)
    return list(points)


def choose(made: Sequence[Point], count: int, dice: Random) -> list[tuple[Point, ...]]:
    """`count` moments, each with others to fall back on; all are used before one is used again."""
    order: list[Point] = []
    while len(order) < count:
        order += dice.sample(made, len(made))
    return [(point, *dice.sample(made, min(_SPARE, len(made)))) for point in order[:count]]


def tally(made: Sequence[Point]) -> str:
    """How many of each kind."""
    return ", ".join(f"{number:,} {call}" for call, number in Counter(point.call for point in made).items())


def _run(day: Day, folder: Path, control: str | None, options: Sequence[str]) -> "subprocess.CompletedProcess[bytes]":
    watched = ["strace", "-f", "-qqq", *options] if options else []
    planted = [] if control is None else ["--control", control]
    return subprocess.run(
        [*watched, *child_command("workload", folder, *day.shape.arguments(), *planted)],
        env=child_environment(),
        cwd=folder,
        capture_output=True,
        timeout=_SECONDS_MAX,
        check=False,
    )


_CALL = re.compile(
    r"^(?P<thread>\d+) +(?P<call>\w+)\((?:\d+<(?P<file>[^>]*)>|(?:AT_FDCWD<[^>]*>, )?\"(?P<name>[^\"]*)\")",
    flags=re.MULTILINE,
)
