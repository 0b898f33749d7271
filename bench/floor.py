"""The floor: what the disk and SQLite cost when nothing is hashed, locked, checked or awaited.

A bare loop writes the very rows a ledger wrote, in the same batches, each with the same commit. Whatever the
ledger needs beyond this is the price of what it promises.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import apsw

from haloop.store import schema
from haloop.store.database import open_for_reading, open_for_writing


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything one ledger wrote, in its order, and the sizes of the batches it was written in."""

    events: list[tuple[object, ...]]
    parts: list[list[tuple[object, ...]]]
    runs: list[list[tuple[object, ...]]]
    tree: tuple[object, ...]
    batches: list[int]

    @classmethod
    def read(cls, home: Path, batches: list[int]) -> "Rows":
        """Take the rows of a ledger's newest events, as many as the batches hold."""
        connection = open_for_reading(
            home / "ledger.db", application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION
        )
        (tree,) = connection.execute("SELECT * FROM tree ORDER BY size DESC LIMIT 1")
        last = schema.position(int(tree[0]), int(tree[2]))
        bounds = (last - sum(batches), last)
        events = list(connection.execute("SELECT * FROM event WHERE position >= ? AND position < ?", bounds))
        parts: dict[object, list[tuple[object, ...]]] = {row[0]: [] for row in events}
        for row in connection.execute("SELECT * FROM part WHERE position >= ? AND position < ?", bounds):
            parts[row[0]].append(row)
        runs: dict[object, list[tuple[object, ...]]] = {row[0]: [] for row in events}
        query = (
            "SELECT e.position, r.* FROM run r JOIN event e USING (run)"
            " WHERE e.run_seq = 1 AND position >= ? AND position < ?"
        )
        for at, *run in connection.execute(query, bounds):
            runs[at].append(tuple(run))
        connection.close()
        return cls(events, list(parts.values()), list(runs.values()), tree, batches)


def write_bare(rows: Rows, folder: Path) -> float:
    """Write the rows as fast as SQLite takes them; seconds."""
    ledger = open_for_writing(
        folder / "floor.db", schema=schema.LEDGER, application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION
    )
    keys = open_for_writing(
        folder / "floor-keys.db", schema=schema.KEYS, application_id=schema.KEYS_APPLICATION_ID, version=schema.VERSION
    )
    at, key_budget = 0, 0
    started = time.perf_counter()
    for size in rows.batches:
        new_runs = [run for group in rows.runs[at : at + size] for run in group]
        key_budget -= len(new_runs)
        if key_budget < 0:
            key_budget += _add_keys(keys)
        ledger.execute("BEGIN IMMEDIATE")
        ledger.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows.events[at : at + size])
        parts = [part for group in rows.parts[at : at + size] for part in group]
        ledger.executemany("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)", parts)
        if new_runs:
            ledger.executemany("INSERT INTO run VALUES (?, ?, ?, ?, ?)", new_runs)
        ledger.execute("INSERT OR REPLACE INTO tree VALUES (?, ?, ?, ?, ?)", rows.tree)
        ledger.execute("COMMIT")
        at += size
        if not at % 2_000:
            ledger.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    seconds = time.perf_counter() - started
    ledger.close()
    keys.close()
    return seconds


def bare_commit_milliseconds(folder: Path, rounds: int = 300) -> float:
    """The median of one small durable commit: what this disk asks for."""
    connection = open_for_writing(
        folder / "commit.db", schema=schema.KEYS, application_id=schema.KEYS_APPLICATION_ID, version=schema.VERSION
    )
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        connection.execute("INSERT INTO key (key) VALUES (?)", (bytes(500),))
        seconds.append(time.perf_counter() - started)
    connection.close()
    return sorted(seconds)[rounds // 2] * 1_000


def _add_keys(keys: apsw.Connection) -> int:
    count = 64
    with keys:
        keys.executemany("INSERT INTO key (key) VALUES (?)", [(bytes(32),)] * count)
    return count
