"""The one way we open a SQLite database.

Every setting is sent, its answer read to the end, and then asked for again: an I/O error during a
PRAGMA is otherwise swallowed, and a ledger would run with settings nobody chose. `synchronous=FULL` is
what makes "acknowledged" mean durable; checkpoints of the write-ahead log belong to the writer alone.
"""

import os
from pathlib import Path
from typing import Any, cast

import apsw

from haloop.kernel.errors import Corrupt, HomeMissing, HomeReadOnly, LibraryTooOld, WrongVersion

SQLITE_OLDEST = (3, 51, 3)
"""Older libraries can silently corrupt a write-ahead log when two connections reset it at once."""

SYNCHRONOUS = "FULL"

_BUSY_MILLISECONDS = 5_000
_COMMON = {
    "busy_timeout": str(_BUSY_MILLISECONDS),
    "cache_size": "-16384",
    "cell_size_check": "ON",
    "foreign_keys": "ON",
    "mmap_size": "0",  # an I/O error must be an error, not a signal
    "temp_store": "MEMORY",
    "trusted_schema": "OFF",
}
_READING = {"query_only": "ON"}

_NUMBERS = {"OFF": 0, "ON": 1, "NORMAL": 1, "FULL": 2, "MEMORY": 2, "WAL": "wal"}


def require_library(found: str | None = None) -> None:
    """Refuse to start on a SQLite that could corrupt what it keeps."""
    found = found or apsw.sqlite_lib_version()
    if tuple(int(number) for number in found.split(".")[:3]) < SQLITE_OLDEST:
        wanted = ".".join(map(str, SQLITE_OLDEST))
        raise LibraryTooOld(f"SQLite {found} has a known corruption bug; {wanted} or newer is needed.")


def open_for_writing(path: Path, *, schema: str, application_id: int, version: int) -> apsw.Connection:
    """Open the writer's connection; a database that is not there yet is made."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(_BUSY_MILLISECONDS)
    try:
        new = _value(connection, "schema_version") == 0 and _value(connection, "application_id") == 0
        if not new:
            _require_version(connection, path, application_id, version)  # before anything of somebody else's changes
        _configure(
            connection,
            {
                "journal_mode": "WAL",
                "secure_delete": "ON",
                "synchronous": SYNCHRONOUS,
                "wal_autocheckpoint": "0",
            },
        )
        if new:
            with connection:
                connection.execute(schema)
                connection.execute(f"PRAGMA application_id={application_id}; PRAGMA user_version={version}")
    except (apsw.NotADBError, apsw.CorruptError) as error:
        connection.close()
        raise Corrupt(f"{path} is not a database any more: {error}.") from error
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path, *, application_id: int, version: int) -> apsw.Connection:
    """Open a connection that cannot write, beside a live writer or on a folder nobody may write to."""
    if not path.is_file():
        raise HomeMissing(f"There is no {path.name} in {path.parent}.")
    connection = _connect_read_only(path)
    try:
        _configure(connection, _READING)
        _require_version(connection, path, application_id, version)
    except BaseException:
        connection.close()
        raise
    return connection


def read_one(connection: apsw.Connection, query: str, *bindings: object) -> tuple[Any, ...]:
    """The row of a question that always has exactly one answer."""
    (row,) = connection.execute(query, bindings)
    return cast("tuple[Any, ...]", row)


def copy_database(source: apsw.Connection, target: apsw.Connection) -> None:
    """Copy a whole database while others use it."""
    with target.backup("main", source, "main") as backup:
        while not backup.done:
            backup.step(1024)


def truncate_log(connection: apsw.Connection, *, patience_milliseconds: int = 0) -> bool:
    """Move the write-ahead log into the database and cut it to nothing; False while somebody reads from it.

    Without patience it never waits, so that nobody waits for it. While it does wait, nothing can be written:
    whoever begins to read finds the newest state, at last in the database itself, and the log falls quiet.
    """
    connection.set_busy_timeout(patience_milliseconds)
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError:
        return False
    finally:
        connection.set_busy_timeout(_BUSY_MILLISECONDS)
    return True


def _configure(connection: apsw.Connection, settings: dict[str, str]) -> None:
    """Set pragmas, reading each answer to its end, and check that each took hold."""
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # a poisoned process must not write on its way out
    for name, wanted in (settings | _COMMON).items():
        list(connection.execute(f"PRAGMA {name}={wanted}"))
        expected = _NUMBERS.get(wanted, wanted)
        found = _value(connection, name)
        if str(found) != str(expected):
            raise apsw.CantOpenError(f"PRAGMA {name} is {found} after setting it to {wanted}")


def _value(connection: apsw.Connection, pragma: str) -> object:
    (row,) = list(connection.execute(f"PRAGMA {pragma}")) or [(0,)]  # a memory map of nothing answers nothing
    return row[0]


def _require_version(connection: apsw.Connection, path: Path, application_id: int, version: int) -> None:
    if _value(connection, "application_id") != application_id:
        raise WrongVersion(f"{path} is not a Haloop database.", next_step="Check the path of the home.")
    found = _value(connection, "user_version")
    if found != version:
        raise WrongVersion(f"{path} has format {found}; this Haloop reads and writes format {version}.")


def _connect_read_only(path: Path) -> apsw.Connection:
    """Read beside a writer; where no file may be made next to the database, read it as it lies."""
    uri = path.resolve().as_uri()
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    try:
        connection = apsw.Connection(f"{uri}?mode=ro", flags=flags)
        connection.set_busy_timeout(_BUSY_MILLISECONDS)
        list(connection.execute("PRAGMA schema_version"))
    except apsw.NotADBError as error:
        raise Corrupt(f"{path} is not a database any more: {error}.") from error
    except apsw.CantOpenError:
        if os.access(path.parent, os.W_OK):  # then it is not the folder; read as it lies, it might be stale
            raise
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size:
            raise HomeReadOnly(
                f"{path} has unfinished writes beside it, and its folder is read-only.",
                next_step="Copy the folder somewhere writable and look at the copy.",
            ) from None
        return apsw.Connection(f"{uri}?immutable=1", flags=flags)
    return connection
