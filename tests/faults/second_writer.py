"""Row 12: two processes on one home, a copied home beside its original or after it, a restored backup.

The first two are refused by name, and the one that was there first works on. A copy that runs after its
original, or an original after its copy, is behind what the witness saw; so is a restored backup. Whichever is
behind must notice: it opens in recovery mode, its epoch rises, no effect may be intended until a person has
ended recovery, and no two checkpoints ever shown under one origin contradict each other. A copy on another
machine, or a restored home whose witness went back with it, cannot be noticed from the inside; that is the
documented limit, and not tried here.
"""

import asyncio
import shutil
import subprocess
import sys
from asyncio import timeout
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from haloop.kernel.checkpoint import read_unverified
from haloop.kernel.errors import Exit, HaloopError, HomeCloned, HomeLocked, Poisoned, RecoveryOpen
from haloop.kernel.ids import AccountId, new_run_id
from haloop.kernel.ledger import EFFECT_INTENDED, RUN_ENDED, START, Chain, Entry, read_origin
from haloop.kernel.part import Part
from haloop.store import schema
from haloop.store.database import open_for_reading
from haloop.store.reader import Reader
from haloop.store.signing import read_or_make_signer
from haloop.store.sqlite import SqliteLedger
from haloop.store.tree import contains
from tests.faults.controls import planted
from tests.faults.invariants import BALLAST, Broken, Known, check
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, child_command, child_environment, spread

OPENING_SECONDS_MAX = 20
_WORKERS_MAX = 8
"""A recovery waits a second for its checkpoint; while one waits, others work."""


def run(plan: Plan) -> Outcome:
    """Go through the scenes `count` times, each time by other dice."""
    workers = min(_WORKERS_MAX, plan.count)
    work = partial(_iteration, plan)
    return spread(work, range(plan.count), until_caught=plan.control is not None, workers=workers)


def main(arguments: Sequence[str]) -> int:
    """The second process: open the home, say so, and keep it until nobody listens any more."""
    home, witness = map(Path, arguments)
    try:
        asyncio.run(_hold(home, witness))
    except HaloopError as error:
        print(error.code, flush=True)
        return int(error.exit)
    return int(Exit.OK)


async def _hold(home: Path, witness: Path) -> None:
    async with SqliteLedger.opened(
        home, signer=read_or_make_signer(home / "secrets"), witness_folder=witness, ballast=BALLAST
    ):
        print("open", flush=True)
        sys.stdin.read()


def _iteration(plan: Plan, iteration: int) -> list[Violation]:
    house = _House(folder=plan.folder / str(iteration), dice=plan.random(iteration))
    house.original.mkdir(parents=True)
    scene = _SCENES[iteration % len(_SCENES)]
    with planted(plan.control):
        try:
            asyncio.run(scene(house))
        except _NotKept as broken:
            house.broken.append(broken.args[0])
        found = house.broken or house.contradictions()
    shutil.rmtree(house.folder)
    told = scene.__name__.strip("_").replace("_", " ")
    return [
        Violation(iteration=iteration, invariant=broken.invariant, what=f"{told}: {broken.what}") for broken in found
    ]


class _NotKept(Exception):
    """A promise was broken so that the scene cannot go on."""


