"""Checking a stretch of one tree, event by event; stretches are independent, so several run at once.

For each event the header is written anew from the row's columns, the stored part hashes and the chain's
previous leaf, and compared with the stored bytes: one comparison covers the copies, the commitment, the
chain and the spelling. Only where the two differ does `_explain` look closer, to say what it is. The part
rows are met in the same order, opened, and held against their hashes. Memory stays flat: whatever grows with
the ledger is looked up again, not kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256

import apsw

from haloop.kernel.errors import BadInput, Corrupt, KeyMissing
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import RUN_ENDED, START, Header, leaf_hash
from haloop.kernel.merkle import TILE_WIDTH
from haloop.kernel.part import commitment, decode_hashes, part_hash
from haloop.store import schema
from haloop.store.bodies import unlock
from haloop.store.database import open_for_reading
from haloop.store.home import Home
from haloop.store.keys import KeyRing
from haloop.store.reader import Tree
from haloop.store.schema import place, position

_RUNS_MAX = 65_536

_EVENTS = (
    "SELECT position, run, run_seq, kind, ts, actor, header, parts, leaf_hash FROM event"
    " WHERE position >= ? AND position < ? ORDER BY position"
)
_PARTS = (
    "SELECT position, name, key_id, personal, wrapped, body FROM part"
    " WHERE position >= ? AND position < ? ORDER BY position, name"
)

PartRow = tuple[int, str, int, int, bytes, bytes]
EventRow = tuple[int, int, int, str, int, str, bytes, bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What the recorded erasures took away, each with the position of the event that says so."""

    persons: Mapping[int, str] = field(default_factory=dict)
    """Whose an erased key was, where the erasure was theirs."""
    sizes: Mapping[int, int] = field(default_factory=dict)
    """How long each tree was when they were read; what is recorded after that is not in here."""

    keys: Mapping[int, int] = field(default_factory=dict)
    parts: Mapping[tuple[int, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """The first thing that does not hold in a stretch."""

    index: int
    what: str
    code: str


@dataclass(slots=True, kw_only=True)
class Stretch:
    """What was found between two leaf indexes of a tree."""

    events: int = 0
    parts: int = 0
    erased_parts: int = 0
    runs: int = 0
    """First events."""
    ends: int = 0
    """Events that ended their run."""
    claims: int = 0
    flaw: Flaw | None = None

    def add(self, other: "Stretch") -> None:
        """Count another stretch's findings in; flaws are compared, not added."""
        self.events += other.events
        self.parts += other.parts
        self.erased_parts += other.erased_parts
        self.runs += other.runs
        self.ends += other.ends
        self.claims += other.claims


class Bad(Exception):
    """This event does not hold."""

    def __init__(self, what: str, code: str = Corrupt.code) -> None:
        super().__init__(what)
        self.what = what
        self.code = code


def check_stretch(home: Home, tree: Tree, first: int, end: int, erased: Erased, *, bodies: bool) -> Stretch:
    """Check the leaves from `first` up to `end`, with a snapshot of its own."""
    events = open_for_reading(home.ledger, application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION)
    found = Stretch()
    with closing(events), events:
        keys = KeyRing.open_read_only(home.keys) if bodies else None
        try:
            _Leaves(events, keys, tree, erased, home, found).run(first, end)
        finally:
            if keys is not None:
                keys.close()
    return found


@dataclass(slots=True)
class _Known:
    """A chain as far as it has been read."""

    run_id: RunId
    key_id: int
    ended: int | None
    run_seq: int
    hash: bytes


class _Leaves:
    """One pass over one stretch."""

    def __init__(
        self,
        connection: apsw.Connection,
        keys: KeyRing | None,
        tree: Tree,
        erased: Erased,
        home: Home,
        found: Stretch,
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._tree = tree
        self._erased = erased
        self._home = home
        self._found = found
        self._runs: dict[int, _Known] = {}
        self._persons: dict[int, str] = {}
        self._at = 0

    def run(self, first: int, end: int) -> None:
        try:
            self._check(position(self._tree.number, first), position(self._tree.number, end))
        except Bad as bad:
            self._found.flaw = Flaw(index=place(self._at)[1], what=bad.what, code=bad.code)
        except BadInput as error:
            self._found.flaw = Flaw(index=place(self._at)[1], what=error.sentence, code=error.code)
        except (
            UnicodeDecodeError,
            TypeError,
            AttributeError,
        ):  # a flipped bit can make a column something else than it was
            what = "its row, or that of one of its parts, holds something of another type"
            self._found.flaw = Flaw(index=place(self._at)[1], what=what, code=Corrupt.code)

    def _check(self, first: int, end: int) -> None:
        """The hot loop: what is not equal here is looked at closely in `_explain`."""
        account, found, runs = self._tree.account, self._found, self._runs
        parts = self._parts(first, end)
        tile: list[bytes] = []
        newest = self._time_before(first)
        self._at = first
        for row in self._connection.execute(_EVENTS, (first, end)):
            at, run, run_seq, kind, ts, actor, header, hashes, stored = row
            known = runs.get(run) or self._meet(run, run_seq)
            written = (
                f'{{"account":"{account}","actor":"{actor}","kind":"{kind}","payload":"'
                f'{sha256(b"haloop/payload/1" + hashes).hexdigest()}","prev":"{known.hash.hex()}",'
                f'"run_id":"{known.run_id}","run_seq":{run_seq},"ts":{ts}}}'
            ).encode()
            hashed = sha256(b"\x00\x01" + len(header).to_bytes(4, "big") + header).digest()
            if at != self._at or header != written or hashed != stored or run_seq != known.run_seq + 1:
                self._explain(row, known)
            if run_seq == 1:
                found.runs += 1
            if ts < newest:
                raise Bad("its time is before the event ahead of it")
            if kind == RUN_ENDED or known.ended is not None:
                self._check_end(known, place(at)[1], kind)
            if parts is not None:
                parts.check(at, hashes, known)
            known.run_seq, known.hash, newest = run_seq, stored, ts
            tile.append(stored)
            if len(tile) == TILE_WIDTH:
                self._check_tile(tile)
            found.events += 1
            self._at = at + 1
        if self._at != end:
            raise Bad("it is missing")
        if parts is not None:
            parts.finish()

    def _time_before(self, first: int) -> int:
        row = self._connection.execute("SELECT ts FROM event WHERE position = ?", (first - 1,)).fetchone()
        return 0 if row is None else int(row[0])

    def _meet(self, run: int, run_seq: int) -> _Known:
        """A chain met for the first time, or forgotten to keep memory flat: its row and its previous event."""
        row = self._connection.execute(
            "SELECT run_id, tree, key_id, ended, (SELECT leaf_hash FROM event WHERE run = ?1 AND run_seq = ?2 - 1)"
            " FROM run WHERE run = ?1",
            (run, run_seq),
        ).fetchone()
        if row is None or row[1] != self._tree.number:
            raise Bad("the table of runs has no row for its run")
        run_id, _, key_id, ended, previous = row
        if run_seq > 1 and previous is None:
            raise Bad(f"the event before it in {run_id} is missing")
        if len(self._runs) >= _RUNS_MAX:
            for number in list(self._runs)[: _RUNS_MAX // 2]:
                del self._runs[number]
        known = _Known(run_id, key_id, ended, run_seq - 1, previous if run_seq > 1 else START.hash)
        self._runs[run] = known
        return known

    def _explain(self, row: EventRow, known: _Known) -> None:
        """Say which of the things that make a header does not hold; return if only a claim was in the way."""
        at, _, run_seq, kind, ts, actor, raw, hashes, stored = row
        if at != self._at:
            raise Bad(f"it is missing: event {place(at)[1]} comes next")
        if leaf_hash(raw) != stored:
            raise Bad("its header was changed, or its stored hash was")
        header = Header.decode(raw)
        copies = {"account": self._tree.account, "actor": actor, "kind": kind, "ts": ts, "run_seq": run_seq}
        for name, copy in copies.items():
            if getattr(header, name) != copy:
                raise Bad(f"the column {name} is not what its header says")
        if header.run_id != known.run_id:
            raise Bad(f"its header names {header.run_id}, its row {known.run_id}")
        if header.payload != commitment(hashes):
            raise Bad("the hashes of its parts are not those its header commits to")
        if run_seq != known.run_seq + 1:
            raise Bad(f"its run stands at event {known.run_seq}, so it cannot be event {run_seq}")
        if header.prev != known.hash:
            raise Bad("it does not follow the event before it in its run")
        if header.encode() != raw:
            raise Bad("its header is not in its one accepted spelling")
        if header.claim is not None:
            self._check_claim(at, header.claim)

    def _check_claim(self, at: int, claim: bytes) -> None:
        query = "SELECT position FROM claim WHERE tree = ? AND claim = ?"
        row = self._connection.execute(query, (self._tree.number, claim)).fetchone()
        if row is None or row[0] != at:
            raise Bad("the table of claims does not hold its claim")
        self._found.claims += 1

    def _check_end(self, known: _Known, index: int, kind: str) -> None:
        if known.ended == index and kind != RUN_ENDED:
            raise Bad("the table of runs says that it ended its run, and it did not")
        if kind == RUN_ENDED and (known.ended is None or known.ended > index):
            raise Bad("it ended its run, and the table of runs does not say so")
        self._found.ends += known.ended == index

    def _check_tile(self, tile: list[bytes]) -> None:
        """Every 256th leaf completes a subtree whose root is stored."""
        index = place(self._at)[1] // TILE_WIDTH
        query = "SELECT hash FROM node WHERE tree = ? AND level = 1 AND node_index = ?"
        row = self._connection.execute(query, (self._tree.number, index)).fetchone()
        if row is None or row[0] != fold(tile):
            raise Bad(f"the tree's stored node {index} of level 1, which ends with it, differs")
        tile.clear()

    def _parts(self, first: int, end: int) -> "_Parts | None":
        if self._keys is None:
            return None
        return _Parts(self._connection.execute(_PARTS, (first, end)), self._keys, self)

    def key_gone(self, key_id: int) -> bool:
        """Whether a missing key was erased: as recorded, or while we were reading."""
        return key_id in self._erased.keys or erased_since(self._home, key_id, self._erased)

    def part_gone(self, at: int, name: str) -> bool:
        """Whether a missing part was erased: as recorded, or while we were reading."""
        if (at, name) in self._erased.parts:
            return True
        query = "SELECT position FROM erased_part WHERE part_position = ? AND name = ?"
        row = self._connection.execute(query, (at, name)).fetchone()
        return row is not None and _unread(row[0], self._erased)

    def person(self, key_id: int) -> str:
        """Whose a data subject's key is."""
        if key_id not in self._persons:
            query = "SELECT person FROM subject WHERE key_id = ? AND tree = ?"
            row = self._connection.execute(query, (key_id, self._tree.number)).fetchone()
            if row is None or row[0] != self._erased.persons.get(key_id, row[0]):
                raise Bad("the person one of its parts is about is not in the table of subjects")
            if len(self._persons) >= _RUNS_MAX:
                self._persons.clear()
            self._persons[key_id] = row[0]
        return self._persons[key_id]

    def count(self, *, opened: int = 0, erased: int = 0) -> None:
        self._found.parts += opened
        self._found.erased_parts += erased


class _Parts:
    """The locked parts of a stretch, met in the order of their events."""

    def __init__(self, rows: Iterator[PartRow], keys: KeyRing, leaves: _Leaves) -> None:
        self._rows = rows
        self._keys = keys
        self._leaves = leaves
        self._unreadable = False
        self._next = self._read()

    def check(self, at: int, hashes: bytes, known: _Known) -> None:
        """Open every part of one event and hold it against its hash."""
        if self._unreadable and hashes.count(b":"):
            raise Bad("the row of one of its parts holds something of another type")
        found = []
        row = self._next
        while row is not None and row[0] == at:
            digest = self._open(row, known)
            expected = f'"{row[1]}":"{"" if digest is None else digest.hex()}'.encode()
            if expected not in hashes:
                raise Bad(f"part {row[1]!r} is not what was recorded")
            found.append(row[1])
            row = self._next = self._read()
        self._leaves.count(opened=len(found))
        if hashes.count(b":") != len(found):
            self._account_for(at, decode_hashes(hashes), found)

    def finish(self) -> None:
        if self._next is not None or self._unreadable:
            raise Bad("there is a part that belongs to no event")

    def _read(self) -> PartRow | None:
        """The next row; one that cannot be read is the next event's with parts, not the one's we are at."""
        try:
            return next(self._rows, None)
        except UnicodeDecodeError:
            self._unreadable = True
            return None

    def _open(self, row: PartRow, known: _Known) -> bytes | None:
        """The hash of what a part says; None where it is gone on purpose."""
        _, name, key_id, personal, wrapped, body = row
        if personal not in (0, 1) or (not personal and key_id != known.key_id):
            raise Bad(f"part {name!r} is not under its run's key")
        try:
            cipher = self._keys.cipher(key_id)
        except KeyMissing as missing:
            if personal:
                self._leaves.person(key_id)
            if not self._leaves.key_gone(key_id):
                raise Bad(f"the key of part {name!r} is missing and no erasure says why", missing.code) from missing
            self._leaves.count(opened=-1, erased=1)
            return None
        except Corrupt as error:
            raise Bad(error.sentence, error.code) from error
        try:
            holder = self._leaves.person(key_id) if personal else known.run_id
            opened = unlock(wrapped, body, holder=holder, cipher=cipher)
        except Corrupt as error:
            raise Bad(f"part {name!r} does not open under its holder's key") from error
        return part_hash(name, opened.body, opened.salt)

    def _account_for(self, at: int, hashes: Mapping[str, bytes], found: Sequence[str]) -> None:
        for name in set(found) - hashes.keys():
            raise Bad(f"part {name!r} was added to it")
        for name in hashes.keys() - set(found):
            if not self._leaves.part_gone(at, name):
                raise Bad(f"part {name!r} is missing and no erasure says why")
            self._leaves.count(erased=1)


def erased_since(home: Home, key_id: int, erased: Erased) -> bool:
    """Whether a key was erased after the recorded erasures were read."""
    fresh = open_for_reading(home.ledger, application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION)
    with closing(fresh):
        row = fresh.execute("SELECT position FROM erased_key WHERE key_id = ?", (key_id,)).fetchone()
    return row is not None and _unread(row[0], erased)


def _unread(at: int, erased: Erased) -> bool:
    tree, index = place(at)
    return index >= erased.sizes.get(tree, 0)


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    level = list(hashes)
    while len(level) > 1:
        level = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=True)]
    return level[0]
