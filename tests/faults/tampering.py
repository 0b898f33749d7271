"""Row 7: somebody edits a home while nobody runs it, and whoever looks next must notice.

A home is furnished by the ledger itself: several accounts, runs, people, claims, erasures and checkpoints.
Each iteration copies it and does one thing to the copy: a flipped bit, a lost page, a row changed, swapped,
deleted or added, a tail cut off with all its traces, a history rewritten so that everything but the
signatures agrees. Then the verifier and the opening look at it. One of them must say what is wrong by a named
error, and where one row was edited it must name that row's run, account or table.

Not counted are edits that change nothing anybody could ever read: free bytes of a page, spare keys that lock
nothing, the unreadable words of what was erased. They are recognised by comparing all rows of both databases
before and after. Not tried are two deletions: a row of `erased_key` or `erased_part`, which the next start
writes again from the recorded erasures, and our own copy of an old checkpoint, which no fact points to.
"""

import asyncio
import shutil
from asyncio import timeout
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import apsw

from haloop.kernel.errors import HaloopError, Poisoned
from haloop.kernel.ids import AccountId, PersonId, new_person_id, new_run_id
from haloop.kernel.ledger import RUN_ENDED, START, Chain, Entry
from haloop.kernel.part import Part
from haloop.store import opening, verify
from haloop.store.database import read_one
from haloop.store.home import Home
from haloop.store.reader import Tree
from haloop.store.schema import position
from haloop.store.signing import read_or_make_signer
from haloop.store.sqlite import SqliteLedger
from haloop.store.verify import verify_home
from haloop.store.verify_leaves import Erased, Stretch, check_stretch
from haloop.store.witness import Witness
from tests.faults.controls import patched
from tests.faults.edits import TAIL, Edit, NothingToEdit, edit
from tests.faults.invariants import BALLAST
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, spread

