"""The fault matrix: what a row is, and how a row is judged.

A row names a fault, does it to the shipped ledger many times, and reports every broken invariant. A row that
finds nothing proves little by itself, so each is run a second time with a known bug planted in the product;
a row that does not notice the planted bug is itself broken, and fails like a violation would.
"""

import importlib.metadata
import multiprocessing
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import apsw

WORKERS = 2
CONTROL_TRIES_MIN = 300
"""How often a row may try to notice its planted bug, however short it runs: it stops at the first catch."""
WORKER_TIMEOUT_SECONDS = 3_600


class Scale(StrEnum):
    """How long a run may take."""

    TEST = "test"
    """Inside `make test`: a sample of each row."""
    CI = "ci"
    """`make faults`: the counts that a change must survive."""
    RELEASE = "release"
    """As far as a night allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken promise."""

    iteration: int
    invariant: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a row is asked to do."""

    count: int
    seed: int
    control: str | None
    """The bug to plant, by its name in `controls`; such a run ends at its first catch."""
    folder: Path
    """An empty folder for whatever the row writes."""

    def random(self, iteration: int) -> random.Random:
        """The dice of one iteration: the same for the same seed, whichever process throws them."""
        return random.Random(f"{self.seed}/{iteration}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a row did and found."""

    done: int
    violations: tuple[Violation, ...]
    remark: str = ""
    """Whatever a reader of the table must know: why it is smaller than asked, what it does not cover."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault."""

    number: int
    name: str
    tool: str
    checks: str
    control: str
    """The name in `controls` of the bug that this row must catch."""
    counts: Mapping[Scale, int]
    run: Callable[[Plan], Outcome]
    needs: tuple[str, ...] = ()
    """Tools a machine may lack: `strace`, `tmpfs`, `bwrap`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the table: the row as it ran, and whether it noticed its planted bug."""

    row: Row
    seed: int
    seconds: float
    asked: int
    done: int = 0
    remark: str = ""
    missing: tuple[str, ...] = ()
    """Tools without which the row did not run."""
    caught_at: int | None = None
    """The iteration that noticed the planted bug."""
    caught_as: str = ""
    violations: tuple[Violation, ...] = field(default=(), repr=False)

    @property
    def complaints(self) -> list[str]:
        """Why this line is not green."""
        found = [f"{each.invariant} at iteration {each.iteration}: {each.what}" for each in self.violations]
        if self.missing:
            return [f"did not run: {', '.join(self.missing)} cannot be used here"]
        if self.caught_at is None:
            found.append(f"the planted bug {self.row.control!r} was not noticed")
        if self.done < self.asked and not self.remark:
            found.append(f"did {self.done:,} of {self.asked:,} and does not say why")
        return found


def examine(row: Row, scale: Scale, *, seed: int, count: int | None = None) -> Line:
    """Run a row on the product as it ships, then with its bug planted."""
    asked = row.counts[scale] if count is None else count
    missing = tuple(need for need in row.needs if not _USABLE[need]())
    if missing:
        return Line(row=row, seed=seed, seconds=0.0, asked=asked, missing=missing)
    began = time.monotonic()
    shipped = _run(row, count=asked, seed=seed, control=None)
    planted = _run(row, count=max(asked, CONTROL_TRIES_MIN), seed=seed, control=row.control)
    caught = min(planted.violations, key=lambda each: each.iteration, default=None)
    return Line(
        row=row,
        seed=seed,
        seconds=time.monotonic() - began,
        asked=asked,
        done=shipped.done,
        remark=shipped.remark,
        caught_at=caught.iteration if caught else None,
        caught_as=caught.invariant if caught else "",
        violations=shipped.violations,
    )


