"""A small book beside the ledger: it is private, kept over its versions, and says what is wrong with it."""

from contextlib import closing
from pathlib import Path

import pytest

from haloop.kernel.errors import DiskFault, HomeUnusable
from haloop.store.book import Book

FIRST = "CREATE TABLE said (words TEXT) STRICT;"
SECOND = "ALTER TABLE said ADD COLUMN who TEXT NOT NULL DEFAULT 'nobody';"
THIRD = "CREATE INDEX said_who ON said (who);"


def book(*versions: str) -> Book:
    return Book(
        name="sayings",
        application_id=7,
        versions=versions,
        without="nothing is lost.",
        once_well="it goes on.",
    )


@pytest.mark.parametrize("before", [(FIRST,), (FIRST, SECOND), (FIRST, SECOND, THIRD)])
def test_what_a_version_before_wrote_is_there_in_the_next(tmp_path: Path, before: tuple[str, ...]) -> None:
    """Whichever of them it was, and however often it is opened."""
    with closing(book(*before).open(tmp_path)) as connection:
        connection.execute("INSERT INTO said (words) VALUES ('yes')")

    for _ in range(2):
        with closing(book(FIRST, SECOND, THIRD).open(tmp_path)) as connection:
            assert list(connection.execute("SELECT words, who FROM said")) == [("yes", "nobody")]
            assert len(list(connection.execute("SELECT * FROM pragma_index_info('said_who')"))) == 1


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    """Also what SQLite lays beside it, whoever's habits this process has."""
    with closing(book(FIRST).open(tmp_path)) as connection:
        connection.execute("INSERT INTO said VALUES ('yes')")
        found = {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()}

    assert "sayings.db-wal" in found
    assert set(found.values()) == {0o600}


@pytest.mark.parametrize("versions", [(FIRST, SECOND), ()])
def test_one_of_a_later_version_or_damaged_is_refused_by_name(tmp_path: Path, versions: tuple[str, ...]) -> None:
    """And whoever sees it is told what to do."""
    if versions:
        book(*versions).open(tmp_path).close()
    else:
        (tmp_path / "sayings.db").write_bytes(b"no database" * 100)

    with pytest.raises(HomeUnusable, match="damaged, or of another version") as refused:
        book(FIRST).open(tmp_path)

    assert (refused.value.code, refused.value.next_step) == ("sayings.damaged", "Move it away: nothing is lost.")


def test_where_the_disk_does_not_work_that_is_said(tmp_path: Path) -> None:
    """And not that the book is damaged."""
    with pytest.raises(DiskFault, match=r"sayings\.db cannot be used") as refused:
        book(FIRST).open(tmp_path / "gone")

    assert refused.value.code == "sayings.disk"
    assert book(FIRST).open_to_read(tmp_path) is None
