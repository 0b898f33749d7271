"""How soon a program in a sandbox says its first word: `python -m bench.sandboxes` prints a table and one JSON line.

Bubblewrap as the product starts it, with all its limits; beside it a plain process, below which nobody can go, and the
same program in a container, created and started over the daemon's API as Docker's own command does. All in turns, so
that a busy moment meets each. Without a daemon that row is left out, and said to be.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.ledger import Measure
from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.connectors.sandboxes.docker import Docker
from haloop.ports.sandboxes import Sandboxes, Work
from tests.connectors.sandboxes import dockerd

LIMIT_SECONDS = 0.025
SAYS = ("sh", "-c", "echo here")

Start = Callable[[], Awaitable[float]]


async def measure(*, small: bool) -> list[Measure]:
    """Medians and the worst of each, after one that warms the disk's cache."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory(prefix="haloop-sandboxes-")))
        (folder / "mission").mkdir()
        starts: dict[str, Start] = {
            "a plain process": _plain,
            "bubblewrap": _in(Bubblewrap(folder / "runtime", "bench"), folder / "mission"),
        }
        if dockerd.PROGRAM is not None:
            at = opened.enter_context(dockerd.dockerd())
            docker = opened.enter_context(closing(Docker(at, dockerd.OWN_TOOLS, "bench")))
            starts["docker"] = _in(docker, folder / "mission")
        seconds = await _in_turns(starts, 3 if small else 20)
    return [_measure(name, all_of_it, seconds) for name, all_of_it in seconds.items()]


async def _in_turns(starts: Mapping[str, Start], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in starts}
    for turn in range(rounds + 1):
        for name, start in starts.items():
            took = await start()
            if turn:
                seconds[name].append(took)
    return seconds


async def _plain() -> float:
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*SAYS, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    took = time.perf_counter() - started
    await process.communicate()
    return took


def _in(sandboxes: Sandboxes, folder: Path) -> Start:
    async def start() -> float:
        started = time.perf_counter()
        sandbox = await sandboxes.start(Work(name="bench", labels={}, command=SAYS, folder=folder))
        await sandbox.talks.readline()
        took = time.perf_counter() - started
        await asyncio.gather(sandbox.talks.read(), sandbox.complains.read())
        await sandbox.over()
        return took

    return start


def _measure(name: str, seconds: list[float], beside: Mapping[str, list[float]]) -> Measure:
    ours = statistics.median(seconds)
    limit = LIMIT_SECONDS if name == "bubblewrap" else None
    times = ours / statistics.median(beside["a plain process"])
    note = f"{times:,.0f} times a plain process; worst {max(seconds) * 1_000:,.0f} ms of {len(seconds)}"
    target = "" if limit is None else f"≤ {limit * 1_000:g}"
    reached = limit is None or ours <= limit
    return Measure(f"{name}: start to first output, p50", ours * 1_000, "ms", target, reached, note)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.sandboxes", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a smoke test: short, and its figures mean nothing")
    measures = asyncio.run(measure(small=parser.parse_args().small))
    print("| measured | figure | target | reached | |\n| --- | --- | --- | --- | --- |")
    for one in measures:
        print(one.line())
    if dockerd.PROGRAM is None:
        print("\nDocker is not installed, so its row is missing.")
    print(json.dumps({"bench": "sandboxes", "figures": [asdict(one) for one in measures]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