def spread(
    work: Callable[[int], list[Violation]],
    iterations: Iterable[int],
    *,
    until_caught: bool,
    workers: int = WORKERS,
) -> Outcome:
    """Do the iterations on several processes; results count in order, so that a seed tells one story.

    `work` is a module's function or a partial of one: each process imports it anew, so nothing is inherited.
    """
    done, found = 0, list[Violation]()
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for result in _in_order(pool, work, iterations, ahead=workers * 2):
            done += 1
            found += result
            if found and until_caught:
                pool.shutdown(wait=True, cancel_futures=True)  # whoever is at work still uses the folder
                break
    return Outcome(done=done, violations=tuple(found))


def versions() -> str:
    """The libraries and the machine a table was made with."""
    return (
        f"SQLite {apsw.sqlite_lib_version()}, apsw {apsw.apsw_version()},"
        f" cryptography {importlib.metadata.version('cryptography')},"
        f" Python {platform.python_version()}, {platform.system()} {platform.release()}"
    )


TABLE_HEAD = (
    "| row | fault | tool | checks | done | seed | seconds | violations | planted bug | noticed at |\n"
    "| ---: | --- | --- | --- | ---: | ---: | ---: | ---: | --- | --- |"
)


def table_line(line: Line) -> str:
    """One line of the table, in Markdown."""
    row = line.row
    caught = "**not noticed**" if line.caught_at is None else f"iteration {line.caught_at:,} ({line.caught_as})"
    if line.missing:
        caught = f"did not run: no {', no '.join(line.missing)}"
    done = f"{line.done:,}" if line.done >= line.asked else f"{line.done:,} of {line.asked:,}"
    return (
        f"| {row.number} | {row.name} | {row.tool} | {row.checks} | {done} | {line.seed} | {line.seconds:.0f}"
        f" | {len(line.violations)} | {row.control} | {caught} |"
    )


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder in memory where there is one: thousands of homes are written and thrown away."""
    memory = Path("/dev/shm")
    parent = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="haloop-faults-", dir=parent) as name:
        yield Path(name)


def child_command(module: str, *arguments: object) -> list[str]:
    """How to start one of these modules as a process of its own."""
    return [sys.executable, "-m", f"tests.faults.{module}", *map(str, arguments)]


def child_environment() -> dict[str, str]:
    """What such a process is told: where this repository is, and nothing of whoever runs the matrix."""
    repository = Path(__file__).parents[2]
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(repository), "PYTHONDONTWRITEBYTECODE": "1"}


def _run(row: Row, *, count: int, seed: int, control: str | None) -> Outcome:
    with scratch_folder() as folder:
        return row.run(Plan(count=count, seed=seed, control=control, folder=folder))


def _in_order(
    pool: ProcessPoolExecutor,
    work: Callable[[int], list[Violation]],
    iterations: Iterable[int],
    *,
    ahead: int,
) -> Iterator[list[Violation]]:
    waiting: list[Future[list[Violation]]] = []
    for iteration in iterations:
        waiting.append(pool.submit(work, iteration))
        if len(waiting) > ahead:
            yield waiting.pop(0).result(timeout=WORKER_TIMEOUT_SECONDS)
    for future in waiting:
        yield future.result(timeout=WORKER_TIMEOUT_SECONDS)


def _strace_usable() -> bool:
    """Installed, and allowed to watch: a container may forbid it."""
    found = shutil.which("strace")
    return found is not None and subprocess.run([found, "-o", os.devnull, "true"], check=False).returncode == 0


def _tmpfs_usable() -> bool:
    """Whether this user may mount a small disk of memory."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False, capture_output=True
        )
        if mounted.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return mounted.returncode == 0


def _bwrap_usable() -> bool:
    """Installed, and allowed to make namespaces: a container may forbid it."""
    found = shutil.which("bwrap")
    return found is not None and subprocess.run([found, "--ro-bind", "/", "/", "true"], check=False).returncode == 0


_USABLE: Mapping[str, Callable[[], bool]] = {
    "strace": _strace_usable,
    "tmpfs": _tmpfs_usable,
    "bwrap": _bwrap_usable,
}
