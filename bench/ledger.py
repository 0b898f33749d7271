"""How fast the ledger is, beside the floor: `make bench` prints a table and one JSON line.

Everything is interleaved on one machine in one run, and medians are quoted, because small machines are noisy.
The workload was fixed before any tuning: runs of twenty events, each of two parts of 200 bytes, every event
awaited by its producer before the next.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.floor import Rows, bare_commit_milliseconds, write_bare
from bench.gated_run import opened
from bench.peers.measure import rate
from haloop.kernel.ids import AccountId, RunId, new_run_id
from haloop.kernel.ledger import RUN_ENDED, START, Chain, Entry, Head
from haloop.kernel.part import Part
from haloop.store.signing import read_or_make_signer
from haloop.store.sqlite import SqliteLedger
from haloop.store.submission import Submission
from haloop.store.verify import verify_home

PRODUCERS = 64
EVENTS_A_RUN = 20
BODY = b'{"text":"' + b"y" * 189 + b'"}'
VERIFIER = Path(__file__).parent.parent / "tools" / "verify_receipt.py"


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure, its target, and whether it was reached."""

    name: str
    value: float
    unit: str
    target: str
    reached: bool
    note: str = ""

    def line(self) -> str:
        mark = "yes" if self.reached else "NO"
        return f"| {self.name} | {self.value:,.3f} {self.unit} | {self.target} | {mark} | {self.note} |"


async def measure(*, small: bool) -> list[Measure]:
    """All figures; `small` shortens the two-million-event part to a smoke test."""
    with TemporaryDirectory(prefix="haloop-bench-") as folder:
        place = Path(folder)
        throughput = await _throughput(place, rounds=2 if small else 7, events=3_840 if small else 12_800)
        latency = await _latency(place)
        gated = await _gated(place, seconds=1.0 if small else 5.0)
        growth = await _growth(place, 40_000 if small else 2_000_000)
        return [*throughput, *gated, *latency, *growth]


async def _throughput(place: Path, *, rounds: int, events: int) -> list[Measure]:
    ratios, ours = [], []
    for round_number in range(rounds):
        home = place / f"throughput-{round_number}"
        async with _ledger(home) as ledger:
            batches = _record_batches(ledger)
            seconds = await _produce(ledger, await ledger.open_account(), events)
        batches = batches[-_count_batches(batches, events) :]
        rows = Rows.read(home, batches)
        bare = write_bare(rows, home)
        ours.append(events / seconds)
        ratios.append(bare / seconds * events / sum(batches))
    ratio, rate = statistics.median(ratios), statistics.median(ours)
    floor = statistics.median([one / share for one, share in zip(ours, ratios, strict=True)])
    note = f"{rate:,.0f} events/s; floor {floor:,.0f}; ratios {min(ratios):.2f}–{max(ratios):.2f}"
    return [Measure(f"events/s, {PRODUCERS} producers, of the floor", ratio, "", "≥ 0.5", ratio >= 0.5, note)]


async def _gated(place: Path, *, seconds: float) -> list[Measure]:
    """Whole gated runs, beside the floor for the very events and bytes that they left."""
    folder = place / "gated"
    folder.mkdir()
    async with opened(folder) as runs:
        batches, appended = _record_batches(runs.ledger), _record_appends(runs.ledger)
        await rate(runs, seconds=seconds / 5)
        warm = len(batches)
        started = time.perf_counter()
        await rate(runs, seconds=seconds)
        took = time.perf_counter() - started
    measured = batches[warm:]
    bare = write_bare(Rows.read(folder / "home", measured), folder)
    share, events = bare / took, sum(measured)
    note = f"{events / took:,.0f} events/s; floor {events / bare:,.0f}"
    whole = [run for run in appended.values() if run[-1][-1].kind == RUN_ENDED]
    async with _ledger(place / "alone") as ledger:
        alone = len(whole) / await _append_again(ledger, await ledger.open_account(), whole)
    each = f"{len(whole[-1])} appends of {sum(map(len, whole[-1]))} facts; what any engine on it stays below"
    return [
        Measure("a gated run's events/s, 64 at once, of the floor", share, "", "≥ 0.25", share >= 0.25, note),
        Measure("the ledger alone, given a gated run's facts", alone, "runs/s", "", reached=True, note=each),
    ]


async def _latency(place: Path) -> list[Measure]:
    bare, text = bare_commit_milliseconds(place), ""
    async with _ledger(place / "latency") as ledger:
        account = await ledger.open_account()
        seconds = await _one_producer(ledger, account, 1_000)
        index = (await ledger.events(account))[-1].index
        await ledger.sealed(account, index)
        making = []
        for _ in range(50):
            started = time.perf_counter()
            receipt = await ledger.receipt(
                account, {index - 2: ["card"], index - 1: ["card"], index: ["card", "draft"]}
            )
            text = receipt.encode()
            making.append(time.perf_counter() - started)
        file = place / "receipt.json"
        file.write_text(text)
        key = str(ledger.verifier_key(account))
    acknowledged = statistics.median(seconds) * 1_000
    checking = [_verify_by_script(file, key) for _ in range(9)]
    disk = f"a bare durable commit takes {bare:.3f} ms here"
    return [
        Measure("append to acknowledged, one producer, p50", acknowledged, "ms", "≤ 1", acknowledged <= 1, disk),
        _at_most("receipt file made", statistics.median(making) * 1_000, 5),
        _at_most("receipt verified by the script, interpreter included", statistics.median(checking) * 1_000, 200),
    ]


