"""Row 6: the disk is full, for one call or for good.

Every other iteration uses a real disk, small and mounted for it: a process works on its home while another
program takes all but N pages, so that the disk fills up at another moment for each N. The process must end by
itself, poisoned. The other program takes the last page too, and still the home opens: how an effect ended is
recorded from the space set aside for that, all else is refused by name, and once there is room, work goes on
without a restart and the space is set aside anew. The iterations between let strace answer one single call of
a workload with "no space left": what was half written must not be built upon. Nothing acknowledged is lost, and
where work may go on because only the witness had no room, somebody is told and the next start makes up for it.
"""

import argparse
import asyncio
import errno
import os
import shutil
import subprocess
import sys
import time
from asyncio import timeout
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from random import Random

import apsw

from haloop.kernel.errors import Exit, HaloopError, NoRoom, Poisoned
from haloop.kernel.ids import AccountId, RunId, new_run_id
from haloop.kernel.ledger import EFFECT_INTENDED, START, Chain, Entry
from haloop.kernel.part import Part
from haloop.store.home import Room
from haloop.store.signing import read_or_make_signer
from haloop.store.sqlite import SqliteLedger, end_process
from haloop.store.witness import read_notes
from tests.faults.controls import planted
from tests.faults.invariants import Acknowledged, Broken, Known, check, restart
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, child_command, child_environment, spread
from tests.faults.tracing import Point, Struck, calls_made, choose, strike, two_days
from tests.faults.workload import ON_ITS_WAY_MAX, Outside, acknowledged, seen

CALLS = ("pwrite64", "write", "fallocate", "ftruncate")
DISK_BYTES = 12 * 1024 * 1024
BALLAST_BYTES = 1024 * 1024
"""A sixteenth of what ships; all else about opening the home is as shipped."""

PAGES_MAX = 300
_PAGE = 4096
_SECONDS_MAX = 30
_FACTS_MAX = 5_000


def run(plan: Plan) -> Outcome:
    """Fill the disk for good, and for one call, by turns."""
    original = _Disk(root=plan.folder / "original", outside=plan.folder / "original-outside")
    original.outside.mkdir(parents=True)
    asyncio.run(_furnish(original))
    points = _points(plan)
    work = partial(_iteration, plan, original, points)
    outcome = spread(work, range(plan.count), until_caught=plan.control is not None)
    levels = f"real disks with up to {len(_levels(plan))} levels of free pages"
    return Outcome(done=outcome.done, violations=outcome.violations, remark=f"{levels}; {len(points)} injected calls.")


def _levels(plan: Plan) -> Sequence[int]:
    """How many pages are left to the process: every number up to the limit, or a sample of them."""
    wanted = (plan.count + 1) // 2
    if wanted >= PAGES_MAX:
        return [number % PAGES_MAX for number in range(wanted)]
    return plan.random(-1).sample(range(PAGES_MAX), wanted)