CONTROL = "skip the tail"
OPENING_SECONDS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A home, the witness beside it, and an older copy of the home."""

    home: Path
    witness: Path
    older: Path

    @classmethod
    def below(cls, folder: Path) -> "Scene":
        return cls(home=folder / "home", witness=folder / "witness", older=folder / "older")

    def copied(self, folder: Path) -> "Scene":
        """The home and the witness again, for somebody to spoil."""
        copy = Scene(home=folder / "home", witness=folder / "witness", older=self.older)
        shutil.copytree(self.home, copy.home, ignore=shutil.ignore_patterns("ballast", "*-shm", "*-wal"))
        shutil.copytree(self.witness, copy.witness)
        return copy


def run(plan: Plan) -> Outcome:
    """Edit `count` copies of one home."""
    scene = Scene.below(plan.folder)
    asyncio.run(_furnish(scene, plan.random(-1)))
    _require_nothing_to_be_found(plan, scene)
    return spread(partial(_iteration, plan, scene), range(plan.count), until_caught=plan.control is not None)


def _require_nothing_to_be_found(plan: Plan, scene: Scene) -> None:
    """A verifier that complains about everything would notice every edit; neither ours nor the planted one may."""
    with _planted(plan.control), _copy(scene, plan.folder / "untouched") as copy:
        findings = [*_verifier_finds(copy, outside=_outside(copy)), *_opening_finds(copy)]
        if findings:
            raise RuntimeError(f"nobody touched the home, and yet: {findings}")


def _iteration(plan: Plan, scene: Scene, iteration: int) -> list[Violation]:
    """Edit fresh copies until an edit changes something, and see whether it is noticed."""
    random = plan.random(iteration)
    complaint: str | None = None
    with _planted(plan.control):
        while complaint is None:
            with _copy(scene, plan.folder / f"copy-{iteration}") as copy:
                complaint = _try_one(random, copy, scene)
    return [Violation(iteration=iteration, invariant="I2", what=complaint)] if complaint else []


def _try_one(random: Random, copy: Scene, scene: Scene) -> str | None:
    """Empty if an edit was noticed as it should be, else what is missing; None if nothing was changed."""
    try:
        made = edit(random, copy.home, scene.older)
    except NothingToEdit:
        return None
    changed = _contents(copy.home) != _contents(scene.home)  # opening mends some things, so look before
    findings = _verifier_finds(copy)
    if made.backwards and not _verifier_finds(copy, outside=_outside(scene)):
        return f"{made.what}: the verifier accepted it in the face of an outside checkpoint"
    findings = findings or _opening_finds(copy)
    return _complaint(made, findings) if findings or changed else None


def _complaint(made: Edit, findings: Sequence[str]) -> str:
    unnamed = [finding for finding in findings if finding.startswith(_UNNAMED)]
    if not findings:
        return f"{made.what}: nobody noticed"
    if unnamed:
        return f"{made.what}: {unnamed[0]}"
    if made.names and not any(name in finding for name in made.names for finding in findings):
        return f"{made.what}: noticed, but {findings} names none of {made.names}"
    return ""


# Looking


_UNNAMED = "an error without a name: "


def _verifier_finds(copy: Scene, outside: Sequence[str] = ()) -> list[str]:
    try:
        return [str(problem) for problem in verify_home(copy.home, outside=outside).problems]
    except HaloopError as error:
        return [error.sentence]
    except Exception as error:  # noqa: BLE001  # an error that nobody named is what this looks for
        return [f"{_UNNAMED}{type(error).__name__}: {error} (from the verifier)"]


def _opening_finds(copy: Scene) -> list[str]:
    deaths: list[Poisoned] = []
    try:
        recovery = asyncio.run(_recovery_after_opening(copy, deaths))
    except TimeoutError:
        return [f"{_UNNAMED}the home does not open within {OPENING_SECONDS_MAX} seconds"]
    except HaloopError as error:
        return [error.sentence]
    except Exception as error:  # noqa: BLE001  # as above
        return [f"{_UNNAMED}{type(error).__name__}: {error} (at opening)"]
    return [*(death.sentence for death in deaths), *([recovery] if recovery else [])]


async def _recovery_after_opening(copy: Scene, deaths: list[Poisoned]) -> str | None:
    async with timeout(OPENING_SECONDS_MAX), _opened(copy, deaths) as ledger:
        return ledger.recovery


def _opened(scene: Scene, deaths: list[Poisoned]) -> AbstractAsyncContextManager[SqliteLedger]:
    return SqliteLedger.opened(
        scene.home,
        signer=read_or_make_signer(scene.home / "secrets"),
        witness_folder=scene.witness,
        ballast=BALLAST,
        on_death=deaths.append,
    )


def _outside(scene: Scene) -> tuple[str, ...]:
    """The checkpoints the witness holds."""
    with closing(_read_only(scene.home / "ledger.db")) as connection:
        (system,) = read_one(connection, "SELECT account FROM tree WHERE account LIKE 'sys%'")
    witness = Witness(scene.witness, AccountId(system))
    witness.take()
    witness.release()
    return tuple(witness.notes.values())


def _contents(home: Path) -> object:
    """All that a home says, row by row, and whether its indexes agree; None where it cannot be read at all."""
    try:
        with closing(_read_only(home / "ledger.db")) as ledger, closing(_read_only(home / "keys.db")) as keys:
            key_rows = dict(keys.execute("SELECT key_id, key FROM key NOT INDEXED"))
            return (_rows(ledger, set(key_rows)), _frame(ledger), _frame(keys), _used(ledger, key_rows))
    except (apsw.Error, UnicodeDecodeError, OverflowError):
        return None


def _frame(connection: apsw.Connection) -> object:
    """The tables' definitions, the marks of the format, and whether pages and indexes are sound."""
    pragmas = ("application_id", "user_version", "integrity_check")
    schema = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
    return schema, [connection.execute(f"PRAGMA {pragma}").fetchall() for pragma in pragmas]


