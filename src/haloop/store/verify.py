"""Checking a home from the ground: every hash recomputed, every projection rebuilt, every word opened.

The leaves come first, in stretches that run side by side; each stretch names its first bad event. Then the
tree above them, its row, its signed checkpoints, and the projections. A tree with a bad event is reported by
that event alone, because after it nothing can be said. Last come checkpoints kept elsewhere, the one thing a
rewritten ledger cannot follow. It reads beside a live process if need be, and never writes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path
from typing import TypeAlias

import apsw

from haloop.kernel import canonical
from haloop.kernel.checkpoint import Checkpoint, VerifierKey, open_note, read_unverified
from haloop.kernel.errors import BadInput, BadNote, Corrupt, HaloopError, HomeMissing, KeyMissing, NotFound
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import PAYLOAD_ERASED, RUN_ENDED, Event, Header, leaf_hash, origin, read_origin
from haloop.kernel.merkle import TILE_WIDTH, CompactRange, root_at
from haloop.store import schema
from haloop.store.artifacts import flaw_of, references
from haloop.store.bodies import Bodies
from haloop.store.database import open_for_reading, read_one
from haloop.store.erasure import PART_NAME as ERASURE_PART
from haloop.store.erasure import Erasure
from haloop.store.home import Home
from haloop.store.keys import KeyRing
from haloop.store.reader import Reader, StoredCheckpoint, Tree
from haloop.store.schema import place, position
from haloop.store.signing import verify_ed25519
from haloop.store.tree import contains
from haloop.store.verify_leaves import Bad, Erased, Flaw, Stretch, check_stretch, erased_since, fold

STRETCH = 64 * TILE_WIDTH
"""Leaves checked in one go; a multiple of a tile."""

_WORTH_SHARING = 4 * STRETCH  # below this, starting other processes costs more than it saves

_Job: TypeAlias = tuple[Tree, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that does not hold: where, and what."""

    what: str
    code: str = Corrupt.code
    account: str | None = None
    index: int | None = None
    run_id: str | None = None
    kind: str | None = None

    def __str__(self) -> str:
        if self.index is None:
            return f"{self.account}: {self.what}" if self.account else self.what
        named = ", ".join(name for name in (self.kind, self.run_id) if name)
        named = f" ({named})" if named else ""
        return f"event {self.index}{named} of {self.account}: {self.what}"


