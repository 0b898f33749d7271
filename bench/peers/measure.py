"""The driver: the same runs through every engine, in turns, on one machine, in one go.

Each turn opens one engine alone in a new folder, so that none pays for another's background threads or server, takes
it through one round and closes it; then comes the next engine, and after the last the next round. Medians are quoted,
and ratios are made within a round, because small machines are noisy.
"""

import asyncio
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Protocol

from bench.peers.work import Book

AT_ONCE = 64
ROUND_SECONDS_MAX = 600


class Engine(Protocol):
    """What the driver needs of an engine, ours included."""

    name: str
    version: str
    promise: str
    """One honest sentence or two: what holds for the effect when a process dies, and what the yes is bound to."""
    book: Book

    async def gated_run(self) -> float:
        """Start, reach the gate, approve from outside, finish; seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One row of the table: how to open an engine in a folder, and whether it is a peer or ours."""

    opened: Callable[[Path], AbstractAsyncContextManager[Engine]]
    peer: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long to look."""

    rounds: int
    rate_seconds: float
    runs_alone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one turn of one engine showed."""

    name: str
    version: str
    promise: str
    runs_per_second: float
    seconds_alone: list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One engine's figures over all rounds."""

    engine: str
    version: str
    runs_per_second: float
    runs_per_second_min: float
    runs_per_second_max: float
    of_the_best_peer: float
    alone_p50_milliseconds: float
    guarantees: str

    def line(self) -> str:
        """The row as the table shows it."""
        rate = f"{self.runs_per_second:,.1f} ({self.runs_per_second_min:,.1f}–{self.runs_per_second_max:,.1f})"
        alone = f"{self.alone_p50_milliseconds:,.1f} ms"
        cells = [self.engine, self.version, rate, f"{self.of_the_best_peer:.2f}", alone, self.guarantees]
        return f"| {' | '.join(cells)} |"


def measure(contenders: Sequence[Contender], plan: Plan) -> list[Row]:
    """Everybody's rounds, A B C, A B C, and what they come to."""
    rounds: list[list[Round]] = [[] for _ in contenders]
    for _ in range(plan.rounds):
        for contender, its_rounds in zip(contenders, rounds, strict=True):
            # A loop of its own: an engine may leave its thread pool behind in the one it used.
            its_rounds.append(asyncio.run(_one_round(contender, plan)))
    peers = [its_rounds for contender, its_rounds in zip(contenders, rounds, strict=True) if contender.peer]
    best = max(peers, key=_median_rate)
    return [_row(its_rounds, best) for its_rounds in rounds]


async def rate(engine: Engine, *, seconds: float, at_once: int = AT_ONCE) -> float:
    """Runs per second with so many under way; each of them finishes, and at least one each."""
    started = perf_counter()

    async def one_after_another(finished: list[float]) -> None:
        while True:
            finished.append(await engine.gated_run())
            if perf_counter() - started >= seconds:
                return

    with _one_call_each(engine.book) as finished:
        async with asyncio.TaskGroup() as people:
            for _ in range(at_once):
                people.create_task(one_after_another(finished))
        elapsed = perf_counter() - started
    return len(finished) / elapsed


async def latency(engine: Engine, count: int) -> list[float]:
    """Seconds of each of so many runs, one at a time."""
    with _one_call_each(engine.book) as finished:
        for _ in range(count):
            finished.append(await engine.gated_run())
    return finished


async def _one_round(contender: Contender, plan: Plan) -> Round:
    with TemporaryDirectory(prefix="haloop-peers-") as folder:
        async with asyncio.timeout(ROUND_SECONDS_MAX), contender.opened(Path(folder)) as engine:
            await rate(engine, seconds=0)  # warm: everything imported, every table made
            return Round(
                name=engine.name,
                version=engine.version,
                promise=engine.promise,
                seconds_alone=await latency(engine, plan.runs_alone),
                runs_per_second=await rate(engine, seconds=plan.rate_seconds),
            )


@contextmanager
def _one_call_each(book: Book) -> Iterator[list[float]]:
    """Take down each finished run; afterwards the book must show exactly one call for each of them."""
    before = book.calls.total()
    finished: list[float] = []
    yield finished
    calls, most = book.calls.total() - before, max(book.calls.values())
    assert calls == len(finished), f"{len(finished)} runs were approved and the book shows {calls} calls"
    assert most == 1, f"the book shows {most} calls for one key"


def _row(its_rounds: list[Round], best: list[Round]) -> Row:
    rates = [one.runs_per_second for one in its_rounds]
    ratios = [mine / one.runs_per_second for mine, one in zip(rates, best, strict=True)]
    return Row(
        engine=its_rounds[0].name,
        version=its_rounds[0].version,
        runs_per_second=statistics.median(rates),
        runs_per_second_min=min(rates),
        runs_per_second_max=max(rates),
        of_the_best_peer=statistics.median(ratios),
        alone_p50_milliseconds=statistics.median(s for one in its_rounds for s in one.seconds_alone) * 1_000,
        guarantees=its_rounds[0].promise,
    )


def _median_rate(its_rounds: list[Round]) -> float:
    return statistics.median(one.runs_per_second for one in its_rounds)
