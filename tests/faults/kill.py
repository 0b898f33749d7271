"""Row 2: the process is killed at a system call, each in its turn.

The workload runs under strace, which kills it at the n-th call of one kind: a write, a sync, a truncation, an
unlink, a rename. Whatever it had heard as done by then must be there when the home is opened again.
"""

import shutil
from functools import partial
from pathlib import Path

from tests.faults.invariants import Broken, Known, check, restart
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, spread
from tests.faults.tracing import CHANGING_CALLS, Point, calls_made, choose, strike, tally, two_days
from tests.faults.workload import ON_ITS_WAY_MAX, acknowledged, seen


def run(plan: Plan) -> Outcome:
    """Kill `count` workloads, spread evenly over all calls that change a file."""
    days = two_days(plan.folder, plan.seed)
    made = [point for day in days for point in calls_made(day, plan.folder / "undisturbed", CHANGING_CALLS)]
    chosen = choose(made, plan.count, plan.random(0))
    outcome = spread(partial(_kill, plan, chosen), range(len(chosen)), until_caught=plan.control is not None)
    return Outcome(
        done=outcome.done,
        violations=outcome.violations,
        remark=f"kills spread over {len(made):,} calls ({tally(made)}); I3 to I5 come with effects.",
    )


def _kill(plan: Plan, chosen: list[tuple[Point, ...]], iteration: int) -> list[Violation]:
    folder = plan.folder / str(iteration)
    struck = strike(chosen[iteration], folder, plan.control, "signal=KILL")
    found = _survived(folder)
    shutil.rmtree(folder)
    what = f"killed at {struck.at}"
    return [Violation(iteration=iteration, invariant=one.invariant, what=f"{what}: {one.what}") for one in found]


def _survived(folder: Path) -> list[Broken]:
    """What a killed workload left behind, after a restart."""
    known = Known(acknowledged=acknowledged(folder), on_its_way_max=ON_ITS_WAY_MAX, checkpoints=seen(folder))
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return restart(home, folder / "witness") + check(home, known)


ROW = Row(
    number=2,
    name="SIGKILL at every write and sync",
    tool="strace",
    checks="I1 I2",
    control="acknowledge before commit",
    counts={Scale.TEST: 30, Scale.CI: 1_500, Scale.RELEASE: 20_000},
    run=run,
    needs=("strace",),
)
