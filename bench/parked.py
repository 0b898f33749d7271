"""`python -m bench.parked`: what a great many parked runs cost.

Each of them is the run of `gated_run`, left at its real gate with its draft. One process parks them and ends; a
new one takes them up, wakes some, decides them, and works on beside the rest. A third one works without any.
"""

import argparse
import asyncio
import json
import random
import statistics
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, TypeVar

from bench.gated_run import GatedRuns, opened
from bench.peers.measure import AT_ONCE, rate
from bench.peers.work import Book, Booking, Table
from haloop.kernel.gate import GateId, run_of

T = TypeVar("T")

COUNT = 100_000
WOKEN = 200
RATE_SECONDS = 6


class TimedBook(Book):
    """Notes when it was called last."""

    called_at = 0.0

    async def reserve(self, key: str, table: Table) -> Booking:
        self.called_at = perf_counter()
        return await super().reserve(key, table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured."""

    parked: int
    parked_per_second: float = 0.0
    megabytes_ready: float = 0.0
    megabytes_after_work: float = 0.0
    seconds_to_ready: float = 0.0
    seconds_to_timers: float = 0.0
    wake_p50_milliseconds: float = 0.0
    wake_p99_milliseconds: float = 0.0
    call_after_decision_woken_p50_milliseconds: float = 0.0
    call_after_decision_in_memory_p50_milliseconds: float = 0.0
    runs_per_second_beside: float = 0.0
    runs_per_second_without: float = 0.0

    def lines(self) -> list[str]:
        """The table."""
        beside = self.runs_per_second_beside / self.runs_per_second_without
        in_memory, woken = (
            self.call_after_decision_in_memory_p50_milliseconds,
            self.call_after_decision_woken_p50_milliseconds,
        )
        rows = [
            ("measured", "figure", "target"),
            ("---", "---", "---"),
            (
                "parked, each at a gate with its draft",
                f"{self.parked:,}, at {self.parked_per_second:,.0f}/s",
                "100,000",
            ),
            (
                "memory of the process, ready / after work",
                f"{self.megabytes_ready:,.0f} / {self.megabytes_after_work:,.0f} MB",
                "≤ 300 MB",
            ),
            (
                "start to ready (to all timers known)",
                f"{self.seconds_to_ready:.1f} s ({self.seconds_to_timers:.1f} s)",
                "≤ 5 s",
            ),
            (
                "waking one, p50 (p99)",
                f"{self.wake_p50_milliseconds:.1f} ms ({self.wake_p99_milliseconds:.1f} ms)",
                "≤ 20 ms",
            ),
            (
                "decision to the effect's call, p50, in memory / woken",
                f"{in_memory:.1f} / {woken:.1f} ms",
                "≤ 3 ms / and the wake",
            ),
            (
                "gated runs per second, beside them / without",
                f"{self.runs_per_second_beside:,.0f} / {self.runs_per_second_without:,.0f} ({beside:.2f})",
                "≥ 0.80",
            ),
        ]
        return [f"| {' | '.join(row)} |" for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.parked", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a smoke test: few, and its figures mean nothing")
    count = 500 if parser.parse_args().small else COUNT
    with TemporaryDirectory(prefix="haloop-parked-") as folder:
        figures = measure(Path(folder), count)
    print("\n".join(figures.lines()))
    print(json.dumps({"bench": "parked", "figures": asdict(figures)}, ensure_ascii=False))


def measure(folder: Path, count: int) -> Figures:
    """Park, start anew, and compare; each in a process of its own, whose memory is nobody else's."""
    parked_per_second = _in_process(_park, folder / "full", count)
    figures: Figures = _in_process(_take_up, folder / "full", count)
    without = _in_process(_work_alone, folder / "empty", count)
    return replace(figures, parked_per_second=parked_per_second, runs_per_second_without=without)


def _in_process(work: Callable[[Path, int], Coroutine[Any, Any, T]], folder: Path, count: int) -> T:
    folder.mkdir(exist_ok=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        return processes.submit(_run, work, folder, count).result()


def _run(work: Callable[[Path, int], Coroutine[Any, Any, T]], folder: Path, count: int) -> T:
    return asyncio.run(work(folder, count))


async def _park(folder: Path, count: int) -> float:
    async with opened(folder) as engine:
        left = iter(range(count))

        async def park_some() -> None:
            for _ in left:
                await engine.park()

        started = perf_counter()
        async with asyncio.TaskGroup() as people:
            for _ in range(AT_ONCE):
                people.create_task(park_some())
        return count / (perf_counter() - started)


async def _take_up(folder: Path, count: int) -> Figures:
    book = TimedBook()
    started = perf_counter()
    async with opened(folder, book) as engine:
        ready = perf_counter() - started
        megabytes = _megabytes()
        await engine.timers_read()
        timers = perf_counter() - started
        gates = random.Random(7).sample(engine.parked(), 2 * WOKEN if count > 2 * WOKEN else 2)
        assert len(engine.parked()) == count
        woken = [await _timed(engine.wake(gate)) for gate in gates[: len(gates) // 2]]
        called = [await _decided(engine, book, gate) for gate in gates[len(gates) // 2 :]]
        in_memory = [await _decided_at_once(engine, book) for _ in range(len(called))]
        beside = await rate(engine, seconds=RATE_SECONDS)
        return Figures(
            parked=count,
            megabytes_ready=megabytes,
            megabytes_after_work=_megabytes(),
            seconds_to_ready=ready,
            seconds_to_timers=timers,
            wake_p50_milliseconds=1000 * statistics.median(woken),
            wake_p99_milliseconds=1000 * sorted(woken)[len(woken) * 99 // 100],
            call_after_decision_woken_p50_milliseconds=1000 * statistics.median(called),
            call_after_decision_in_memory_p50_milliseconds=1000 * statistics.median(in_memory),
            runs_per_second_beside=beside,
        )


async def _work_alone(folder: Path, _count: int) -> float:
    async with opened(folder) as engine:
        return await rate(engine, seconds=RATE_SECONDS)


async def _timed(work: Awaitable[None]) -> float:
    started = perf_counter()
    await work
    return perf_counter() - started


async def _decided(engine: GatedRuns, book: TimedBook, gate: GateId) -> float:
    """From somebody's turning to a parked gate to the call of what they said yes to."""
    started = perf_counter()
    await engine.approve(run_of(gate), gate)
    return book.called_at - started


async def _decided_at_once(engine: GatedRuns, book: TimedBook) -> float:
    await engine.gated_run()
    return book.called_at - engine.decided_at


def _megabytes() -> float:
    """The resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
