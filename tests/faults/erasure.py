"""Row 14: a part, a run or a person is erased while others read, write and back up; now and then it is killed.

Another process reads every part and copies the whole ledger again and again, and tasks beside the erasure
record, read and back up. Once the erasure is acknowledged, none of the home's files holds the erased part's
bytes or the erased key, in the other process's eyes, while all is still running. Every leaf stands as it
stood, what others said can be read, and what was erased says so. A process that was killed in the middle has
either recorded nothing and erased nothing, or the next start completes what it recorded.
"""

import argparse
import asyncio
import os
import select
import shutil
import subprocess
import sys
from asyncio import timeout
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from random import Random
from typing import Self

import apsw

from haloop.kernel.errors import Erased, HaloopError, Poisoned
from haloop.kernel.ids import AccountId, PersonId, new_person_id, new_run_id
from haloop.kernel.ledger import PAYLOAD_ERASED, RUN_ENDED, START, Chain, Entry, Header, leaf_hash
from haloop.kernel.part import Part, commitment, decode_hashes, encode_hashes
from haloop.store import eraser, erasure, schema, sqlite
from haloop.store.database import copy_database, open_for_reading, read_one
from haloop.store.keys import KeyRing
from haloop.store.reader import Reader
from haloop.store.schema import place, position
from haloop.store.signing import read_or_make_signer
from haloop.store.sqlite import SqliteLedger
from tests.faults.controls import patched
from tests.faults.invariants import BALLAST, Broken, Known, Leaves, check, read_leaves
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, child_command, child_environment, spread

CONTROL = "payload inside the hashed row"
SECONDS_MAX = 60
PAUSE_SECONDS = 0.01
_KILLED_EVERY = 4
_OTHERS = 12
_LAST_CALLS: Mapping[str, int] = {"pwrite64": 40, "fdatasync": 16, "ftruncate": 6}
"""About how many of these calls a process makes from its start to the end of one erasure."""