@dataclass(slots=True, kw_only=True)
class Report:
    """What was checked, and what was found."""

    events: int = 0
    parts: int = 0
    erased_parts: int = 0
    trees: int = 0
    checkpoints: int = 0
    bodies: bool = True
    artifacts: int | None = None
    """How many references lead to an artifact as it was recorded; none where nobody asked."""
    signers: tuple[str, ...] = ()
    """The public keys this home says it signs with, in hex."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems


def verify_home(
    path: Path,
    *,
    keys: Path | None = None,
    bodies: bool = True,
    artifacts: bool = True,
    outside: Sequence[str] = (),
    key: VerifierKey | None = None,
    progress: Callable[[int], None] = lambda _events: None,
) -> Report:
    """Check a home, or a copy whose keys lie in a folder of their own.

    `outside` are checkpoints kept elsewhere, which its trees must still begin with. A copy may have been made without
    its artifacts; then they are not asked for.
    """
    home = Home(path, keys)
    report = Report(bodies=bodies, artifacts=0 if bodies and artifacts else None)
    try:
        connection = open_for_reading(home.ledger, application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION)
        with closing(connection), closing(_open_keys(home, bodies=bodies)) as ring, connection:
            _Check(Reader(connection), ring, home, report, progress).run(outside, key)
    except (apsw.CorruptError, apsw.NotADBError, apsw.FullError) as error:
        report.problems.append(Problem(what=f"The database file is damaged: {error}."))
    except (apsw.SQLError, BadInput, UnicodeDecodeError, TypeError) as error:
        report.problems.append(Problem(what=f"The database has lost its shape: {error}."))
    except KeyMissing as error:
        report.problems.append(Problem(what=error.sentence, code=error.code))
    return report


def _open_keys(home: Home, *, bodies: bool) -> KeyRing:
    if not bodies:
        return KeyRing(apsw.Connection(":memory:"))
    try:
        return KeyRing.open_read_only(home.keys)
    except HomeMissing as error:
        raise KeyMissing(f"There is no keys.db in {home.path}, so nothing said can be opened.") from error


class _Check:
    """One look at a whole home."""

    def __init__(
        self, reader: Reader, keys: KeyRing, home: Home, report: Report, progress: Callable[[int], None]
    ) -> None:
        self._reader = reader
        self._connection = reader.connection
        self._keys = keys
        self._bodies = Bodies(reader, keys)
        self._home = home
        self._report = report
        self._progress = progress
        self._counted = Stretch()

    def run(self, outside: Sequence[str], key: VerifierKey | None) -> None:
        trees = self._reader.trees()
        self._report.trees = len(trees)
        erased = self._recorded_erasures(trees)
        signers = self._enrolled_signers(trees)
        self._report.signers = tuple(signer.hex() for signer in signers)
        with ThreadPoolExecutor(1) as beside:
            damage = beside.submit(_damage, self._home) if self._report.bodies else None
            flaws = self._check_leaves(trees, erased)
        for tree in trees:
            flaw = flaws.get(tree.number) or self._check_above(tree, signers)
            if flaw is not None:
                self._report.problems.append(self._problem(tree, flaw))
        self._check_strays(trees)
        for what in damage.result() if damage else ():
            self._note(what)
        if self._report.ok:
            self._check_projections(trees, erased)
        if self._report.artifacts is not None:
            self._check_artifacts(trees)
        for note in outside:
            self._check_outside(note, trees, key)

    # Leaves

    def _check_leaves(self, trees: Iterable[Tree], erased: Erased) -> dict[int, Flaw]:
        """Check all leaves, and give each tree's first flaw by the tree's number."""
        jobs = [(tree, first, min(first + STRETCH, tree.size)) for tree in trees for first in _steps(tree.size)]
        flaws: dict[int, Flaw] = {}
        for (tree, _, _), found in self._stretches(jobs, erased):
            self._counted.add(found)
            self._progress(self._counted.events)
            known = flaws.get(tree.number)
            if found.flaw is not None and (known is None or found.flaw.index < known.index):
                flaws[tree.number] = found.flaw
        report, counted = self._report, self._counted
        report.events, report.parts, report.erased_parts = counted.events, counted.parts, counted.erased_parts
        return flaws

    def _stretches(self, jobs: Sequence[_Job], erased: Erased) -> Iterator[tuple[_Job, Stretch]]:
        check = partial(check_stretch, self._home, erased=erased, bodies=self._report.bodies)
        workers = cpu_count() or 1
        if workers == 1 or sum(end - first for _, first, end in jobs) < _WORTH_SHARING:
            for job in jobs:
                yield job, check(*job)
            return
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            running = {pool.submit(check, *job): job for job in jobs}
            for future in as_completed(running):
                yield running.pop(future), future.result()

    # The tree above the leaves

    def _check_above(self, tree: Tree, signers: Sequence[bytes]) -> Flaw | None:
        """The upper nodes, the tree's row and its checkpoints, on leaves that hold."""
        try:
            self._check_nodes(tree)
            self._check_row(tree)
        except (Bad, BadInput) as bad:
            return Flaw(index=max(0, tree.size - 1), what=str(bad), code=Corrupt.code)
        return self._check_checkpoints(tree, signers)

    def _check_nodes(self, tree: Tree) -> None:
        level, width = 1, tree.size // TILE_WIDTH
        while width >= TILE_WIDTH:
            for index in range(width // TILE_WIDTH):
                below = self._reader.read_tile(tree.number, level, index)
                above = self._reader.read_tile(tree.number, level + 1, index // TILE_WIDTH)
                at = index % TILE_WIDTH * 32
                if len(below) != TILE_WIDTH * 32 or above[at : at + 32] != fold(_hashes(below)):
                    raise Bad(f"the tree's stored node {index} of level {level + 1} differs")
            level, width = level + 1, width // TILE_WIDTH

    def _check_row(self, tree: Tree) -> None:
        newest = self._connection.execute(
            "SELECT position, ts FROM event WHERE position < ? ORDER BY position DESC LIMIT 1",
            (position(tree.number + 1, 0),),
        ).fetchone()
        if newest is None or place(newest[0]) != (tree.number, tree.size - 1):
            there = place(newest[0])[1] + 1 if newest and place(newest[0])[0] == tree.number else 0
            raise Bad(f"the tree's row claims {tree.size} events; {there} are there")
        root = root_at(tree.size, partial(self._reader.read_tile, tree.number))
        if newest[1] != tree.ts or CompactRange.from_bytes(tree.size, tree.range).root() != root:
            raise Bad("the tree's row is not what its events add up to")

    def _check_checkpoints(self, tree: Tree, signers: Sequence[bytes]) -> Flaw | None:
        """Every checkpoint ever signed saw this very history."""
        agreed = 0
        for stored in self._reader.checkpoints(tree.number):
            what = self._disagreement(tree, stored, signers)
            if what:
                where = f"{what}; the last that agrees saw {agreed}"
                return Flaw(index=min(agreed, tree.size - 1), what=where, code=Corrupt.code)
            agreed = stored.size
            self._report.checkpoints += 1
        return None

    def _disagreement(self, tree: Tree, stored: StoredCheckpoint, signers: Sequence[bytes]) -> str:
        try:
            checkpoint = _open(stored, origin(tree.account, stored.epoch), signers)
        except BadNote:
            return f"the checkpoint stored for {stored.size} events carries no signature of this home"
        if checkpoint.size != stored.size or checkpoint.origin != origin(tree.account, stored.epoch):
            return f"the checkpoint stored for {stored.size} events is another one"
        if not contains(self._reader, tree, checkpoint):
            return f"the checkpoint signed at {stored.size} events saw another history from here on"
        return ""

    # Facts about the home itself

    def _recorded_erasures(self, trees: Sequence[Tree]) -> Erased:
        """What is gone on purpose, from the facts that say so."""
        keys: dict[int, int] = {}
        parts: dict[tuple[int, str], int] = {}
        persons: dict[int, str] = {}
        for tree in trees:
            for event in self._facts(tree, PAYLOAD_ERASED):
                at = position(tree.number, event.index)
                erasure = Erasure.read(self._said(event, ERASURE_PART) or canonical.encode({"keys": [], "why": ""}))
                keys |= {key_id: at for key_id in erasure.keys if key_id not in keys}
                if erasure.subject is not None:
                    persons |= dict.fromkeys(erasure.keys, str(erasure.subject))
                if erasure.part is not None:
                    index, name = erasure.part
                    parts.setdefault((position(tree.number, index), name), at)
        return Erased(keys=keys, parts=parts, persons=persons, sizes={tree.number: tree.size for tree in trees})

    def _enrolled_signers(self, trees: Iterable[Tree]) -> list[bytes]:
        """The keys this home says it signs with."""
        signers = []
        for tree in trees:
            if tree.account.startswith("sys_"):
                for event in self._facts(tree, "signer.enrolled"):
                    match canonical.decode(self._said(event, "signer") or b"null"):
                        case {"ed25519": str(key)}:
                            signers.append(bytes.fromhex(key))
        return signers

    def _facts(self, tree: Tree, kind: str) -> Iterator[Event]:
        """The account's own facts of a kind; the pass over the leaves names those that cannot be read."""
        indexes = self._reader.fact_indexes(tree.number, kind) if self._report.bodies else ()
        for index in indexes:
            with suppress(Corrupt, NotFound):
                yield self._reader.event(tree.number, index)

    def _said(self, event: Event, name: str) -> bytes | None:
        try:
            return self._bodies.open(event, name).body
        except HaloopError:
            return None  # the pass over the leaves names what is wrong

    # Projections

    def _check_strays(self, trees: Sequence[Tree]) -> None:
        """Rows that no tree accounts for."""
        known = ",".join(str(tree.number) for tree in trees) or "0"
        for table in ("run", "subject", "checkpoint", "claim", "node"):
            self._expect_none(
                f"{table} WHERE tree NOT IN ({known})", f"The table {table} has rows of no known account."
            )
        for table in ("event", "part"):
            self._check_ends(table, trees)

    def _check_ends(self, table: str, trees: Iterable[Tree]) -> None:
        """Nothing stands before, between or after the trees."""
        free = -(1 << 62)
        for tree in trees:
            taken = position(tree.number, 0)
            self._expect_none(
                f"{table} WHERE position >= {free} AND position < {taken}",
                f"The table {table} has rows beyond the end of their tree.",
            )
            free = position(tree.number, tree.size)
        self._expect_none(f"{table} WHERE position >= {free}", f"The table {table} has rows beyond the last tree.")

    def _check_projections(self, trees: Iterable[Tree], erased: Erased) -> None:
        """No row too many; that none is missing or wrong was seen on the way."""
        full = sum(_full_nodes(tree.size) for tree in trees)
        expected = {
            "run": self._counted.runs,
            "run WHERE ended IS NOT NULL": self._counted.ends,
            "claim": self._counted.claims,
            "node": full,
        }
        for table, wanted in expected.items():
            (found,) = read_one(self._connection, f"SELECT count(*) FROM {table}")
            if found != wanted:
                self._note(f"The table {table} has {found} rows; the events account for {wanted}.")
        self._expect_none(
            "run WHERE ended IS NOT NULL AND NOT EXISTS (SELECT 1 FROM event e WHERE e.run = run.run"
            f" AND e.position = (run.tree << 40) + run.ended AND e.kind = '{RUN_ENDED}')",
            "The table run says of a run that it ended where it did not.",
        )
        self._expect_none(
            "(SELECT key_id FROM (SELECT key_id FROM run UNION ALL SELECT key_id FROM subject)"
            " GROUP BY key_id HAVING count(*) > 1)",
            "Two runs or people share one key.",
        )
        if self._report.bodies:
            self._check_keys(erased)
            self._check_erasures(erased)

    def _check_artifacts(self, trees: Iterable[Tree]) -> None:
        """Each file that a fact refers to is there, opens, and is what was recorded; what cannot be read was named."""
        by_account = {tree.account: tree for tree in trees}
        for reference in references(self._reader, self._bodies):
            if isinstance(reference, HaloopError):
                continue
            event, fact = reference
            what = flaw_of(self._home.artifacts, event, fact)
            self._report.artifacts = (self._report.artifacts or 0) + (not what)
            if what:
                flaw = Flaw(index=event.index, what=what, code=Corrupt.code)
                self._report.problems.append(self._problem(by_account[event.header.account], flaw))

    def _expect_none(self, rows: str, otherwise: str) -> None:
        (count,) = read_one(self._connection, f"SELECT count(*) FROM {rows}")
        if count:
            self._note(otherwise)

    def _note(self, what: str, code: str = Corrupt.code) -> None:
        self._report.problems.append(Problem(what=what, code=code))

    def _check_keys(self, erased: Erased) -> None:
        """Whoever holds a key has it, unless an erasure says that it is gone."""
        held = [row[0] for row in self._connection.execute("SELECT key_id FROM run UNION SELECT key_id FROM subject")]
        for key_id in self._keys.absent(key for key in held if key not in erased.keys):
            if not erased_since(self._home, key_id, erased):
                self._note(f"Key {key_id} is missing and no erasure says why.", KeyMissing.code)

    def _check_erasures(self, erased: Erased) -> None:
        """An erasure is a fact first and a deletion after: the tables may lag behind the facts, never lead."""
        keys = dict(self._connection.execute("SELECT key_id, position FROM erased_key"))
        rows = self._connection.execute("SELECT part_position, name, position FROM erased_part")
        parts = {(at, name): by for at, name, by in rows}
        if not keys.items() <= erased.keys.items() or not parts.items() <= erased.parts.items():
            self._note("The tables of erasures say more than the recorded erasures.")

    # Elsewhere

    def _check_outside(self, note: str, trees: Iterable[Tree], key: VerifierKey | None) -> None:
        try:
            checkpoint = read_unverified(note) if key is None else open_note(note, key, verify_ed25519)
            account, _ = read_origin(checkpoint.origin)
        except BadInput as error:
            self._report.problems.append(Problem(what=f"The outside checkpoint: {error.sentence}", code=error.code))
            return
        if any(tree.account == account and contains(self._reader, tree, checkpoint) for tree in trees):
            self._report.checkpoints += 1
            return
        what = (
            f"An outside checkpoint saw {checkpoint.size} events, and this ledger does not begin with them:"
            " it was rolled back or rewritten."
        )
        self._report.problems.append(Problem(what=what, account=account))

    def _problem(self, tree: Tree, flaw: Flaw) -> Problem:
        header = self._header(tree, flaw.index)
        return Problem(
            what=flaw.what.rstrip(".") + ".",
            code=flaw.code,
            account=tree.account,
            index=flaw.index,
            run_id=self._run_of(tree, flaw.index, header),
            kind=header.kind if header else None,
        )

    def _header(self, tree: Tree, index: int) -> Header | None:
        """What an event's header says, true or not; None if it says nothing."""
        try:
            return self._reader.event(tree.number, index).header
        except HaloopError:
            return None

    def _run_of(self, tree: Tree, index: int, header: Header | None) -> RunId | None:
        """The run of a bad event: a header that its stored hash vouches for knows best, its row second best."""
        if header is not None and self._is_intact(tree, index):
            return header.run_id
        return self._reader.run_of(tree.number, index)

    def _is_intact(self, tree: Tree, index: int) -> bool:
        return leaf_hash(self._reader.header(tree.number, index)) == self._reader.event(tree.number, index).leaf_hash


def _damage(home: Home) -> list[str]:
    """What SQLite itself finds wrong with the files: indexes, free pages, what no row of ours shows."""
    found = []
    for path, application_id in ((home.ledger, schema.LEDGER_APPLICATION_ID), (home.keys, schema.KEYS_APPLICATION_ID)):
        with closing(open_for_reading(path, application_id=application_id, version=schema.VERSION)) as connection:
            complaints = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
        found += [f"The file {path.name} is damaged: {what}." for what in complaints if what != "ok"]
    return found


def _open(stored: StoredCheckpoint, name: str, signers: Sequence[bytes]) -> Checkpoint:
    """Read a stored note; where the home's signers are known, one of them must have signed it."""
    if not signers:
        return read_unverified(stored.note)
    for signer in signers[:-1]:
        try:
            return open_note(stored.note, VerifierKey.of(name, signer), verify_ed25519)
        except BadNote:
            continue
    return open_note(stored.note, VerifierKey.of(name, signers[-1]), verify_ed25519)


def _full_nodes(size: int) -> int:
    """How many nodes a tree of this size keeps above its leaves."""
    full = size // TILE_WIDTH
    return full + _full_nodes(full) if full else 0


def _steps(size: int) -> range:
    return range(0, max(size, 1), STRETCH)


def _hashes(tile: bytes) -> list[bytes]:
    return [tile[at : at + 32] for at in range(0, len(tile), 32)]