def _points(plan: Plan) -> list[tuple[Point, ...]]:
    if plan.control is not None:
        return []  # the planted bug shows on a real disk only
    days = two_days(plan.folder, plan.seed)
    made = [point for day in days for point in calls_made(day, plan.folder / "undisturbed", CALLS)]
    ours = [point for point in made if point.path.startswith(("home", "witness"))]
    return choose(ours, plan.count // 2, plan.random(-2))


def _iteration(plan: Plan, original: "_Disk", points: list[tuple[Point, ...]], iteration: int) -> list[Violation]:
    half, injected = divmod(iteration, 2)
    if injected and not points:
        return []
    if injected:
        told, found = _one_call(points[half], plan.folder / f"day-{iteration}")
    else:
        pages = _levels(plan)[half]
        told, found = f"{pages} pages left", _for_good(plan, original, iteration, pages)
    return [Violation(iteration=iteration, invariant=each.invariant, what=f"{told}: {each.what}") for each in found]


# For one call


def _one_call(points: tuple[Point, ...], folder: Path) -> tuple[str, list[Broken]]:
    struck = strike(points, folder, None, "error=ENOSPC")
    home = folder / "home"
    known = Known(acknowledged=acknowledged(folder), on_its_way_max=ON_ITS_WAY_MAX, checkpoints=seen(folder))
    found = [] if _may_go_on(struck) else _ended_by_name(struck.code, struck.said)
    found += restart(home, folder / "witness") + check(home, known) + _witness_caught_up(home, folder / "witness")
    shutil.rmtree(folder)
    return f"ENOSPC at {struck.at}", found


def _may_go_on(struck: Struck) -> bool:
    """Where a full disk need not stop the ledger: an unsigned lock holds all the same, and a witness that falls
    behind is no loss as long as somebody is told, and no checkpoint is shown before the witness has it."""
    path = PurePath(struck.at.path)
    if path.match("*.part") and path.is_relative_to("witness"):
        return struck.code == 0 and struck.said.startswith("haloop: The witness")
    return struck.code == 0 and path.match("*lock")


def _witness_caught_up(home: Path, witness: Path) -> list[Broken]:
    """Once there is room, a start brings outside whatever was signed and not kept there."""
    with closing(apsw.Connection(os.fspath(home / "ledger.db"), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
        newest = dict(
            connection.execute("SELECT account, note FROM checkpoint JOIN tree USING (tree) ORDER BY checkpoint.size")
        )
    kept = [note for path in witness.rglob("sys_*") if not path.suffix for note in read_notes(path).values()]
    return [
        _broken("I6", f"the witness does not have the newest checkpoint of {account}")
        for account, note in newest.items()
        if note not in kept
    ]


def _ended_by_name(code: int, said: str) -> list[Broken]:
    if code in _ENDINGS and said.startswith("haloop: "):
        return []
    return [_broken("I1", f"the process ended with {code}, saying {said.splitlines()[-2:]}")]


_ENDINGS = frozenset({Exit.POISONED, Exit.UNUSABLE, Exit.REFUSED})


# For good


@dataclass(frozen=True, slots=True, kw_only=True)
class _Disk:
    """A disk with a home, its witness and whatever else fills it; and what is remembered outside."""

    root: Path
    outside: Path

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def witness(self) -> Path:
        return self.root / "witness"

    @property
    def other_program(self) -> Path:
        return self.root / "somebody-else's"

    def opened(self, on_death: Callable[[Poisoned], None]) -> AbstractAsyncContextManager[SqliteLedger]:
        signer = read_or_make_signer(self.home / "secrets")
        return SqliteLedger.opened(
            self.home, signer=signer, witness_folder=self.witness, ballast=BALLAST_BYTES, on_death=on_death
        )

    def fill(self, *, but: int) -> None:
        """Another program takes all but some pages."""
        descriptor = os.open(self.other_program, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while (free := os.statvfs(self.root).f_bavail - but) > 0:
                os.write(descriptor, bytes(min(free, 256) * _PAGE))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(descriptor)


def _for_good(plan: Plan, original: _Disk, iteration: int, pages: int) -> list[Broken]:
    disk = _Disk(root=plan.folder / f"disk-{iteration}", outside=plan.folder / f"outside-{iteration}")
    shutil.copytree(original.outside, disk.outside)
    with _mounted(disk.root), planted(plan.control):
        for name in ("home", "witness"):
            shutil.copytree(original.root / name, disk.root / name)
        ended = _work_until_full(disk, pages, plan.control)
        found = _ended_by_name(ended.returncode, ended.stderr)
        disk.fill(but=0)
        deaths: list[Poisoned] = []
        found += asyncio.run(_record_how_it_ended(disk, deaths.append))
        found += [_broken("I6", f"on a full disk: {death.sentence}") for death in deaths]
        known = Known(acknowledged=acknowledged(disk.outside), on_its_way_max=1)
        disk.other_program.unlink(missing_ok=True)
        return found + check(disk.home, known)


@contextmanager
def _mounted(root: Path) -> Iterator[None]:
    root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", root], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", root], check=True)
        root.rmdir()


def _work_until_full(disk: _Disk, pages: int, control: str | None) -> "subprocess.CompletedProcess[str]":
    planted_bug = [] if control is None else ["--control", control]
    return subprocess.run(
        child_command("disk_full", disk.root, disk.outside, pages, *planted_bug),
        env=child_environment(),
        cwd=disk.outside,
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )


async def _record_how_it_ended(disk: _Disk, on_death: Callable[[Poisoned], None]) -> list[Broken]:
    """The home is opened on the full disk, and stays open while space returns."""
    account, run_id = (disk.outside / "intended").read_text().split()
    chain = Chain(account=AccountId(account), run_id=RunId(run_id))
    try:
        async with timeout(_SECONDS_MAX), disk.opened(on_death) as ledger:
            found = await _outcomes_only(ledger, chain)
            disk.other_program.unlink()
            return found + await _work_goes_on(ledger, chain.account, disk)
    except (HaloopError, TimeoutError, OSError) as error:
        return [_broken("I6", f"no outcome can be recorded: {type(error).__name__}: {error}")]


async def _outcomes_only(ledger: SqliteLedger, chain: Chain) -> list[Broken]:
    found = []
    if ledger.room is not Room.OUTCOMES_ONLY:
        found.append(_broken("I6", "the disk is full, and the home opened as if there were room"))
    head = await ledger.head(chain)
    await ledger.append(chain, head, Entry(kind="effect.uncertain", actor="kernel", parts=(_words(40),)))
    if await _is_accepted(ledger, chain.account):
        found.append(_broken("I6", "the disk is full, and new work was accepted"))
    return found


async def _work_goes_on(ledger: SqliteLedger, account: AccountId, disk: _Disk) -> list[Broken]:
    give_up_at = time.monotonic() + _SECONDS_MAX / 2
    while not await _is_accepted(ledger, account):
        if time.monotonic() > give_up_at:
            return [_broken("I6", "there is room again, and work is still refused")]
        await asyncio.sleep(0.05)
    laid_down = disk.home / "ballast"
    if not laid_down.exists() or laid_down.stat().st_blocks * 512 < BALLAST_BYTES:
        return [_broken("I6", "work goes on without a ballast")]
    return []


async def _is_accepted(ledger: SqliteLedger, account: AccountId) -> bool:
    chain = Chain(account=account, run_id=new_run_id())
    try:
        await ledger.append(chain, START, Entry(kind="run.started", actor="kernel", parts=(_words(40),)))
    except NoRoom:
        return False
    return True


# The process that runs out of space


def main(arguments: Sequence[str]) -> int:
    """Open the home, let somebody take all but some pages of the disk, and work until the end."""
    parser = argparse.ArgumentParser(prog="disk_full")
    parser.add_argument("root", type=Path)
    parser.add_argument("outside", type=Path)
    parser.add_argument("pages", type=int)
    parser.add_argument("--control")
    options = parser.parse_args(arguments)
    disk = _Disk(root=options.root, outside=options.outside)
    try:
        with planted(options.control):
            asyncio.run(_fill_and_work(disk, options.pages))
    except HaloopError as error:
        sys.stderr.write(f"haloop: {error.code}: {error.sentence}\n")
        return int(error.exit)
    return 0


async def _fill_and_work(disk: _Disk, pages: int) -> None:
    outside, dice = Outside(disk.outside), Random(pages)
    account = AccountId((disk.outside / "intended").read_text().split()[0])
    async with disk.opened(end_process) as ledger:
        disk.fill(but=pages)
        for _ in range(_FACTS_MAX):
            chain = Chain(account=account, run_id=new_run_id())
            parts = (_words(dice.choice((100, 1_000, 9_000))),)
            pending = ledger.append(chain, START, Entry(kind="step.done", actor="agent:scribe", parts=parts))
            await pending
            outside.hear([_acknowledged(chain, pending.head.run_seq, pending.head.hash)])


async def _furnish(disk: _Disk) -> None:
    """A home with one effect under way, whose end is not known yet."""
    disk.home.mkdir(parents=True)
    outside = Outside(disk.outside)
    async with disk.opened(end_process) as ledger:
        account = await ledger.open_account()
        chain = Chain(account=account, run_id=new_run_id())
        pending = ledger.append(chain, START, Entry(kind=EFFECT_INTENDED, actor="kernel", parts=(_words(100),)))
        await pending
        outside.hear([_acknowledged(chain, pending.head.run_seq, pending.head.hash)])
    (disk.outside / "intended").write_text(f"{chain.account} {chain.run_id}")
    (disk.home / "ballast").unlink()  # it is laid down again on each disk, as a copy would not hold the space


def _acknowledged(chain: Chain, run_seq: int, digest: bytes) -> Acknowledged:
    return Acknowledged(account=chain.account, run_id=chain.run_id, run_seq=run_seq, leaf_hash=digest)


def _words(size: int) -> Part:
    return Part(name="words", body=os.urandom(size))


def _broken(invariant: str, what: str) -> Broken:
    return Broken(invariant=invariant, what=what)


ROW = Row(
    number=6,
    name="a full disk, for one call and for good",
    tool="tmpfs, strace",
    checks="I1 I2 I6, outcomes from the ballast",
    control="no ballast",
    counts={Scale.TEST: 12, Scale.CI: 2 * PAGES_MAX, Scale.RELEASE: 6_000},
    run=run,
    needs=("tmpfs", "strace"),
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
