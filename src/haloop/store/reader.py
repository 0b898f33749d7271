"""Reading a ledger: rows become events, and the tree's hashes are found without a scan.

The live ledger, the verifier, shipping and export all read through this, each on a connection of its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import apsw

from haloop.kernel import canonical
from haloop.kernel.errors import BadInput, Corrupt, ForeignRun, LedgerClosed, NotFound
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.ledger import ARTIFACT_ADDED, START, Chain, Event, Head, Header, ListedRun, OpenRun
from haloop.kernel.merkle import TILE_WIDTH
from haloop.kernel.part import decode_hashes
from haloop.store.database import read_one
from haloop.store.schema import place, position

_EVENT = "SELECT position, header, parts, leaf_hash FROM event"
_RUN = (
    "SELECT event.position, event.header, event.parts, event.leaf_hash, newest.kind, newest.ts FROM event"
    " JOIN event newest ON newest.position ="
    " (SELECT position FROM event said WHERE said.run = event.run ORDER BY run_seq DESC LIMIT 1)"
    " WHERE event.kind = 'run.started'"
)
"""What begins a run, and the newest that it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One account's tree, as its row says."""

    number: int
    account: AccountId
    size: int
    ts: int
    range: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """A signed note and what it is about."""

    epoch: int
    size: int
    note: str
    place: int = 0
    """Where it is stored, to go on from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """A locked part, and who holds the key to its key."""

    key_id: int
    holder: RunId | PersonId
    wrapped: bytes
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A chain, as its row says."""

    number: int
    tree: int
    key_id: int
    ended: bool


