"""Row 5: the disk answers a call with an I/O error, each call in its turn.

After a failed sync nobody knows what is on the disk, and the next sync would succeed: the only honest thing is
to stop. So the workload, under strace, must end by a named error (exit 70 where the writer was hit, a refusal
to start where the opening was), and never with success. Opened again on a disk that works, the home has
everything that was acknowledged.
"""

import shutil
from functools import partial
from pathlib import Path

from haloop.kernel.errors import Exit
from tests.faults.invariants import Broken, Known, check, restart
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, spread
from tests.faults.tracing import Day, Point, Struck, calls_made, choose, strike, tally, two_days
from tests.faults.workload import ON_ITS_WAY_MAX, acknowledged, seen

CALLS = ("openat", "pwrite64", "write", "fdatasync", "fsync", "ftruncate")
NUMBER_MAX = 300
"""Which call of its kind may fail, at most; a release goes as far as the workload does."""


def run(plan: Plan) -> Outcome:
    """Fail `count` calls, or all there are if that is fewer."""
    days = two_days(plan.folder, plan.seed)
    made = [point for day in days for point in _calls(day, plan)]
    chosen = choose(made, min(plan.count, len(made)), plan.random(0))
    outcome = spread(partial(_fail, plan, chosen), range(len(chosen)), until_caught=plan.control is not None)
    return Outcome(
        done=outcome.done,
        violations=outcome.violations,
        remark=f"out of {len(made):,} calls that a workload makes on its home and witness ({tally(made)}).",
    )


def _calls(day: Day, plan: Plan) -> list[Point]:
    """The calls of one day on home and witness, up to a number of each kind."""
    made = calls_made(day, plan.folder / "undisturbed", CALLS)
    ours = [point for point in made if point.path.startswith(("home", "witness"))]
    number_max = NUMBER_MAX if plan.count <= ROW.counts[Scale.CI] else len(ours)
    return [point for call in CALLS for point in [one for one in ours if one.call == call][:number_max]]


def _fail(plan: Plan, chosen: list[tuple[Point, ...]], iteration: int) -> list[Violation]:
    folder = plan.folder / str(iteration)
    struck = strike(chosen[iteration], folder, plan.control, "error=EIO")
    found = _stopped(struck) + _survived(folder)
    shutil.rmtree(folder)
    what = f"EIO at {struck.at}"
    return [Violation(iteration=iteration, invariant=one.invariant, what=f"{what}: {one.what}") for one in found]


def _stopped(struck: Struck) -> list[Broken]:
    """The process must have ended, saying why in words of ours."""
    if struck.code == 0 and _may_go_on(struck.at):
        return []
    if struck.code == 0:
        return [Broken(invariant="I1", what="the workload went on as if nothing had happened")]
    if struck.code not in _ENDINGS or not struck.said.startswith("haloop: "):
        return [Broken(invariant="I1", what=f"ended with {struck.code}, saying {struck.said.splitlines()[-3:]}")]
    return []


def _may_go_on(at: Point) -> bool:
    """Where an error need not stop the ledger: nothing it says is durable hangs on that call.

    SQLite opens a second time what did not open at first, and ignores how its own syncs of the folder end;
    the folder is made durable by a sync of ours, which is another call.
    """
    return at.call == "openat" or (at.call, at.path) == ("fdatasync", "home")


def _survived(folder: Path) -> list[Broken]:
    """On a disk that works again, the home has all that was acknowledged."""
    known = Known(acknowledged=acknowledged(folder), on_its_way_max=ON_ITS_WAY_MAX, checkpoints=seen(folder))
    home = folder / "home"
    return restart(home, folder / "witness") + check(home, known)


_ENDINGS = frozenset({Exit.POISONED, Exit.UNUSABLE})

ROW = Row(
    number=5,
    name="EIO at every write, sync and open",
    tool="strace",
    checks="I1 I2, stops by name",
    control="swallow I/O errors",
    counts={Scale.TEST: 20, Scale.CI: 1_000, Scale.RELEASE: 6_000},
    run=run,
    needs=("strace",),
)