def _rows(ledger: apsw.Connection, keys: set[int]) -> object:
    """Every row of every table, but for the words that nobody can read any more."""
    tables = [name for (name,) in ledger.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    rows = {table: ledger.execute(f"SELECT * FROM {table} NOT INDEXED").fetchall() for table in tables}
    if "part" in rows:  # the table's own name may be what was damaged
        rows["part"] = [row[:2] if row[2] not in keys else row for row in rows["part"]]
    return rows


def _used(ledger: apsw.Connection, keys: dict[int, bytes]) -> object:
    """The keys that lock something; the rest were made ahead."""
    return {key_id: keys.get(key_id) for (key_id,) in ledger.execute("SELECT DISTINCT key_id FROM part")}


def _read_only(path: Path) -> apsw.Connection:
    return apsw.Connection(f"{path.as_uri()}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


@contextmanager
def _copy(scene: Scene, folder: Path) -> Iterator[Scene]:
    try:
        yield scene.copied(folder)
    finally:
        shutil.rmtree(folder)


# The home that is spoilt


async def _furnish(scene: Scene, random: Random) -> None:
    """Three visits, so that checkpoints of several sizes are stored, and a copy of the home between two."""
    for folder in (scene.home, scene.witness):
        folder.mkdir(parents=True)
    deaths: list[Poisoned] = []
    people = [new_person_id() for _ in range(4)]
    async with _opened(scene, deaths) as ledger:
        accounts = [await ledger.open_account() for _ in range(3)]
        for account in accounts:
            for _ in range(4):
                await _tell(ledger, account, random, people)
    shutil.copytree(scene.home, scene.older)
    async with _opened(scene, deaths) as ledger:
        for account in accounts:
            for _ in range(12 if account == accounts[0] else 3):
                await _tell(ledger, account, random, people)
        await _erase_some(ledger, accounts, people[0])
    async with _opened(scene, deaths) as ledger:
        for account in accounts:
            await _tell(ledger, account, random, people, ended=False)
    assert not deaths, deaths


async def _tell(
    ledger: SqliteLedger, account: AccountId, random: Random, people: Sequence[PersonId], *, ended: bool = True
) -> None:
    """One run of two dozen facts: some about people, some that may happen only once."""
    chain, head = Chain(account=account, run_id=new_run_id()), START
    for number in range(24):
        parts = (
            Part(name="words", body=random.randbytes(120)),
            Part(name="name", body=random.randbytes(40), subject=random.choice(people) if number % 3 else None),
        )
        claim = random.randbytes(32) if number % 5 == 0 else None
        entry = Entry(kind="step.done", actor="agent:scribe", parts=parts, claim=claim)
        head = ledger.append(chain, head, entry).head
    await ledger.append(chain, head, Entry(kind=RUN_ENDED if ended else "run.waited", actor="kernel"))


async def _erase_some(ledger: SqliteLedger, accounts: Sequence[AccountId], person: PersonId) -> None:
    """One part, one run and one person are erased, each in another account."""
    one, other, third = accounts
    page = await ledger.events(one, limit=100)
    told = next(event for event in page if "words" in event.parts)
    await ledger.erase_part(told, "words", actor="person:owner", why="asked")
    page = await ledger.events(other, limit=100)
    run_id = next(event.header.run_id for event in page if event.header.kind == RUN_ENDED)
    await ledger.erase_run(Chain(account=other, run_id=run_id), actor="person:owner", why="asked")
    await ledger.erase_subject(third, person, actor="person:owner", why="asked")


# The planted bug


@contextmanager
def _planted(control: str | None) -> Iterator[None]:
    """The verifier and the opening stop a few events before the end of each tree."""
    if control is None:
        yield
        return
    with patched(verify, check_stretch=_check_all_but_the_tail), patched(opening, check_tail=lambda _reader: None):
        yield


def _check_all_but_the_tail(home: Home, tree: Tree, first: int, end: int, *, erased: Erased, bodies: bool) -> Stretch:
    seen = max(first, end - TAIL)
    found = check_stretch(home, tree, first, seen, erased=erased, bodies=bodies)
    found.add(_taken_at_their_word(home, position(tree.number, seen), position(tree.number, end)))
    return found


def _taken_at_their_word(home: Home, first: int, end: int) -> Stretch:
    """Events counted and not looked at, so that the tables still add up on a home that nobody touched."""
    with closing(_read_only(home.ledger)) as connection:
        events, runs, ends, claims = read_one(
            connection,
            "SELECT count(*), count(*) FILTER (WHERE run_seq = 1), count(*) FILTER (WHERE kind = 'run.ended'),"
            " count(*) FILTER (WHERE instr(header, CAST('\"claim\":' AS BLOB)))"
            " FROM event WHERE position >= ? AND position < ?",
            first,
            end,
        )
    return Stretch(events=events, runs=runs, ends=ends, claims=claims)


ROW = Row(
    number=7,
    name="tampering with files and rows",
    tool="file and SQL editors",
    checks="I2: every edit noticed, its run, account or table named",
    control=CONTROL,
    counts={Scale.TEST: 40, Scale.CI: 2_000, Scale.RELEASE: 100_000},
    run=run,
)
