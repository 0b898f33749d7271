"""The settings that durability and safety stand on hold on the very connections the ledger ships with."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from haloop.kernel.errors import HomeMissing
from haloop.store import schema
from haloop.store.database import copy_database, open_for_reading, open_for_writing, truncate_log
from haloop.store.sqlite import SqliteLedger
from tests.store.conftest import Place, always_read

EVERYWHERE = {
    "busy_timeout": 5000,
    "cache_size": -16384,
    "cell_size_check": 1,
    "foreign_keys": 1,
    "temp_store": 2,
    "trusted_schema": 0,
}
WRITING = EVERYWHERE | {"journal_mode": "wal", "secure_delete": 1, "synchronous": 2, "wal_autocheckpoint": 0}
READING = EVERYWHERE | {"query_only": 1}


def pragma(connection: apsw.Connection, name: str) -> object:
    rows = list(connection.execute(f"PRAGMA {name}"))
    return rows[0][0] if rows else None


def writers(ledger: SqliteLedger) -> list[apsw.Connection]:
    return [ledger._home.files.connection, ledger._home.files.keys._connection]


@pytest.mark.parametrize("name", WRITING)
async def test_a_setting_holds_where_we_write(ledger: SqliteLedger, name: str) -> None:
    """Asked on the shipped writers of ledger.db and keys.db, SQLite names the value we need."""
    assert [pragma(connection, name) for connection in writers(ledger)] == [WRITING[name]] * 2


@pytest.mark.parametrize("name", READING)
async def test_a_setting_holds_where_we_read(ledger: SqliteLedger, name: str) -> None:
    """Asked on the shipped reader, SQLite names the value we need."""
    assert pragma(ledger._reader.connection, name) == READING[name]


async def test_nothing_is_memory_mapped(ledger: SqliteLedger) -> None:
    """An I/O error must come back as an error, not as a signal that ends the process."""
    connections = [*writers(ledger), ledger._reader.connection]
    assert {pragma(connection, "mmap_size") for connection in connections} <= {0, None}


async def test_connections_defend_themselves(ledger: SqliteLedger) -> None:
    """A stray statement cannot write the schema as data, and closing never writes the log back by itself."""
    for connection in [*writers(ledger), ledger._reader.connection]:
        assert connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, -1) == 1
        assert connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, -1) == 1


async def test_a_reader_cannot_write(ledger: SqliteLedger) -> None:
    """Whatever statement reaches the reading connection, the ledger stays as it is."""
    with pytest.raises(apsw.ReadOnlyError):
        ledger._reader.connection.execute("DELETE FROM event")


async def test_a_ledger_says_what_it_is(place: Place) -> None:
    """Both files carry Haloop's mark and the version of their format."""
    async with place.opened():
        pass
    for name, mark in (("ledger.db", schema.LEDGER_APPLICATION_ID), ("keys.db", schema.KEYS_APPLICATION_ID)):
        with place.editing(name) as connection:
            assert (pragma(connection, "application_id"), pragma(connection, "user_version")) == (mark, schema.VERSION)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


def opened_for_writing(path: Path) -> apsw.Connection:
    return open_for_writing(path, schema="CREATE TABLE fact (words TEXT) STRICT", application_id=7, version=3)


def test_a_database_is_made_once(path: Path) -> None:
    """The second opening finds what the first one wrote."""
    with closing(opened_for_writing(path)) as connection:
        connection.execute("INSERT INTO fact VALUES ('one')")
    with closing(opened_for_writing(path)) as connection:
        assert list(connection.execute("SELECT words FROM fact")) == [("one",)]


def test_what_is_not_there_is_not_made_for_reading(path: Path) -> None:
    """Looking for a database leaves no empty one behind."""
    with pytest.raises(HomeMissing):
        open_for_reading(path, application_id=7, version=3)
    assert not path.exists()


def test_a_reader_sees_what_was_committed_beside_it(path: Path) -> None:
    """A reader opened before a commit sees it afterwards, without the writer closing."""
    with (
        closing(opened_for_writing(path)) as writer,
        closing(open_for_reading(path, application_id=7, version=3)) as reader,
    ):
        writer.execute("INSERT INTO fact VALUES ('one')")
        assert list(reader.execute("SELECT words FROM fact")) == [("one",)]


def test_the_log_is_cut_unless_somebody_reads(path: Path) -> None:
    """Cutting the log never waits for a reader: it says no at once, and yes when the reader is done."""
    log = path.with_name(path.name + "-wal")
    with (
        closing(opened_for_writing(path)) as writer,
        closing(open_for_reading(path, application_id=7, version=3)) as reader,
    ):
        writer.execute("INSERT INTO fact VALUES ('one'), ('two')")
        reading = reader.execute("SELECT words FROM fact")
        next(reading)
        writer.execute("INSERT INTO fact VALUES ('three')")
        assert not truncate_log(writer)
        reading.close()
        assert truncate_log(writer)
        assert (log.stat().st_size, pragma(writer, "busy_timeout")) == (0, 5000)


def test_a_patient_cut_outlasts_readers_who_come_one_after_another(path: Path) -> None:
    """Where somebody reads at every moment, the log is cut by whoever keeps writers waiting for a moment."""
    with (
        closing(opened_for_writing(path)) as writer,
        closing(open_for_reading(path, application_id=7, version=3)) as one,
        closing(open_for_reading(path, application_id=7, version=3)) as other,
    ):
        writer.execute("INSERT INTO fact VALUES ('one')")
        with always_read(one, other, "SELECT words FROM fact"):
            for _ in range(5):
                writer.execute("INSERT INTO fact VALUES ('and more')")
                assert not truncate_log(writer)
            writer.execute("INSERT INTO fact VALUES ('and more')")
            assert truncate_log(writer, patience_milliseconds=10_000)
        assert (path.with_name(path.name + "-wal").stat().st_size, pragma(writer, "busy_timeout")) == (0, 5000)


def test_a_copy_is_whole(path: Path) -> None:
    """A database is copied while it is open, log and all."""
    with closing(opened_for_writing(path)) as writer, closing(apsw.Connection(":memory:")) as target:
        writer.execute("INSERT INTO fact VALUES ('in the log')")
        copy_database(writer, target)
        assert list(target.execute("SELECT words FROM fact")) == [("in the log",)]


def test_a_setting_that_does_not_take_is_refused(path: Path) -> None:
    """A folder that cannot hold a write-ahead log, such as memory, is refused instead of served with less."""
    with pytest.raises(apsw.CantOpenError, match="journal_mode"):
        opened_for_writing(Path(":memory:"))
