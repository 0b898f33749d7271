"""The ways somebody could edit a home that nobody has open, each done to real files.

An edit is given dice, the home to spoil and an older copy of it. It says what it did, and by which names
whoever notices must call it: the run, account or table of a row; nothing where a whole file was spoilt. Rows
are edited through SQLite, as somebody with the file and a database tool would; so its constraints hold, and
an edit that they refuse is no edit.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import apsw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from haloop.kernel.checkpoint import Checkpoint, read_unverified, sign
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import START, Header, leaf_hash
from haloop.kernel.merkle import CompactRange
from haloop.store.database import read_one
from haloop.store.schema import place, position
from haloop.store.signing import FileSigner

TAIL = 8
"""How many of a tree's newest events count as its tail: those a thief most wants changed."""

_PAGE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What was done."""

    what: str
    names: tuple[str, ...] = ()
    """Whoever notices must use one of these; empty where a whole file was spoilt."""
    backwards: bool = False
    """All that is left agrees with itself: only what is kept outside the home can tell."""


class NothingToEdit(Exception):
    """The dice chose a row that this edit does not apply to; throw them again."""


Editor = Callable[[Random, Path, Path], Edit]


def edit(random: Random, home: Path, older: Path) -> Edit:
    """Do one thing to a home, by the dice."""
    editor = random.choices([editor for editor, _ in _EDITORS], [weight for _, weight in _EDITORS])[0]
    try:
        return editor(random, home, older)
    except apsw.ConstraintError as error:
        raise NothingToEdit from error


# Whole files


def _flip_a_bit(random: Random, home: Path, _older: Path) -> Edit:
    path = home / random.choice(("ledger.db", "ledger.db", "keys.db"))
    content = bytearray(path.read_bytes())
    at = random.randrange(len(content)) if random.random() < 0.8 else random.randrange(100)
    content[at] ^= 1 << random.randrange(8)
    path.write_bytes(content)
    return Edit(what=f"flipped a bit of byte {at} of {path.name}")


def _cut_the_file(random: Random, home: Path, _older: Path) -> Edit:
    path = home / random.choice(("ledger.db", "ledger.db", "keys.db"))
    size = random.randrange(path.stat().st_size)
    size -= size % _PAGE if random.random() < 0.5 else 0
    os.truncate(path, size)
    return Edit(what=f"cut {path.name} to {size} bytes")


def _spoil_a_page(random: Random, home: Path, _older: Path) -> Edit:
    """A page is lost, filled with noise, or takes the place of another."""
    path = home / random.choice(("ledger.db", "ledger.db", "keys.db"))
    content = bytearray(path.read_bytes())
    one, other = (random.randrange(len(content) // _PAGE) * _PAGE for _ in range(2))
    what, page = random.choice(
        (
            ("was zeroed", bytes(_PAGE)),
            ("became noise", random.randbytes(_PAGE)),
            (f"took the bytes of page {other // _PAGE + 1}", bytes(content[other : other + _PAGE])),
        )
    )
    content[one : one + _PAGE] = page
    path.write_bytes(content)
    return Edit(what=f"page {one // _PAGE + 1} of {path.name} {what}")


def _bring_back_the_old_file(random: Random, home: Path, older: Path) -> Edit:
    name = random.choice(("ledger.db", "keys.db"))
    shutil.copyfile(older / name, home / name)
    return Edit(what=f"put an older {name} in its place", backwards=name == "ledger.db")


def _change_the_version(random: Random, home: Path, _older: Path) -> Edit:
    name, pragma = random.choice(("ledger.db", "keys.db")), random.choice(("user_version", "application_id"))
    value = random.choice((0, 2, 7, 2**31 - 1))
    with _database(home / name) as connection:
        connection.execute(f"PRAGMA {pragma} = {value}")
    return Edit(what=f"set {pragma} of {name} to {value}")


# Single rows

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "event": ("position", "run", "run_seq", "kind", "ts", "actor", "header", "parts", "leaf_hash"),
    "part": ("name", "key_id", "personal", "wrapped", "body"),
    "subject": ("key_id", "tree", "person"),
    "checkpoint": ("epoch", "size", "note"),
    "tree": ("account", "size", "ts", "range"),
    "run": ("run", "run_id", "tree", "key_id", "ended"),
    "claim": ("tree", "claim", "position"),
    "node": ("level", "node_index", "hash"),
    "erased_key": ("key_id", "position"),
    "erased_part": ("part_position", "name", "position"),
}
_KEYS: Mapping[str, tuple[str, ...]] = {
    "event": ("position",),
    "part": ("position", "name"),
    "subject": ("key_id",),
    "checkpoint": ("tree", "epoch", "size"),
    "tree": ("tree",),
    "run": ("run",),
    "claim": ("tree", "claim"),
    "node": ("tree", "level", "node_index"),
    "erased_key": ("key_id",),
    "erased_part": ("part_position", "name"),
}
_DELETABLE = ("event", "event", "part", "subject", "tree", "run", "claim", "node")
_SWAPPABLE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "event": (
        ("run", "run_seq", "kind", "ts", "actor", "header", "parts", "leaf_hash"),
        ("header", "leaf_hash"),
        ("parts",),
    ),
    "part": (("wrapped", "body"), ("body",), ("wrapped",)),
    "run": (("run_id",), ("key_id",)),
    "claim": (("position",),),
    "node": (("hash",),),
    "tree": (("range", "size", "ts"), ("account",)),
    "subject": (("person",),),
}


def _change_a_row(random: Random, home: Path, _older: Path) -> Edit:
    with _database(home / "ledger.db") as connection:
        table = random.choice((*_COLUMNS, "event", "event", "event", "part", "part"))
        row = _Row.chosen(random, connection, table)
        column = random.choice(_COLUMNS[table])
        names = row.names(connection)
        value = _another(random, row.value(connection, column))
        if column == "key_id" and _looks_erased(connection, value):
            raise NothingToEdit  # a part under an erased key looks erased: docs/reliability.md says so
        row.set({column: value}, connection)
    return Edit(what=f"changed {column} of {row}", names=names)


def _looks_erased(connection: apsw.Connection, key_id: object) -> bool:
    return bool(list(connection.execute("SELECT 1 FROM erased_key WHERE key_id = CAST(? AS INTEGER)", (str(key_id),))))


def _delete_a_row(random: Random, home: Path, _older: Path) -> Edit:
    with _database(home / "ledger.db") as connection:
        row = _Row.chosen(random, connection, random.choice(_DELETABLE))
        names = row.names(connection)
        connection.execute(f"DELETE FROM {row.table} WHERE {row.where}", row.key)
    return Edit(what=f"deleted {row}", names=names)


def _swap_two_rows(random: Random, home: Path, _older: Path) -> Edit:
    with _database(home / "ledger.db") as connection:
        table = random.choice(tuple(_SWAPPABLE))
        columns = random.choice(_SWAPPABLE[table])
        one, other = (_Row.chosen(random, connection, table) for _ in range(2))
        names = one.names(connection) + other.names(connection)
        ones, others = ({name: row.value(connection, name) for name in columns} for row in (one, other))
        if ones == others:
            raise NothingToEdit
        one.set({name: _stand_in(value) for name, value in ones.items()}, connection)
        other.set(ones, connection)
        one.set(others, connection)
    return Edit(what=f"swapped {', '.join(columns)} of {one} and {other}", names=names)


def _add_a_row(random: Random, home: Path, _older: Path) -> Edit:
    """A second row like one that is there: a run, claim, node or part that no event speaks of."""
    with _database(home / "ledger.db") as connection:
        table = random.choice(("part", "run", "claim", "node", "erased_key", "erased_part"))
        row = _Row.chosen(random, connection, table)
        names = row.names(connection)
        values = row.all_values(connection)
        changed = {name: _another(random, values[name]) for name in _NEW_KEY[table]}
        _insert(connection, table, values | changed)
    return Edit(what=f"added a row like {row}, with {changed}", names=names)


_NEW_KEY: Mapping[str, tuple[str, ...]] = {
    "part": ("name",),
    "run": ("run", "run_id"),
    "claim": ("claim",),
    "node": ("node_index",),
    "erased_key": ("key_id",),
    "erased_part": ("name",),
}


def _exchange_a_key(random: Random, home: Path, _older: Path) -> Edit:
    """A run's or a person's key is changed, deleted, or gets the bytes of another."""
    with _database(home / "ledger.db") as ledger, _database(home / "keys.db") as keys:
        there = {key_id for (key_id,) in keys.execute("SELECT key_id FROM key")}
        used = sorted({key_id for (key_id,) in ledger.execute("SELECT key_id FROM part")} & there)
        one, other = random.sample(used, 2)
        what = random.choice(("changed", "deleted", "gave another's bytes to"))
        if what == "deleted":
            keys.execute("DELETE FROM key WHERE key_id = ?", (one,))
        elif what == "changed":
            keys.execute("UPDATE key SET key = ? WHERE key_id = ?", (random.randbytes(32), one))
        else:
            keys.execute("UPDATE key SET key = (SELECT key FROM key WHERE key_id = ?) WHERE key_id = ?", (other, one))
        names = ledger.execute(
            "SELECT run_id FROM part JOIN event USING (position) JOIN run USING (run) WHERE part.key_id = ?", (one,)
        )
        return Edit(what=f"{what} key {one}", names=tuple({run_id for (run_id,) in names}))


# Whole histories


def _cut_the_tail(random: Random, home: Path, _older: Path) -> Edit:
    """The newest events of a tree go, and with them every trace in the other tables."""
    with _database(home / "ledger.db") as connection:
        tree, account, size = _a_tree(random, connection)
        kept = size - random.randint(1, min(TAIL, size - 2))
        for table in ("event", "part", "claim", "erased_key", "erased_part"):
            gone = (position(tree, kept), position(tree + 1, 0))
            connection.execute(f"DELETE FROM {table} WHERE position >= ? AND position < ?", gone)
        connection.execute("DELETE FROM run WHERE run NOT IN (SELECT run FROM event)")
        connection.execute("UPDATE run SET ended = NULL WHERE tree = ? AND ended >= ?", (tree, kept))
        connection.execute("DELETE FROM checkpoint WHERE tree = ? AND size > ?", (tree, kept))
        connection.execute("DELETE FROM subject WHERE key_id NOT IN (SELECT key_id FROM part)")
        _regrow(connection, tree, account)
    return Edit(
        what=f"cut the newest {size - kept} events of {account} off without a trace", names=(account,), backwards=True
    )


def _rewrite_history(random: Random, home: Path, _older: Path) -> Edit:
    """One event says something else, and every hash after it is made to agree; the signing key is not there."""
    with _database(home / "ledger.db") as connection:
        tree, account, size = _a_tree(random, connection)
        at = position(tree, random.randrange(max(1, size - TAIL), size))
        actor = "person:mallory"
        connection.execute("UPDATE event SET actor = ? WHERE position = ?", (actor, at))
        _regrow(connection, tree, account)
        notes = random.choice(("kept", "deleted", "signed anew"))
        if notes == "deleted":
            connection.execute("DELETE FROM checkpoint WHERE tree = ?", (tree,))
        elif notes == "signed anew":
            _sign_anew(connection, tree)
    return Edit(
        what=f"rewrote the history of {account} from event {place(at)[1]} on, its checkpoints {notes}",
        names=(account,),
        backwards=notes == "deleted",
    )


def _regrow(connection: apsw.Connection, tree: int, account: str) -> None:
    """Write every header of a tree anew from its columns, chained anew, and all that follows from them."""
    grown, heads, newest = CompactRange(), dict[int, bytes](), 0
    connection.execute("DELETE FROM node WHERE tree = ?", (tree,))
    query = "SELECT position, run, header, actor FROM event WHERE position >> 40 = ? ORDER BY position"
    rows = list(connection.execute(query, (tree,)))
    for at, run, raw, actor in rows:
        old = Header.decode(raw)
        header = Header(
            account=AccountId(account),
            actor=actor,
            kind=old.kind,
            payload=old.payload,
            claim=old.claim,
            prev=heads.get(run, START.hash),
            run_id=old.run_id,
            run_seq=old.run_seq,
            ts=old.ts,
        ).encode()
        heads[run], newest = leaf_hash(header), old.ts
        connection.execute("UPDATE event SET header = ?, leaf_hash = ? WHERE position = ?", (header, heads[run], at))
        for node in grown.append(heads[run]):
            connection.execute("INSERT INTO node VALUES (?, ?, ?, ?)", (tree, node.level, node.index, node.hash))
    connection.execute(
        "UPDATE tree SET size = ?, ts = ?, range = ? WHERE tree = ?", (grown.size, newest, grown.to_bytes(), tree)
    )


def _sign_anew(connection: apsw.Connection, tree: int) -> None:
    stranger = FileSigner(Ed25519PrivateKey.generate())
    stored = list(connection.execute("SELECT epoch, size, note FROM checkpoint WHERE tree = ?", (tree,)))
    for epoch, size, note in stored:
        grown = CompactRange()
        leaves = connection.execute(
            "SELECT leaf_hash FROM event WHERE position >> 40 = ? ORDER BY position LIMIT ?", (tree, size)
        )
        for (leaf,) in leaves:
            grown.append(leaf)
        checkpoint = Checkpoint(origin=read_unverified(note).origin, size=size, root=grown.root())
        connection.execute(
            "UPDATE checkpoint SET note = ? WHERE tree = ? AND epoch = ? AND size = ?",
            (sign(checkpoint, stranger), tree, epoch, size),
        )


_EDITORS: tuple[tuple[Editor, int], ...] = (
    (_flip_a_bit, 6),
    (_cut_the_file, 2),
    (_spoil_a_page, 2),
    (_bring_back_the_old_file, 1),
    (_change_the_version, 1),
    (_change_a_row, 12),
    (_delete_a_row, 3),
    (_swap_two_rows, 3),
    (_add_a_row, 2),
    (_exchange_a_key, 2),
    (_cut_the_tail, 2),
    (_rewrite_history, 3),
)
"""Each edit, and how often it is chosen beside the others."""


# Rows by name


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the ledger, by its primary key."""

    table: str
    key: tuple[object, ...]

    @classmethod
    def chosen(cls, random: Random, connection: apsw.Connection, table: str) -> "_Row":
        """Any row; of events and their parts, mostly one from the tail of a tree."""
        columns = ", ".join(_KEYS[table])
        everything = list(connection.execute(f"SELECT {columns} FROM {table}"))
        if table in {"event", "part"} and random.random() < 0.7:
            tails = [
                position(tree, max(0, size - TAIL)) for tree, size in connection.execute("SELECT tree, size FROM tree")
            ]
            first = random.choice(tails)
            everything = [key for key in everything if first <= key[0] < first + TAIL]
        if not everything:
            raise NothingToEdit
        return cls(table, random.choice(everything))

    def __str__(self) -> str:
        return f"{self.table} {dict(zip(_KEYS[self.table], self.key, strict=True))}"

    @property
    def where(self) -> str:
        return " AND ".join(f"{column} = ?" for column in _KEYS[self.table])

    def value(self, connection: apsw.Connection, column: str) -> object:
        query = f"SELECT {column} FROM {self.table} WHERE {self.where}"
        return read_one(connection, query, *self.key)[0]

    def all_values(self, connection: apsw.Connection) -> dict[str, object]:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({self.table})")]
        return {column: self.value(connection, column) for column in columns}

    def set(self, values: Mapping[str, object], connection: apsw.Connection) -> None:
        assignments = ", ".join(f"{column} = ?" for column in values)
        connection.execute(f"UPDATE {self.table} SET {assignments} WHERE {self.where}", (*values.values(), *self.key))

    def names(self, connection: apsw.Connection) -> tuple[str, ...]:
        """The event, run or account this row belongs to, and its table: as whoever notices may call it."""
        values = self.all_values(connection)
        queries = [(query, values[column]) for column, query in _OWNERS if column in values]
        owners = [name for query, value in queries for row in connection.execute(query, (value,)) for name in row]
        return (*owners, *_TABLE_NAMES.get(self.table, (f"table {self.table}", f"table of {self.table}s")))