@dataclass(slots=True, kw_only=True)
class _House:
    """The homes of one scene, the witness they share, and every checkpoint that was shown."""

    folder: Path
    dice: Random
    homes: set[Path] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)
    broken: list[Broken] = field(default_factory=list)

    @property
    def original(self) -> Path:
        return self.folder / "original"

    @property
    def copy(self) -> Path:
        return self.folder / "copy"

    @property
    def witness(self) -> Path:
        return self.folder / "witness"

    @asynccontextmanager
    async def opened(self, home: Path) -> AsyncIterator[SqliteLedger]:
        """A home in this process; what its witness saw is remembered when it closes."""
        self.homes.add(home)
        deaths: list[Poisoned] = []
        signer = read_or_make_signer(home / "secrets")
        opening = SqliteLedger.opened(
            home, signer=signer, witness_folder=self.witness, ballast=BALLAST, on_death=deaths.append
        )
        async with AsyncExitStack() as stack:
            try:
                async with timeout(OPENING_SECONDS_MAX):
                    ledger = await stack.enter_async_context(opening)
            except TimeoutError:
                what = f"{home.name} does not open in {OPENING_SECONDS_MAX} seconds"
                raise _NotKept(_broken("I12", what)) from None
            yield ledger
            for account in await ledger.accounts():
                size = len(await ledger.events(account, limit=100_000))
                self.notes.add(await ledger.sealed(account, size - 1))
        self.broken += [_broken("I2", death.sentence) for death in deaths]

    def refuses(self, home: Path, error: type[HaloopError]) -> None:
        """A second process is refused by this name."""
        with self._second(home) as (said, ended):
            if (said, ended()) != (error.code, error.exit):
                self.broken.append(_broken("I12", f"a second process heard {said!r}, not {error.code}"))

    @contextmanager
    def _second(self, home: Path) -> Iterator[tuple[str, Callable[[], int]]]:
        command = child_command("second_writer", home, self.witness)
        with subprocess.Popen(
            command,
            env=child_environment(),
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                yield child.stdout.readline().strip(), lambda: child.wait(timeout=OPENING_SECONDS_MAX)
            finally:
                child.kill()

    async def loses_it_to_the_dead(self, home: Path) -> None:
        """A process that has the home is in the way; once it was killed, the home is free."""
        with self._second(home) as (said, _):
            if said != "open":
                raise _NotKept(_broken("I12", f"a process alone with its home heard {said!r}"))
            try:
                async with self.opened(home):
                    self.broken.append(_broken("I12", "a home in use by another process was opened"))
            except HomeLocked:
                pass
        async with self.opened(home) as ledger:
            if ledger.recovery is not None:
                self.broken.append(_broken("I12", f"nothing went back, and yet: {ledger.recovery}"))

    def contradictions(self) -> list[Broken]:
        """Checkpoints of one origin that no single history contains."""
        by_origin: dict[str, list[str]] = {}
        for note in self.notes:
            by_origin.setdefault(read_unverified(note).origin, []).append(note)
        return [
            _broken("I2", f"the checkpoints shown as {origin} contradict each other")
            for origin, notes in by_origin.items()
            if not any(_begins_with(home, origin, notes) for home in self.homes)
        ]


# The scenes


async def _two_processes_on_one_home(house: _House) -> None:
    async with house.opened(house.original) as ledger:
        account = await _work(ledger, house.dice)
        house.refuses(house.original, HomeLocked)
        await _work(ledger, house.dice, account)
    await house.loses_it_to_the_dead(house.original)


async def _a_copy_beside_its_original(house: _House) -> None:
    async with house.opened(house.original) as ledger:
        account = await _work(ledger, house.dice)
        untouched = await _work(ledger, house.dice)
    shutil.copytree(house.original, house.copy)
    async with house.opened(house.original) as ledger:
        house.refuses(house.copy, HomeCloned)
        await _work(ledger, house.dice, house.dice.choice((account, untouched)))
    house.broken += check(house.original, Known(checkpoints=tuple(house.notes)))


async def _a_copy_after_its_original(house: _House) -> None:
    """The original goes on, then the copy runs, then the original again: each in turn is behind."""
    async with house.opened(house.original) as ledger:
        accounts = [await _work(ledger, house.dice) for _ in range(house.dice.randint(1, 3))]
    shutil.copytree(house.original, house.copy)
    async with house.opened(house.original) as ledger:
        await _work(ledger, house.dice, house.dice.choice(accounts))
        epoch = _epoch(ledger, accounts[0])
    risen = await _recovers(house, house.copy, accounts, epoch)
    await _recovers(house, house.original, accounts, risen)


async def _a_copy_that_ran_first(house: _House) -> None:
    """The copy goes on from where both stood, rightly; then the original is behind."""
    async with house.opened(house.original) as ledger:
        accounts = [await _work(ledger, house.dice) for _ in range(house.dice.randint(1, 3))]
    shutil.copytree(house.original, house.copy)
    async with house.opened(house.copy) as ledger:
        if ledger.recovery is not None:
            raise _NotKept(_broken("I12", f"the copy was not behind, and yet: {ledger.recovery}"))
        await _work(ledger, house.dice, house.dice.choice(accounts))
        epoch = _epoch(ledger, accounts[0])
    await _recovers(house, house.original, accounts, epoch)


async def _a_restored_backup(house: _House) -> None:
    """A backup made while the ledger ran takes the place of ledger.db, keys.db or both as they are now."""
    backup, keys = house.folder / "backup.db", house.folder / "backup-keys.db"
    async with house.opened(house.original) as ledger:
        accounts = [await _work(ledger, house.dice) for _ in range(house.dice.randint(1, 3))]
        await ledger.back_up(backup, keys=keys)
        for _ in range(house.dice.randint(1, 3)):
            await _work(ledger, house.dice, house.dice.choice((*accounts, None)))
        epoch = _epoch(ledger, accounts[0])
    shutil.copytree(house.original, house.folder / "as-it-was")
    house.homes.add(house.folder / "as-it-was")
    backup.replace(house.original / "ledger.db")
    if house.dice.random() < 0.5:
        keys.replace(house.original / "keys.db")
    if house.dice.random() < 0.5:
        (house.original / "restored").write_text("The ledger was restored from a backup.")
    await _recovers(house, house.original, accounts, epoch)


_SCENES: tuple[Callable[[_House], Coroutine[None, None, None]], ...] = (
    _two_processes_on_one_home,
    _a_copy_after_its_original,
    _a_restored_backup,
    _a_copy_beside_its_original,
    _a_copy_that_ran_first,
)


async def _recovers(house: _House, home: Path, accounts: Sequence[AccountId], epoch: int) -> int:
    """A home that is behind says so, starts no effect, and signs under a name of its own from now on."""
    async with house.opened(home) as ledger:
        if ledger.recovery is None:
            raise _NotKept(_broken("I12", f"{home.name} went back and did not notice"))
        for account in accounts:
            if await _may_intend(ledger, account):
                house.broken.append(_broken("I12", f"an effect was intended in {home.name}, which went back"))
        await _work(ledger, house.dice, accounts[0])
        risen = _epoch(ledger, accounts[0])
        if risen <= epoch:
            house.broken.append(_broken("I12", f"the epoch of {home.name} did not rise from {epoch}"))
    async with house.opened(home) as ledger:
        if await _may_intend(ledger, accounts[0]):
            house.broken.append(_broken("I12", f"a restart alone took {home.name} out of recovery mode"))
        await ledger.end_recovery(actor="person:owner")
        if not await _may_intend(ledger, accounts[0]):
            house.broken.append(_broken("I12", f"{home.name} stays in recovery mode though a person ended it"))
    house.broken += check(home, Known(rolled_back=True))
    return risen


async def _work(ledger: SqliteLedger, dice: Random, account: AccountId | None = None) -> AccountId:
    """A few runs in an account, in a new one if none is named."""
    account = account or await ledger.open_account()
    for _ in range(dice.randint(1, 3)):
        chain, head = Chain(account=account, run_id=new_run_id()), START
        for _ in range(dice.randint(1, 4)):
            part = Part(name="words", body=dice.randbytes(100))
            head = ledger.append(chain, head, Entry(kind="step.done", actor="agent:scribe", parts=(part,))).head
        await ledger.append(chain, head, Entry(kind=RUN_ENDED, actor="kernel"))
    return account


async def _may_intend(ledger: SqliteLedger, account: AccountId) -> bool:
    chain = Chain(account=account, run_id=new_run_id())
    try:
        await ledger.append(chain, START, Entry(kind=EFFECT_INTENDED, actor="kernel"))
    except RecoveryOpen:
        return False
    return True


def _epoch(ledger: SqliteLedger, account: AccountId) -> int:
    return read_origin(ledger.verifier_key(account).name)[1]


def _begins_with(home: Path, origin: str, notes: Sequence[str]) -> bool:
    account, _ = read_origin(origin)
    connection = open_for_reading(
        home / "ledger.db", application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION
    )
    with closing(connection):
        reader = Reader(connection)
        trees = [tree for tree in reader.trees() if tree.account == account]
        return bool(trees) and all(contains(reader, trees[0], read_unverified(note)) for note in notes)


def _broken(invariant: str, what: str) -> Broken:
    return Broken(invariant=invariant, what=what)


ROW = Row(
    number=12,
    name="two writers, a copied home, a restored backup",
    tool="two processes",
    checks="I2 I12, refused by name",
    control="no witness check",
    counts={Scale.TEST: 5, Scale.CI: 200, Scale.RELEASE: 5_000},
    run=run,
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
