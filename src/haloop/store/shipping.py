"""Ledger shipping: a copy elsewhere that grows with the ledger, and is checked before it believes anything.

What is new, up to the newest signed checkpoint of each tree, is read from the home in one snapshot. On arrival
every header is hashed, the copy's own tree grows by it, and the commit happens only if the grown tree has the
root that was signed. The copy's other tables are rebuilt from the headers, not copied. Encrypted bodies travel
as they are; keys never do. A home that no longer begins with what the copy holds was rolled back or rewritten:
it is refused, and the copy stays as the witness of what there was.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import apsw

from haloop.kernel import canonical
from haloop.kernel.checkpoint import Checkpoint, VerifierKey, open_note
from haloop.kernel.errors import BadInput, BadNote, Corrupt, Refused
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import RUN_ENDED, Header, leaf_hash, origin
from haloop.kernel.merkle import CompactRange
from haloop.kernel.part import commitment
from haloop.store import schema
from haloop.store.database import open_for_writing, truncate_log
from haloop.store.home import FileLock, Home, sync_folder
from haloop.store.manifest import BACKUP_FORMAT, MANIFEST, read_manifest
from haloop.store.reader import Reader, StoredCheckpoint, Tree
from haloop.store.schema import place, position
from haloop.store.signing import verify_ed25519
from haloop.store.tree import begins_with

SHIPPING_FORMAT = "haloop/shipping/1"

_PAGE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """What one shipment brought."""

    events: int
    held: int
    """Events the copy holds now."""
    waiting: int
    """Events that no checkpoint covers yet."""

    def __add__(self, later: "Shipped") -> "Shipped":
        """Two shipments, one after the other."""
        return Shipped(events=self.events + later.events, held=later.held, waiting=later.waiting)


def ship_ledger(home: Path, source: Reader, signers: Sequence[bytes], folder: Path) -> Shipped:
    """Append to the copy in a folder what a home has signed since; all of it or nothing."""
    _require_place(home, folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = Home(folder)
    lock = FileLock(copy.lock)
    lock.take()
    try:
        target = open_for_writing(
            copy.ledger,
            schema=schema.LEDGER,
            application_id=schema.LEDGER_APPLICATION_ID,
            version=schema.VERSION,
        )
        with closing(target):
            with source.connection, target:
                shipped = _Shipment(source, target, signers).run()
            truncate_log(target)  # the log may remember what was erased
        _write_manifest(folder)
        return shipped
    finally:
        lock.release()


def _require_place(home: Path, folder: Path) -> None:
    if folder.resolve().is_relative_to(home.resolve()):
        raise BadInput(
            f"{folder} lies in the home: what happens to one happens to both.",
            code="ship.same_place",
            next_step="Give a folder on another disk or machine.",
        )
    manifest = read_manifest(folder)
    if (folder / "secrets").exists() or (manifest is not None and manifest["format"] == BACKUP_FORMAT):
        raise BadInput(
            f"{folder} holds a home or a backup, which stays as it is.",
            code="output.exists",
            next_step="Give a folder of its own.",
        )


def _write_manifest(folder: Path) -> None:
    path = folder / MANIFEST
    if not path.exists():
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            file.write(canonical.encode({"format": SHIPPING_FORMAT}))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(folder)


class _Shipment:
    """One transaction on the copy, from one snapshot of the home."""

    def __init__(self, source: Reader, target: apsw.Connection, signers: Sequence[bytes]) -> None:
        self._source = source
        self._target = target
        self._copy = Reader(target)
        self._signers = signers

    def run(self) -> Shipped:
        held = {tree.account: tree for tree in self._copy.trees()}
        trees = self._source.trees()
        self._require_same_beginning(held, trees)
        events = 0
        for tree in trees:
            known = held.get(tree.account) or Tree(number=tree.number, account=tree.account, size=0, ts=0, range=b"")
            newest = self._source.newest_checkpoint(tree.number)
            if newest is not None and newest.size >= known.size and not self._erasure_waits(tree, newest):
                self._grow(known, newest)
                events += newest.size - known.size
        total = sum(tree.size for tree in self._copy.trees())
        return Shipped(events=events, held=total, waiting=sum(tree.size for tree in trees) - total)

    def _require_same_beginning(self, held: Mapping[AccountId, Tree], trees: Sequence[Tree]) -> None:
        found = {tree.account: tree for tree in trees}
        for copy in held.values():
            tree = found.get(copy.account)
            if tree is None or tree.number != copy.number or not begins_with(self._source, tree, copy):
                raise Refused(
                    f"This home does not begin with the {copy.size} events of {copy.account} that were shipped:"
                    " it was rolled back, rewritten, or is another home. Nothing was shipped.",
                    code="ship.diverged",
                    next_step="Keep the shipped copy: it has what this home forgot. Ship to a new folder.",
                )

    def _erasure_waits(self, tree: Tree, newest: StoredCheckpoint) -> bool:
        """Whether an erasure was carried out that the checkpoint does not cover.

        Without the event that says why, the copy would have a part missing, which is corruption.
        """
        beyond = (position(tree.number, newest.size), position(tree.number + 1, 0))
        return any(
            self._source.connection.execute(
                f"SELECT 1 FROM {table} WHERE position >= ? AND position < ?", beyond
            ).fetchone()
            for table in ("erased_key", "erased_part")
        )

    def _grow(self, known: Tree, newest: StoredCheckpoint) -> None:
        """Bring one tree up to its checkpoint."""
        grown, ts = CompactRange.from_bytes(known.size, known.range), known.ts
        for start in range(known.size, newest.size, _PAGE):
            ts = self._take_events(known, grown, start, min(start + _PAGE, newest.size))
        self._require_signed(known, grown, newest)
        if newest.size:
            self._target.execute(
                "INSERT INTO tree VALUES (?, ?, ?, ?, ?) ON CONFLICT (tree) DO UPDATE SET"
                " size = excluded.size, ts = excluded.ts, range = excluded.range",
                (known.number, known.account, newest.size, ts, grown.to_bytes()),
            )
        self._target.execute(
            "INSERT OR IGNORE INTO checkpoint VALUES (?, ?, ?, ?)",
            (known.number, newest.epoch, newest.size, newest.note),
        )
        self._take_erasures(known, newest)

    def _take_events(self, tree: Tree, grown: CompactRange, start: int, stop: int) -> int:
        """Take a page of events with their parts; the time of the last."""
        pages = (position(tree.number, start), position(tree.number, stop))
        query = "SELECT position, run, header, parts FROM event WHERE position >= ? AND position < ? ORDER BY position"
        events, ts = [], 0
        for expected, (at, run, raw, hashes) in enumerate(
            self._source.connection.execute(query, pages), start=pages[0]
        ):
            header = self._read_header(tree, expected, at, raw, hashes)
            leaf = leaf_hash(raw)
            nodes = grown.append(leaf)
            self._insert("node", 4, ((tree.number, node.level, node.index, node.hash) for node in nodes))
            events.append((at, run, header.run_seq, header.kind, header.ts, header.actor, raw, hashes, leaf))
            self._project(tree, at, run, header)
            ts = header.ts
        self._insert("event", 9, events)
        self._copy_rows("part", 6, "SELECT * FROM part WHERE position >= ? AND position < ?", pages)
        subjects = (
            "SELECT DISTINCT s.key_id, s.tree, s.person FROM part p JOIN subject s USING (key_id)"
            " WHERE p.personal = 1 AND p.position >= ? AND p.position < ?"
        )
        self._copy_rows("subject", 3, subjects, pages)
        return ts

    def _read_header(self, tree: Tree, expected: int, at: int, raw: bytes, hashes: bytes) -> Header:
        index = place(expected)[1]
        try:
            header = Header.decode(raw)
        except BadInput as error:
            raise _bad_event(tree, index, error.sentence) from error
        if at != expected:
            raise _bad_event(tree, index, "It is missing.")
        if header.account != tree.account or header.payload != commitment(hashes):
            raise _bad_event(tree, index, "Its header is not about what is stored with it.")
        return header

    def _project(self, tree: Tree, at: int, run: int, header: Header) -> None:
        """What the header means for the tables that are looked things up in."""
        if header.run_seq == 1:
            query = "SELECT key_id FROM run WHERE run = ?"
            for (key_id,) in self._source.connection.execute(query, (run,)):
                self._insert("run", 5, [(run, header.run_id, tree.number, key_id, None)])
        if header.claim is not None:
            self._insert("claim", 3, [(tree.number, header.claim, at)])
        if header.kind == RUN_ENDED:
            query = "UPDATE run SET ended = ? WHERE run = ? AND ended IS NULL"
            self._target.execute(query, (place(at)[1], run))

    def _require_signed(self, tree: Tree, grown: CompactRange, newest: StoredCheckpoint) -> None:
        """The copy believes nothing but a tree that this home signed."""
        named = origin(tree.account, newest.epoch)
        signed = [note for key in self._signers if (note := _open(newest.note, VerifierKey.of(named, key))) is not None]
        if not signed:
            raise Corrupt(f"The newest checkpoint of {tree.account} carries no signature of this home.")
        if signed[0] != Checkpoint(origin=named, size=grown.size, root=grown.root()):
            raise Corrupt(
                f"The events of {tree.account} up to {newest.size} are not those that were signed.",
                next_step="Run haloop verify, which names the first bad event. Nothing was shipped.",
            )

    def _take_erasures(self, tree: Tree, newest: StoredCheckpoint) -> None:
        """Erase here what was erased there."""
        covered = (position(tree.number, 0), position(tree.number, newest.size))
        where = "WHERE position >= ? AND position < ?"
        self._copy_rows("erased_key", 2, f"SELECT key_id, position FROM erased_key {where}", covered)
        gone = f"SELECT part_position, name, position FROM erased_part {where}"
        self._copy_rows("erased_part", 3, gone, covered)
        doomed = ((at, name) for at, name, _ in self._source.connection.execute(gone, covered))
        self._target.executemany("DELETE FROM part WHERE position = ? AND name = ?", doomed)

    def _copy_rows(self, table: str, width: int, query: str, bindings: tuple[int, int]) -> None:
        self._insert(table, width, self._source.connection.execute(query, bindings))

    def _insert(
        self, table: str, width: int, rows: Sequence[tuple[object, ...]] | Iterator[tuple[object, ...]]
    ) -> None:
        marks = ", ".join("?" * width)
        known = "OR IGNORE " if table in ("subject", "erased_key", "erased_part") else ""
        self._target.executemany(f"INSERT {known}INTO {table} VALUES ({marks})", rows)


def _open(note: str, key: VerifierKey) -> Checkpoint | None:
    try:
        return open_note(note, key, verify_ed25519)
    except BadNote:
        return None


def _bad_event(tree: Tree, index: int, why: str) -> Corrupt:
    return Corrupt(f"Event {index} of {tree.account} cannot be shipped: {why}")