_TABLE_NAMES: Mapping[str, tuple[str, ...]] = {
    "tree": ("no known account",),
    "erased_key": ("tables of erasures",),
    "erased_part": ("tables of erasures",),
}


_EVENT_NAMES = (
    "SELECT run_id, 'event ' || (position & 0xffffffffff) || ' of ' || account"
    " FROM event JOIN run USING (run) JOIN tree USING (tree)"
)
_OWNERS = (
    ("position", f"{_EVENT_NAMES} WHERE position = ?"),
    ("part_position", f"{_EVENT_NAMES} WHERE position = ?"),
    ("key_id", f"{_EVENT_NAMES} WHERE position IN (SELECT position FROM part WHERE key_id = ?)"),
    ("run", "SELECT run_id FROM run WHERE run = ?"),
    ("tree", "SELECT account FROM tree WHERE tree = ?"),
)
"""By the column that leads there, the events, runs and accounts a row belongs to."""


def _a_tree(random: Random, connection: apsw.Connection) -> tuple[int, str, int]:
    trees: list[tuple[int, str, int]] = list(connection.execute("SELECT tree, account, size FROM tree"))
    return random.choice(trees)


def _another(random: Random, value: object) -> object:
    """A value of the same type that is not the same."""
    if isinstance(value, bytes) and value:
        at = random.randrange(len(value))
        return value[:at] + bytes([value[at] ^ 1 << random.randrange(8)]) + value[at + 1 :]
    if isinstance(value, str) and value:
        at = random.randrange(len(value))
        return value[:at] + ("a" if value[at] != "a" else "b") + value[at + 1 :]
    if isinstance(value, int):
        return random.choice((value + 1, value - 1, value ^ 1, value + 1000))
    raise NothingToEdit


def _stand_in(value: object) -> object:
    """A value no row has, for the moment in which two rows would otherwise be alike."""
    return f"{value}~" if isinstance(value, str) else -1 - value if isinstance(value, int) else value


def _insert(connection: apsw.Connection, table: str, values: Mapping[str, object]) -> None:
    marks = ", ".join("?" for _ in values)
    connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


@contextmanager
def _database(path: Path) -> Iterator[apsw.Connection]:
    """A database as any tool opens it; all is in the one file again when it closes."""
    with closing(apsw.Connection(os.fspath(path))) as connection, connection:
        yield connection