class Kind(StrEnum):
    """What is erased."""

    PART = "part"
    RUN = "run"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A home and the witness beside it."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def witness(self) -> Path:
        return self.folder / "witness"

    def opened(
        self, on_death: Callable[[Poisoned], None] = sqlite.end_process
    ) -> AbstractAsyncContextManager[SqliteLedger]:
        signer = read_or_make_signer(self.home / "secrets")
        return SqliteLedger.opened(
            self.home, signer=signer, witness_folder=self.witness, ballast=BALLAST, on_death=on_death
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing to erase: an event's part, the run it belongs to, or the person the part is about."""

    kind: Kind
    account: AccountId
    index: int
    name: str
    person: PersonId | None

    async def erase(self, ledger: SqliteLedger) -> None:
        event = await ledger.event(self.account, self.index)
        chain = Chain(account=self.account, run_id=event.header.run_id)
        match self.kind:
            case Kind.PART:
                await ledger.erase_part(event, self.name, actor="person:owner", why="asked")
            case Kind.RUN:
                await ledger.erase_run(chain, actor="person:owner", why="asked")
            case Kind.PERSON:
                assert self.person is not None
                await ledger.erase_subject(self.account, self.person, actor="person:owner", why="asked")


def run(plan: Plan) -> Outcome:
    """Erase `count` times, each time in a fresh copy of one home."""
    original = Scene(folder=plan.folder / "original")
    asyncio.run(_furnish(original, plan.random(-1)))
    return spread(partial(_iteration, plan, original), range(plan.count), until_caught=plan.control is not None)


def _iteration(plan: Plan, original: Scene, iteration: int) -> list[Violation]:
    scene = Scene(folder=plan.folder / str(iteration))
    shutil.copytree(original.folder, scene.folder)
    dice = plan.random(iteration)
    target = _choose(dice, scene)
    before = _Before.of(scene, target)
    killed = iteration % _KILLED_EVERY == _KILLED_EVERY - 1
    try:
        with _planted(plan.control):
            found = (_killed if killed else _beside_others)(dice, scene, target, before, plan.control)
    finally:
        shutil.rmtree(scene.folder)
    told = f"erasing a {target.kind}{', killed in the middle' if killed else ''}"
    return [Violation(iteration=iteration, invariant=each.invariant, what=f"{told}: {each.what}") for each in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """How it stood before the erasure."""

    leaves: Leaves
    secrets: tuple[bytes, ...]
    """The bytes that must go: the part as it lies on the disk, or the keys."""
    doomed: frozenset[tuple[AccountId, int, str]]
    """The parts that nobody can read afterwards."""

    @classmethod
    def of(cls, scene: Scene, target: Target) -> "_Before":
        with closing(_database(scene.home / "ledger.db")) as ledger, closing(_database(scene.home / "keys.db")) as keys:
            doomed = list(ledger.execute(_DOOMED[target.kind], _bindings(target, ledger)))
            if target.kind is Kind.PART:
                secrets = [secret for row in doomed for secret in row[3:5]]
            else:
                numbers = {row[2] for row in doomed}
                secrets = [key for key_id, key in keys.execute("SELECT key_id, key FROM key") if key_id in numbers]
            assert secrets
            return cls(
                leaves=read_leaves(scene.home),
                secrets=tuple(secrets),
                doomed=frozenset((target.account, place(row[0])[1], row[1]) for row in doomed),
            )


_ROWS = "SELECT position, name, part.key_id, wrapped, body FROM part"
_DOOMED: Mapping[Kind, str] = {
    Kind.PART: f"{_ROWS} WHERE position = ? AND name = ?",
    Kind.RUN: f"{_ROWS} JOIN event USING (position) WHERE run = (SELECT run FROM event WHERE position = ?)"
    " AND personal = 0",
    Kind.PERSON: f"{_ROWS} JOIN subject USING (key_id) WHERE personal = 1 AND tree = ? AND person = ?",
}


def _bindings(target: Target, ledger: apsw.Connection) -> tuple[object, ...]:
    (tree,) = read_one(ledger, "SELECT tree FROM tree WHERE account = ?", target.account)
    at = position(tree, target.index)
    return {Kind.PART: (at, target.name), Kind.RUN: (at,), Kind.PERSON: (tree, target.person)}[target.kind]


# Erasing beside others


def _beside_others(dice: Random, scene: Scene, target: Target, before: _Before, _control: str | None) -> list[Broken]:
    deaths: list[Poisoned] = []
    with _Bystander(scene) as bystander:
        found = asyncio.run(_erase_beside_others(dice, scene, target, before, bystander, deaths.append))
    found += [_broken("I2", death.sentence) for death in deaths]
    return found + check(scene.home, Known(leaves=before.leaves, erased=before.secrets))


async def _erase_beside_others(
    dice: Random,
    scene: Scene,
    target: Target,
    before: _Before,
    bystander: "_Bystander",
    on_death: Callable[[Poisoned], None],
) -> list[Broken]:
    try:
        async with timeout(SECONDS_MAX), scene.opened(on_death) as ledger:
            others = await _others(dice, ledger, before)
            async with _company(dice, ledger, target.account, scene.folder):
                await target.erase(ledger)
                found = [
                    _broken("I11", f"erased bytes are still in {name}") for name in bystander.search(before.secrets)
                ]
            return found + await _read_all(ledger, others) + await _read_none(ledger, before)
    except (HaloopError, TimeoutError) as error:
        return [_broken("I11", f"{type(error).__name__}: {error}")]


@asynccontextmanager
async def _company(dice: Random, ledger: SqliteLedger, account: AccountId, folder: Path) -> AsyncIterator[None]:
    """Somebody else records, reads and backs up on the same ledger meanwhile."""
    busy = True

    async def record() -> None:
        while busy:
            await _tell(ledger, account, dice, [new_person_id()], facts=3)

    async def back_up() -> None:
        number = 0
        while busy:
            number += 1
            await ledger.back_up(folder / f"backup-{number}.db", keys=folder / f"backup-keys-{number}.db")

    tasks = [asyncio.create_task(record()), asyncio.create_task(back_up())]
    try:
        yield
    finally:
        busy = False
        await asyncio.gather(*tasks)


class _Bystander:
    """Another process on the same home. Only another process may look at the files' bytes while this one has
    them open in SQLite: closing such a file here would drop SQLite's own locks on it."""

    def __init__(self, scene: Scene) -> None:
        self._child = subprocess.Popen(
            child_command("erasure", "stand-by", scene.folder),
            env=child_environment(),
            cwd=scene.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        self._answer("ready")
        return self

    def __exit__(self, *_: object) -> None:
        self._child.communicate(timeout=SECONDS_MAX)

    def search(self, secrets: Sequence[bytes]) -> list[str]:
        """In which of the home's files any of these bytes stand."""
        assert self._child.stdin is not None
        self._child.stdin.write(" ".join(secret.hex() for secret in secrets) + "\n")
        self._child.stdin.flush()
        return self._answer("found").split()

    def _answer(self, about: str) -> str:
        assert self._child.stdout is not None
        word, _, rest = self._child.stdout.readline().strip().partition(" ")
        if word != about:
            raise RuntimeError(f"the bystander said {word!r} instead of {about!r}")
        return rest


def _stand_by(scene: Scene) -> None:
    """The bystander: read everything, copy everything, and answer whoever asks what the files hold."""
    application, version = schema.LEDGER_APPLICATION_ID, schema.VERSION
    with closing(open_for_reading(scene.home / "ledger.db", application_id=application, version=version)) as ledger:
        print("ready", flush=True)
        while True:
            _read_everything(ledger)
            with closing(apsw.Connection(":memory:")) as copy:
                copy_database(ledger, copy)
            if select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:  # readers come and go
                question = sys.stdin.readline()
                if not question:
                    return
                secrets = [bytes.fromhex(word) for word in question.split()]
                print("found", *_files_with(scene.home, secrets), flush=True)


def _read_everything(ledger: apsw.Connection) -> None:
    with ledger:
        for tree in Reader(ledger).trees():
            Reader(ledger).page(tree.number, start=0, limit=10_000)
        list(ledger.execute("SELECT wrapped, body FROM part"))


def _files_with(home: Path, secrets: Sequence[bytes]) -> list[str]:
    contents = {path.name: path.read_bytes() for path in sorted(home.iterdir()) if path.is_file()}
    return [name for name, content in contents.items() if any(secret in content for secret in secrets)]


# Killed in the middle


def _killed(dice: Random, scene: Scene, target: Target, before: _Before, control: str | None) -> list[Broken]:
    call = dice.choice(tuple(_LAST_CALLS))
    number = dice.randint(1, _LAST_CALLS[call])
    subprocess.run(
        [
            *("strace", "-f", "--seccomp-bpf", "-qqq", "-o", os.devnull),
            *(f"--trace={call}", f"--inject={call}:signal=KILL:when={number}"),
            *child_command("erasure", "erase", scene.folder, target.kind, target.account, target.index, target.name),
            *(["--person", target.person] if target.person else []),
            *(["--control", control] if control else []),
        ],
        env=child_environment(),
        cwd=scene.folder,
        stderr=subprocess.DEVNULL,
        timeout=SECONDS_MAX,
        check=False,
    )
    deaths: list[Poisoned] = []
    recorded, found = asyncio.run(_start_again(dice, scene, target, before, deaths.append))
    known = Known(leaves=before.leaves, erased=before.secrets if recorded else ())
    found += [_broken("I2", death.sentence) for death in deaths]
    return [
        _broken(each.invariant, f"{each.what} (killed at {call} {number})") for each in found + check(scene.home, known)
    ]


async def _start_again(
    dice: Random, scene: Scene, target: Target, before: _Before, on_death: Callable[[Poisoned], None]
) -> tuple[bool, list[Broken]]:
    """Whether the erasure was recorded, and what does not follow from that."""
    try:
        async with timeout(SECONDS_MAX), scene.opened(on_death) as ledger:
            facts = await ledger.run(Chain.of_account(target.account))
            recorded = any(fact.header.kind == PAYLOAD_ERASED for fact in facts)
            found = await _read_all(ledger, await _others(dice, ledger, before))
            return recorded, found + (await _read_none(ledger, before) if recorded else [])
    except (HaloopError, TimeoutError) as error:
        return False, [_broken("I11", f"the home does not open: {type(error).__name__}: {error}")]


# What can be read


_Words = Mapping[tuple[AccountId, int, str], bytes]


async def _others(dice: Random, ledger: SqliteLedger, before: _Before) -> _Words:
    """Some parts that stay."""
    there = [
        (account, event.index, name)
        for account in await ledger.accounts()
        for event in await ledger.events(account)
        for name in event.parts
        if event.header.kind != PAYLOAD_ERASED and (account, event.index, name) not in before.doomed
    ]
    chosen = dice.sample(there, _OTHERS)
    return {key: await ledger.body(await ledger.event(*key[:2]), key[2]) for key in chosen}


async def _read_all(ledger: SqliteLedger, words: _Words) -> list[Broken]:
    changed = [key for key, body in words.items() if await ledger.body(await ledger.event(*key[:2]), key[2]) != body]
    return [_broken("I11", f"part {name} of event {index} was another's and changed") for _, index, name in changed]


async def _read_none(ledger: SqliteLedger, before: _Before) -> list[Broken]:
    found = []
    for account, index, name in sorted(before.doomed):
        try:
            await ledger.body(await ledger.event(account, index), name)
        except Erased:
            continue
        found.append(_broken("I11", f"part {name} of event {index} can still be read"))
    return found


# The home


async def _furnish(scene: Scene, dice: Random) -> None:
    """Accounts whose runs took turns, so that rows were inserted between rows and pages were split."""
    scene.home.mkdir(parents=True)
    people = [new_person_id() for _ in range(5)]
    async with scene.opened() as ledger:
        accounts = [await ledger.open_account() for _ in range(3)]
        for _ in range(6):
            await asyncio.gather(*[_tell(ledger, account, dice, people, facts=8) for account in accounts])
    (scene.folder / "people").write_text("\n".join(people))


async def _tell(
    ledger: SqliteLedger, account: AccountId, dice: Random, people: Sequence[PersonId], *, facts: int
) -> None:
    chain, head = Chain(account=account, run_id=new_run_id()), START
    for _ in range(facts):
        parts = (
            Part(name="words", body=dice.randbytes(dice.choice((40, 400, 3_000)))),
            Part(name="person", body=dice.randbytes(60), subject=dice.choice(people)),
        )
        pending = ledger.append(chain, head, Entry(kind="step.done", actor="agent:scribe", parts=parts))
        head = pending.head
        await pending
    await ledger.append(chain, head, Entry(kind=RUN_ENDED, actor="kernel"))


def _choose(dice: Random, scene: Scene) -> Target:
    kind = dice.choice(tuple(Kind))
    with closing(_database(scene.home / "ledger.db")) as ledger:
        rows = list(ledger.execute(_ERASABLE, (kind,)))
    account, at, name, person = dice.choice(rows)
    return Target(kind=kind, account=account, index=place(at)[1], name=name, person=person)


_ERASABLE = (
    "SELECT account, position, name, person FROM part JOIN event USING (position) JOIN run USING (run)"
    " JOIN tree ON tree.tree = run.tree LEFT JOIN subject ON personal AND subject.key_id = part.key_id"
    " WHERE kind = 'step.done' AND (?1 <> 'person' OR personal)"
)


def _database(path: Path) -> apsw.Connection:
    return apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE)


def _broken(invariant: str, what: str) -> Broken:
    return Broken(invariant=invariant, what=what)


# The planted bug


@contextmanager
def _planted(control: str | None) -> Iterator[None]:
    """What an event says is hashed with it, so that whoever erases the words must write the row anew."""
    if control is None:
        yield
        return
    with patched(eraser, carry_out=_carry_out_and_hash_what_is_left):
        yield


def _carry_out_and_hash_what_is_left(
    erased: erasure.Erasure, *, tree: int, at: int, connection: apsw.Connection, keys: KeyRing
) -> None:
    erasure.carry_out(erased, tree=tree, at=at, connection=connection, keys=keys)
    if erased.part is not None:
        gone = [(position(tree, erased.part[0]), erased.part[1])]
    else:
        gone = [
            row
            for key_id in erased.keys
            for row in list(connection.execute("SELECT position, name FROM part WHERE key_id = ?", (key_id,)))
        ]
    with connection:
        for where, name in gone:
            _hash_without(connection, where, name)


def _hash_without(connection: apsw.Connection, at: int, name: str) -> None:
    raw, parts = read_one(connection, "SELECT header, parts FROM event WHERE position = ?", at)
    left = encode_hashes({part: digest for part, digest in decode_hashes(parts).items() if part != name})
    old = Header.decode(raw)
    new = Header(
        account=old.account,
        actor=old.actor,
        kind=old.kind,
        payload=commitment(left),
        prev=old.prev,
        run_id=old.run_id,
        run_seq=old.run_seq,
        ts=old.ts,
        claim=old.claim,
    ).encode()
    connection.execute(
        "UPDATE event SET header = ?, parts = ?, leaf_hash = ? WHERE position = ?", (new, left, leaf_hash(new), at)
    )


# Run as a process of its own


def main(arguments: Sequence[str]) -> int:
    """Be the bystander, or the process that is killed while it erases."""
    parser = argparse.ArgumentParser(prog="erasure")
    acts = parser.add_subparsers(dest="act", required=True)
    acts.add_parser("stand-by").add_argument("folder", type=Path)
    erasing = acts.add_parser("erase")
    erasing.add_argument("folder", type=Path)
    erasing.add_argument("kind", type=Kind)
    erasing.add_argument("account")
    erasing.add_argument("index", type=int)
    erasing.add_argument("name")
    erasing.add_argument("--person")
    erasing.add_argument("--control")
    options = parser.parse_args(arguments)
    scene = Scene(folder=options.folder)
    if options.act == "stand-by":
        _stand_by(scene)
        return 0
    target = Target(
        kind=options.kind, account=options.account, index=options.index, name=options.name, person=options.person
    )
    with _planted(options.control):
        asyncio.run(_open_and_erase(scene, target))
    return 0


async def _open_and_erase(scene: Scene, target: Target) -> None:
    async with scene.opened() as ledger:
        await target.erase(ledger)


ROW = Row(
    number=14,
    name="erasure under readers, writers, backups and kills",
    tool="processes, strace",
    checks="I2 I11, the bytes are gone",
    control=CONTROL,
    counts={Scale.TEST: 10, Scale.CI: 500, Scale.RELEASE: 10_000},
    run=run,
    needs=("strace",),
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
