"""Browsers' sessions, in a file of their own beside the ledger: who came in, when, and with which browser.

Whoever reads the file cannot use a session of it: only the hashes of what a browser shows are kept. It is no part
of the ledger and of no backup, so nothing that was ended comes back by a restore; losing it costs everybody one
login.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from haloop.kernel.errors import Corrupt
from haloop.kernel.ids import AccountId, PersonId
from haloop.store.database import open_for_writing, truncate_log

APPLICATION_ID = 0x48414C53
VERSION = 1
OF_A_PERSON_MAX = 50
"""Beyond that, the one that was not used for longest ends."""

_SCHEMA = """
CREATE TABLE session (
    hash      TEXT    PRIMARY KEY,   -- of what the cookie holds
    secret    TEXT    NOT NULL,      -- the hash of what the page keeps
    id        TEXT    NOT NULL UNIQUE,
    account   TEXT    NOT NULL,
    person    TEXT    NOT NULL,
    begun_at  INTEGER NOT NULL,      -- microseconds since 1970, as all of them
    used_at   INTEGER NOT NULL,
    proven_at INTEGER NOT NULL,
    is_beyond INTEGER NOT NULL,      -- 1: begun from beyond the machine itself
    browser   TEXT    NOT NULL
) STRICT;
CREATE INDEX session_person ON session (person);
"""
_COLUMNS = "hash, secret, id, account, person, begun_at, used_at, proven_at, is_beyond, browser"

log = logging.getLogger("haloop.sessions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser that somebody came in with."""

    hash: str
    secret: str
    id: str
    """What people call it by; it opens nothing."""
    account: AccountId
    person: PersonId
    begun_at: int
    used_at: int
    """When last, to some minutes."""
    proven_at: int
    """When its person last showed who they are."""
    is_beyond: int
    """1 where it was begun from beyond the machine itself, and is good there alone."""
    browser: str


class Sessions:
    """The sessions of one home. `opened` makes one."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> "Iterator[Sessions]":
        """Open the file; a damaged one is not worth a repair, and begins anew."""
        try:
            connection = _open(path)
        except Corrupt as error:
            log.warning("sessions lost", extra={"code": error.code})
            for file in path.parent.glob(f"{path.name}*"):
                file.unlink()
            connection = _open(path)
        try:
            yield cls(connection)
        finally:
            connection.close()

    def find(self, hashed: str) -> Session | None:
        """The session whose cookie has this hash."""
        return next(self._where("hash = ?", hashed), None)

    def of(self, person: PersonId) -> list[Session]:
        """Somebody's sessions, in whichever account, the newest first."""
        return list(self._where("person = ? ORDER BY begun_at DESC, id", person))

    def keep(self, session: Session) -> None:
        """Keep a new session."""
        others = sorted(self.of(session.person), key=lambda one: one.used_at, reverse=True)
        values = tuple(getattr(session, name) for name in _COLUMNS.split(", "))
        with self._connection:
            self._forget(*others[OF_A_PERSON_MAX - 1 :])
            self._connection.execute(
                f"INSERT INTO session ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values
            )
        truncate_log(self._connection)

    def use(self, session: Session, at: int) -> None:
        """Note when a session was used last."""
        self._connection.execute("UPDATE session SET used_at = ? WHERE hash = ?", (at, session.hash))
        truncate_log(self._connection)

    def end(self, *sessions: Session) -> None:
        """Forget sessions; whatever still shows one of them is a stranger."""
        with self._connection:
            self._forget(*sessions)
        truncate_log(self._connection)

    def end_older(self, *, begun_before: int, used_before: int) -> None:
        """Forget what is over by itself."""
        self.end(*self._where("begun_at < ? OR used_at < ?", begun_before, used_before))

    def _where(self, condition: str, *bindings: object) -> Iterator[Session]:
        for row in self._connection.execute(f"SELECT {_COLUMNS} FROM session WHERE {condition}", bindings):
            yield Session(**dict(zip(_COLUMNS.split(", "), row, strict=True)))

    def _forget(self, *sessions: Session) -> None:
        self._connection.executemany("DELETE FROM session WHERE hash = ?", [(one.hash,) for one in sessions])


def _open(path: Path) -> apsw.Connection:
    connection = open_for_writing(path, schema=_SCHEMA, application_id=APPLICATION_ID, version=VERSION)
    try:
        damage = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
    except apsw.CorruptError as error:
        damage = [str(error)]
    if damage != ["ok"]:
        connection.close()
        raise Corrupt(f"{path} is damaged: {damage[0]}.")
    return connection
