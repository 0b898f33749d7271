"""The keys that open what events say: one for each run and one for each data subject.

They live in a database of their own so that they can be forgotten, and backed up apart and for a short
time. Keys are made ahead, a handful in one commit: a key is on the disk before the first part it locks is
in the ledger, and a new run does not pay for a commit of its own. To erase is to forget the key.
"""

import os
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

import apsw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from haloop.kernel.errors import Corrupt, KeyMissing
from haloop.store import schema
from haloop.store.database import open_for_reading, open_for_writing, read_one, truncate_log

KEY_BYTES = 32
MADE_AHEAD = 64
_CACHED_MAX = 2_048


class KeyRing:
    """The keys of one home, by number. Safe to use from several threads."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._newest = 0
        self._lock = Lock()
        self._spare: list[int] = []
        self._ciphers: OrderedDict[int, AESGCM] = OrderedDict()

    @classmethod
    def open(cls, path: Path) -> "KeyRing":
        connection = open_for_writing(
            path, schema=schema.KEYS, application_id=schema.KEYS_APPLICATION_ID, version=schema.VERSION
        )
        ring = cls(connection)
        ring.count_from(0)
        return ring

    @classmethod
    def open_read_only(cls, path: Path) -> "KeyRing":
        return cls(open_for_reading(path, application_id=schema.KEYS_APPLICATION_ID, version=schema.VERSION))

    def count_from(self, used: int) -> None:
        """Give out no number up to `used`: a keys.db from a backup does not know what was given out since."""
        (made,) = read_one(self._connection, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence")
        if not isinstance(made, int):
            raise Corrupt("keys.db was damaged: it does not know how many keys it has given out.")
        self._newest = max(used, made)

    def take(self) -> int:
        """The number of a fresh key that is already durable."""
        with self._lock:
            if not self._spare:
                self._spare = self._make()
            return self._spare.pop()

    def cipher(self, key_id: int) -> AESGCM:
        """The cipher of a key; KeyMissing if it is not there."""
        with self._lock:
            cipher = self._ciphers.get(key_id)
            if cipher is None:
                cipher = self._keep(key_id, self._read(key_id))
            return cipher

    def forget(self, key_ids: Iterable[int]) -> None:
        """Delete keys for good; those already gone are no matter. Cut the log afterwards."""
        with self._lock:
            doomed = [(key_id,) for key_id in key_ids]
            with self._connection:
                self._connection.executemany("DELETE FROM key WHERE key_id = ?", doomed)
            for (key_id,) in doomed:
                self._ciphers.pop(key_id, None)

    def truncate_log(self) -> bool:
        """Cut the write-ahead log, which remembers deleted keys; False while somebody still reads from it."""
        with self._lock:
            return truncate_log(self._connection)

    def absent(self, key_ids: Iterable[int]) -> list[int]:
        """Which of these keys are not there."""
        with self._lock:
            there = {row[0] for row in self._connection.execute("SELECT key_id FROM key")}
        return [key_id for key_id in key_ids if key_id not in there]

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _make(self) -> list[int]:
        made = {self._newest + 1 + number: os.urandom(KEY_BYTES) for number in range(MADE_AHEAD)}
        with self._connection:
            self._connection.executemany("INSERT INTO key (key_id, key) VALUES (?, ?)", list(made.items()))
        for key_id, key in made.items():
            self._keep(key_id, AESGCM(key))
        self._newest = max(made)
        return sorted(made, reverse=True)  # taken from the end: in the order of their numbers

    def _read(self, key_id: int) -> AESGCM:
        row = self._connection.execute("SELECT key FROM key WHERE key_id = ?", (key_id,)).fetchone()
        if row is None:
            raise KeyMissing(f"Key {key_id} is not in keys.db.")
        if len(row[0]) != KEY_BYTES:
            raise Corrupt(f"Key {key_id} in keys.db was damaged.")
        return AESGCM(row[0])

    def _keep(self, key_id: int, cipher: AESGCM) -> AESGCM:
        self._ciphers[key_id] = cipher
        if len(self._ciphers) > _CACHED_MAX:
            self._ciphers.popitem(last=False)
        return cipher