class Reader:
    """Questions to a ledger database."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._closed = False
        self._numbers: dict[AccountId, int] = {}

    @property
    def connection(self) -> apsw.Connection:
        """Where questions are asked; LedgerClosed once this reader is closed."""
        if self._closed:
            raise LedgerClosed("This ledger has been closed.")
        return self._connection

    def close(self) -> None:
        self._closed = True
        self._connection.close()

    def trees(self) -> list[Tree]:
        rows = self.connection.execute("SELECT tree, account, size, ts, range FROM tree ORDER BY tree")
        return [Tree(number=n, account=a, size=s, ts=t, range=r) for n, a, s, t, r in rows]

    def tree(self, account: AccountId) -> Tree:
        query = "SELECT tree, account, size, ts, range FROM tree WHERE account = ?"
        row = self.connection.execute(query, (account,)).fetchone()
        if row is None:
            raise NotFound(f"There is no account {account}.")
        return Tree(number=row[0], account=row[1], size=row[2], ts=row[3], range=row[4])

    def number(self, account: AccountId) -> int:
        """A tree's number, which never changes."""
        if account not in self._numbers:
            self._numbers[account] = self.tree(account).number
        return self._numbers[account]

    def run(self, run_id: RunId) -> StoredRun | None:
        query = "SELECT run, tree, key_id, ended IS NOT NULL FROM run WHERE run_id = ?"
        row = self.connection.execute(query, (run_id,)).fetchone()
        return row and StoredRun(number=row[0], tree=row[1], key_id=row[2], ended=bool(row[3]))

    def find(self, chain: Chain) -> StoredRun | None:
        """A chain's row; None before its first event, ForeignRun if it is another account's."""
        run = self.run(chain.run_id)
        if run is not None and self.number(chain.account) != run.tree:
            raise ForeignRun(f"{chain.run_id} does not belong to {chain.account}.")
        return run

    def head(self, run: StoredRun) -> Head:
        query = "SELECT run_seq, leaf_hash FROM event WHERE run = ? ORDER BY run_seq DESC LIMIT 1"
        row = self.connection.execute(query, (run.number,)).fetchone()
        return Head(run_seq=row[0], hash=row[1]) if row else START

    def run_events(self, run: StoredRun) -> list[Event]:
        return self._events(f"{_EVENT} WHERE run = ? ORDER BY run_seq", (run.number,))

    def page(self, tree: int, *, start: int, limit: int) -> list[Event]:
        """Events of a tree from a leaf index on."""
        query = f"{_EVENT} WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?"
        return self._events(query, (position(tree, start), position(tree + 1, 0) - 1, limit))

    def event(self, tree: int, index: int) -> Event:
        """One event by its leaf index."""
        found = self._events(f"{_EVENT} WHERE position = ?", (position(tree, index),))
        if not found:
            raise NotFound(f"There is no event {index}.")
        return found[0]

    def facts(self, tree: int, kind: str) -> list[Event]:
        """The account's own facts of one kind, oldest first."""
        return [self.event(tree, index) for index in self.fact_indexes(tree, kind)]

    def fact_indexes(self, tree: int, kind: str) -> list[int]:
        """Where the account's own facts of one kind stand."""
        query = (
            "SELECT position FROM event WHERE kind = ? AND run = (SELECT run FROM run WHERE run_id ="
            " (SELECT account FROM tree WHERE tree = ?)) ORDER BY run_seq"
        )
        return [place(at)[1] for (at,) in self.connection.execute(query, (kind, tree))]

    def artifact_indexes(self, tree: int) -> list[int]:
        """Where the facts of all runs stand that refer to artifacts."""
        query = f"SELECT position FROM event WHERE kind = '{ARTIFACT_ADDED}' AND position BETWEEN ? AND ?"
        rows = self.connection.execute(query, (position(tree, 0), position(tree + 1, 0) - 1))
        return [place(at)[1] for (at,) in rows]

    def is_claimed(self, tree: int, claim: bytes) -> bool:
        query = "SELECT 1 FROM claim WHERE tree = ? AND claim = ?"
        return self.connection.execute(query, (tree, claim)).fetchone() is not None

    def effects(self, tree: int) -> list[Event]:
        """All events of a tree that say what became of effects."""
        query = f"{_EVENT} WHERE position BETWEEN ? AND ? AND kind >= 'effect.' AND kind < 'effect/' ORDER BY position"
        return self._events(query, (position(tree, 0), position(tree + 1, 0) - 1))

    def runs_before(self, tree: int, before: int | None, *, limit: int, waiting: bool) -> list[ListedRun]:
        """A page of runs, the newest first."""
        last = position(tree + 1, 0) if before is None else position(tree, before)
        open_only = "AND (SELECT ended FROM run WHERE run.run = event.run) IS NULL" if waiting else ""
        query = (
            f"{_RUN} AND event.position >= ? AND event.position < ? {open_only} ORDER BY event.position DESC LIMIT ?"
        )
        return self._runs(query, (position(tree, 0), last, limit))

    def runs_at(self, tree: int, places: Sequence[int]) -> list[ListedRun]:
        """The runs that begin there, the newest first."""
        marks = ", ".join("?" for _ in places)
        query = f"{_RUN} AND event.position IN ({marks}) ORDER BY event.position DESC"
        return self._runs(query, tuple(position(tree, at) for at in places))

    def open_runs(self) -> Iterator[OpenRun]:
        """Every run that has not ended."""
        query = (
            "SELECT account, run_id, group_concat(kind, ' ' ORDER BY run_seq), max(position), max(event.ts)"
            " FROM run JOIN tree USING (tree) JOIN event USING (run)"
            " WHERE ended IS NULL AND run_id <> account GROUP BY run ORDER BY run"
        )
        split = cache(str.split)  # most have recorded the same
        for account, run_id, kinds, at, ts in self.connection.execute(query):
            chain = Chain(account=account, run_id=run_id)
            yield OpenRun(chain=chain, kinds=tuple(split(kinds)), index=place(at)[1], ts=ts)

    def run_of(self, tree: int, index: int) -> RunId | None:
        """Which run an event's row says it belongs to; its header may say anything once it is damaged."""
        query = "SELECT run_id FROM event JOIN run USING (run) WHERE position = ?"
        row = self.connection.execute(query, (position(tree, index),)).fetchone()
        return row and row[0]

    def header(self, tree: int, index: int) -> bytes:
        """The very bytes of a leaf."""
        row = self.connection.execute(
            "SELECT header FROM event WHERE position = ?", (position(tree, index),)
        ).fetchone()
        if row is None:
            raise NotFound(f"There is no event {index}.")
        raw: bytes = row[0]
        return raw

    def part(self, tree: int, index: int, name: str) -> StoredPart | None:
        row = self.connection.execute(
            "SELECT p.key_id, coalesce(s.person, r.run_id), p.wrapped, p.body"
            " FROM part p JOIN event e USING (position) JOIN run r ON r.run = e.run"
            " LEFT JOIN subject s ON p.personal = 1 AND s.key_id = p.key_id"
            " WHERE p.position = ? AND p.name = ?",
            (position(tree, index), name),
        ).fetchone()
        return row and StoredPart(key_id=row[0], holder=row[1], wrapped=row[2], body=row[3])

    def key_erased(self, key_id: int) -> bool:
        query = "SELECT 1 FROM erased_key WHERE key_id = ?"
        return self.connection.execute(query, (key_id,)).fetchone() is not None

    def part_erased(self, tree: int, index: int, name: str) -> bool:
        query = "SELECT 1 FROM erased_part WHERE part_position = ? AND name = ?"
        return self.connection.execute(query, (position(tree, index), name)).fetchone() is not None

    def subject_keys(self, tree: int, person: PersonId) -> list[int]:
        """All keys ever made for a person in an account, the newest last."""
        query = "SELECT key_id FROM subject WHERE tree = ? AND person = ? ORDER BY key_id"
        return [row[0] for row in self.connection.execute(query, (tree, person))]

    def own_keys(self) -> list[int]:
        """The keys of the accounts' own chains, without which no account can go on."""
        return [row[0] for row in self.connection.execute("SELECT key_id FROM run JOIN tree ON run_id = account")]

    def newest_key(self) -> int:
        """The highest number of a key that was given out."""
        query = (
            "SELECT coalesce(max(key_id), 0) FROM (SELECT max(key_id) AS key_id FROM run"
            " UNION ALL SELECT max(key_id) FROM subject UNION ALL SELECT max(key_id) FROM erased_key)"
        )
        (newest,) = read_one(self.connection, query)
        return int(newest)

    def running_with(self, subject_keys: Iterable[int]) -> list[RunId]:
        """Runs that have not ended and say something under one of these data subjects' keys."""
        query = (
            "SELECT DISTINCT r.run_id FROM part p JOIN event e USING (position) JOIN run r ON r.run = e.run"
            " JOIN tree t ON t.tree = r.tree"
            " WHERE p.personal = 1 AND p.key_id = ? AND r.ended IS NULL AND r.run_id <> t.account"
        )
        return [row[0] for key in subject_keys for row in self.connection.execute(query, (key,))]

    def live_keys(self, tree: int) -> list[int]:
        """The keys of an account's runs and people that no erasure took; its own chain's is never taken."""
        query = (
            "SELECT key_id FROM run JOIN tree USING (tree) WHERE tree = ?1 AND run_id <> account"
            " UNION SELECT key_id FROM subject WHERE tree = ?1"
            " EXCEPT SELECT key_id FROM erased_key"
        )
        return [row[0] for row in self.connection.execute(query, (tree,))]

    def newest_checkpoint(self, tree: int) -> StoredCheckpoint | None:
        query = (
            "SELECT epoch, size, note FROM checkpoint WHERE tree = ? ORDER BY epoch DESC, size DESC, rowid DESC LIMIT 1"
        )
        row = self.connection.execute(query, (tree,)).fetchone()
        return row and StoredCheckpoint(epoch=row[0], size=row[1], note=row[2])

    def checkpoints(self, tree: int) -> Iterator[StoredCheckpoint]:
        query = "SELECT epoch, size, note FROM checkpoint WHERE tree = ? ORDER BY size, epoch, rowid"
        for epoch, size, note in self.connection.execute(query, (tree,)):
            yield StoredCheckpoint(epoch=epoch, size=size, note=note)

    def checkpoint_of(self, tree: int, epoch: int, size: int) -> StoredCheckpoint | None:
        """The newest note over so many events under one name."""
        query = "SELECT note FROM checkpoint WHERE tree = ? AND epoch = ? AND size = ? ORDER BY rowid DESC LIMIT 1"
        row = self.connection.execute(query, (tree, epoch, size)).fetchone()
        return row and StoredCheckpoint(epoch=epoch, size=size, note=row[0])

    def checkpoints_before(self, tree: int, before: int | None, *, limit: int) -> list[StoredCheckpoint]:
        """A page of an account's checkpoints, the newest first, from the one at that place on."""
        last: tuple[object, ...] | None = (canonical.INTEGER_MAX, 0, "")
        if before is not None:
            known = "SELECT epoch, size, note FROM checkpoint WHERE rowid = ? AND tree = ?"
            last = self.connection.execute(known, (before, tree)).fetchone()
        if last is None:
            return []
        query = (
            "SELECT epoch, size, note, rowid FROM checkpoint WHERE tree = ? AND (epoch, size, note) < (?, ?, ?)"
            " ORDER BY epoch DESC, size DESC, note DESC LIMIT ?"
        )
        rows = self.connection.execute(query, (tree, *last, limit))
        return [StoredCheckpoint(epoch=epoch, size=size, note=note, place=place) for epoch, size, note, place in rows]

    def read_tile(self, tree: int, level: int, index: int) -> bytes:
        """Up to 256 neighbouring hashes: leaf hashes lie beside the events, the rest in `node`."""
        first = index * TILE_WIDTH
        last = first + TILE_WIDTH - 1
        if level == 0:
            query = "SELECT leaf_hash FROM event WHERE position BETWEEN ? AND ? ORDER BY position"
            rows = self.connection.execute(query, (position(tree, first), position(tree, last)))
        else:
            query = (
                "SELECT hash FROM node WHERE tree = ? AND level = ? AND node_index BETWEEN ? AND ? ORDER BY node_index"
            )
            rows = self.connection.execute(query, (tree, level, first, last))
        return b"".join([row[0] for row in rows])

    def _events(self, query: str, bindings: tuple[object, ...]) -> list[Event]:
        return [_event(*row) for row in self._rows(query, bindings)]

    def _runs(self, query: str, bindings: tuple[object, ...]) -> list[ListedRun]:
        rows = self._rows(query, bindings)
        return [ListedRun(first=_event(*first), newest=newest, newest_ts=ts) for *first, newest, ts in rows]

    def _rows(self, query: str, bindings: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            return list(self.connection.execute(query, bindings))
        except UnicodeDecodeError as error:  # SQLite says that it is text, and it is not
            raise Corrupt("An event was damaged: its row holds something of another type.") from error


def _event(at: int, header: bytes, parts: bytes, leaf_hash: bytes) -> Event:
    if not all(isinstance(column, bytes) for column in (header, parts, leaf_hash)):  # a flipped bit can do that
        raise Corrupt(f"Event {place(at)[1]} was damaged: its row holds something of another type.")
    try:
        return Event(index=place(at)[1], header=Header.decode(header), parts=decode_hashes(parts), leaf_hash=leaf_hash)
    except BadInput as error:
        raise Corrupt(f"Event {place(at)[1]} was damaged: {error.sentence}") from error
