"""Row 1: the power goes out at any moment.

The workload is recorded once, every write and sync of ledger, keys, witness and secrets in one order; then the
power is cut thousands of times in that recording. Each cut leaves a disk on which unsynced sectors are old or
new as the dice have it. The home on it must open as shipped, hold everything that had been acknowledged by
then, satisfy the verifier, and not believe that it was rolled back.
"""

import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from tests.faults.disk import Disk, Operation, Write
from tests.faults.invariants import Acknowledged, Broken, Known, check, restart
from tests.faults.matrix import WORKERS, Outcome, Plan, Row, Scale, Violation, spread
from tests.faults.recording import OPTIONS, read_recording
from tests.faults.tracing import Day
from tests.faults.workload import ON_ITS_WAY_MAX, Shape, read_seen

CUTS_IN_A_ROW = 40
"""Cuts that one pass over a recording makes."""

SHAPES = (
    Shape(sessions=2, runs=3, turns=3, seals=1),
    Shape(sessions=3, runs=3, turns=3, seals=1, large=4),
    Shape(sessions=2, runs=5, turns=2, seals=1),
    Shape(sessions=1, runs=6, turns=16, large=90),
)
"""What is recorded. The last fills the write-ahead log until it is moved into the ledger and begun again."""

LONG, LONG_EVERY = len(SHAPES) - 1, 25
"""Its homes are large: a pass now and then is enough."""

VERIFIED_EVERY = 3
"""How many homes share one run of the verifier, which takes as long as all the rest."""


def run(plan: Plan) -> Outcome:
    """Cut the power `count` times."""
    with ThreadPoolExecutor(WORKERS) as pool:  # each waits for a process of its own
        recordings = list(pool.map(partial(_record, plan), range(len(SHAPES))))
    passes = range(-(-plan.count // CUTS_IN_A_ROW))
    outcome = spread(partial(_cut, plan), passes, until_caught=plan.control is not None)
    lengths = ", ".join(f"{len(operations):,}" for operations in recordings)
    return Outcome(
        done=outcome.done * CUTS_IN_A_ROW,
        violations=outcome.violations,
        remark=f"{len(SHAPES)} recordings of {lengths} operations; the verifier looks at one"
        f" home in {VERIFIED_EVERY}, all other checks at every one; a new folder's own entry is taken as durable.",
    )


def _record(plan: Plan, number: int) -> list[Operation]:
    """One workload, from the making of the home through several openings."""
    folder = plan.folder / f"recorded-{number}"
    shape = replace(SHAPES[number], seed=plan.seed + number)
    trace = Day(shape=shape, before=None).record(folder, plan.control, OPTIONS)
    operations = read_recording(trace, folder)
    shutil.rmtree(folder)
    _recording(plan.folder, number).write_bytes(pickle.dumps(operations))
    return operations


def _cut(plan: Plan, number: int) -> list[Violation]:
    """One pass over a recording, cutting the power at several moments on the way."""
    recording = LONG if number % LONG_EVERY == LONG_EVERY - 1 else number % LONG
    operations = _load(_recording(plan.folder, recording))
    dice = plan.random(number)
    moments = sorted(dice.choices(range(1, len(operations) + 1), k=CUTS_IN_A_ROW))
    disk, done, outside = Disk(), 0, {"acknowledged": b"", "seen": b""}
    found: list[Violation] = []
    for n, moment in enumerate(moments):
        for operation in operations[done:moment]:
            disk.do(operation)
            if isinstance(operation, Write) and operation.path in outside:
                outside[operation.path] += operation.data
        done = moment
        folder = plan.folder / f"cut-{number}"
        disk.lose_power(dice, folder)
        known = Known(
            acknowledged=Acknowledged.read(outside["acknowledged"]),
            on_its_way_max=ON_ITS_WAY_MAX,
            checkpoints=read_seen(outside["seen"]),
        )
        broken = _judge(folder, known, verified=n % VERIFIED_EVERY == 0)
        shutil.rmtree(folder)
        where = f"cut after operation {moment} of recording {recording} ({operations[moment - 1]!r:.80})"
        iteration = number * CUTS_IN_A_ROW + n
        found += [Violation(iteration=iteration, invariant=b.invariant, what=f"{where}: {b.what}") for b in broken]
        if found and plan.control is not None:
            break
    return found


def _judge(folder: Path, known: Known, *, verified: bool) -> list[Broken]:
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    return restart(home, folder / "witness") + check(home, known, verified=verified)


def _recording(folder: Path, number: int) -> Path:
    return folder / f"recording-{number}"


@cache
def _load(recording: Path) -> list[Operation]:
    operations: list[Operation] = pickle.loads(recording.read_bytes())
    return operations


ROW = Row(
    number=1,
    name="power cut, torn and lost sectors",
    tool="strace recording",
    checks="I1 I2",
    control="synchronous=NORMAL",
    counts={Scale.TEST: 2_000, Scale.CI: 100_000, Scale.RELEASE: 5_000_000},
    run=run,
    needs=("strace",),
)