async def _growth(place: Path, events: int) -> list[Measure]:
    """The rate on a long ledger beside the rate on a short one, then checking the long one."""
    home = place / "growth"
    async with _ledger(home) as ledger:
        account = await ledger.open_account()
        short = statistics.median([10_240 / await _produce(ledger, account, 10_240) for _ in range(3)])
        while (await _size(ledger, account)) < events:
            await _produce(ledger, account, min(64_000, events))
        long = statistics.median([10_240 / await _produce(ledger, account, 10_240) for _ in range(3)])
    headers, bodies = _verify(home, bodies=False), _verify(home, bodies=True)
    share = long / short
    note = f"{short:,.0f}/s at ten thousand, {long:,.0f}/s at {events:,}"
    return [
        Measure(f"rate at {events:,} events, of the rate at 10,000", share, "", "≥ 0.8", share >= 0.8, note),
        Measure("verify, tree and headers", headers, "events/s", "≥ 250,000", headers >= 250_000),
        Measure("verify, with bodies and projections", bodies, "events/s", "≥ 80,000", bodies >= 80_000),
    ]


@asynccontextmanager
async def _ledger(home: Path) -> AsyncIterator[SqliteLedger]:
    home.mkdir()
    signer = read_or_make_signer(home / "secrets")
    async with SqliteLedger.opened(home, signer=signer, witness_folder=home / "state") as ledger:
        yield ledger


async def _produce(ledger: SqliteLedger, account: AccountId, events: int) -> float:
    """Seconds that all producers together take."""
    started = time.perf_counter()
    await asyncio.gather(*(_one_producer(ledger, account, events // PRODUCERS) for _ in range(PRODUCERS)))
    return time.perf_counter() - started


async def _one_producer(ledger: SqliteLedger, account: AccountId, events: int) -> list[float]:
    seconds: list[float] = []
    chain, head = Chain(account=account, run_id=new_run_id()), START
    for number in range(events):
        if number % EVENTS_A_RUN == 0:
            chain, head = Chain(account=account, run_id=new_run_id()), START
        started = time.perf_counter()
        parts = (Part(name="card", body=BODY), Part(name="draft", body=BODY))
        pending = ledger.append(chain, head, Entry(kind="step.done", actor="kernel", parts=parts))
        await pending
        seconds.append(time.perf_counter() - started)
        head = pending.head
    return seconds


async def _size(ledger: SqliteLedger, account: AccountId) -> int:
    head = await ledger.sealed(account, 0)
    return int(head.splitlines()[1])


def _record_batches(ledger: SqliteLedger) -> list[int]:
    """Watch the writer's commits, to give the floor the same ones."""
    sizes: list[int] = []
    commit = ledger._writer._commit  # noqa: SLF001  # a measurement may look inside

    def watched(submissions: list[Submission]) -> None:
        sizes.append(sum(len(one.leaves) for one in submissions))
        commit(submissions)

    ledger._writer._commit = watched  # type: ignore[method-assign]  # noqa: SLF001
    return sizes


def _record_appends(ledger: SqliteLedger) -> dict[RunId, list[tuple[Entry, ...]]]:
    """Watch what an engine appends, run by run."""
    said: dict[RunId, list[tuple[Entry, ...]]] = defaultdict(list)
    append = ledger.append

    def watched(chain: Chain, after: Head, *entries: Entry) -> Submission:
        said[chain.run_id].append(entries)
        return append(chain, after, *entries)

    ledger.append = watched  # type: ignore[method-assign]
    return said


async def _append_again(ledger: SqliteLedger, account: AccountId, runs: list[list[tuple[Entry, ...]]]) -> float:
    """Seconds in which a ledger takes the same facts from as many producers, with nobody to think them up."""

    async def one_producer(share: list[list[tuple[Entry, ...]]]) -> None:
        for appends in share:
            chain, head = Chain(account=account, run_id=new_run_id()), START
            for entries in appends:
                pending = ledger.append(chain, head, *entries)
                head = pending.head
                await pending

    started = time.perf_counter()
    await asyncio.gather(*(one_producer(runs[number::PRODUCERS]) for number in range(PRODUCERS)))
    return time.perf_counter() - started


def _count_batches(batches: list[int], events: int) -> int:
    """How many of the newest batches the measured events came in."""
    count, total = 0, 0
    while total < events:
        count += 1
        total += batches[-count]
    return count


def _verify_by_script(file: Path, key: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, VERIFIER, file, "--key", key], check=True, capture_output=True)
    return time.perf_counter() - started


def _verify(home: Path, *, bodies: bool) -> float:
    started = time.perf_counter()
    report = verify_home(home, bodies=bodies)
    assert report.ok, report.problems
    return report.events / (time.perf_counter() - started)


def _at_most(name: str, milliseconds: float, limit: float) -> Measure:
    return Measure(name, milliseconds, "ms", f"≤ {limit:g}", milliseconds <= limit)
