"""What is remembered of letters: how far the mailbox was read, which were answered, and what a question waits for.

It lies in a file of its own in the home, `letters.db`, beside the ledger and in no backup: a letter that was taken up
is a run, and stands in the ledger. A letter is kept by a hash of its name, and words only while a question waits for
its answer. The secret of people's addresses lies here too, so without the file they write to new ones. One thread
uses it.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from haloop.kernel import canonical
from haloop.kernel.ids import AccountId, PersonId
from haloop.ports.letterbox import Mark
from haloop.store.book import Book
from haloop.store.database import truncate_log

_SCHEMA = """
CREATE TABLE secret (key BLOB NOT NULL) STRICT;
CREATE TABLE mark (series INTEGER NOT NULL, number INTEGER NOT NULL) STRICT;
CREATE TABLE look (at INTEGER NOT NULL, problem TEXT NOT NULL) STRICT;
CREATE TABLE counted (what TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT;
CREATE TABLE letter (
    id       TEXT    PRIMARY KEY,         -- a hash of whose it is and of its own name
    account  TEXT    NOT NULL,
    person   TEXT    NOT NULL,
    series   INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    came_at  INTEGER NOT NULL,
    due      INTEGER,                     -- when its answer is tried again; none where it was sent
    tries    INTEGER NOT NULL,
    link     TEXT    NOT NULL,            -- the gate or run it became; empty where it became none
    language TEXT    NOT NULL,
    said     TEXT    NOT NULL             -- the conversation so far, where it was answered with a question
) STRICT;
"""
_BOOK = Book(
    name="letters",
    application_id=0x48414C4C,
    versions=(_SCHEMA,),
    without="the ledger loses nothing, and people write to new addresses.",
    once_well="letters are read again once it works.",
)
FILE = _BOOK.file
_COLUMNS = "id, account, person, series, number, came_at, due, tries, link, language, said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A letter that was taken up."""

    id: str
    account: AccountId
    person: PersonId
    mark: Mark
    came_at: int
    due: int | None = None
    """When its answer is tried again; none where it was sent, or given up."""
    tries: int = 0
    link: str = ""
    """The gate or run that it became; empty where it became none."""
    language: str = "en"
    said: tuple[str, ...] = ()
    """What was said so far, where it was answered with a question that waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How reading the mailbox goes."""

    at: int
    """When it was looked into last."""
    problem: str
    counted: Mapping[str, int]
    """How many letters were taken up, and how many were not, by the reason."""


class LetterBook:
    """The file. Every method that changes something is durable when it returns."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, home: Path) -> "LetterBook":
        book = cls(_BOOK.open(home))
        with _BOOK.faults_named():
            truncate_log(book._connection)
        return book

    def close(self) -> None:
        with _BOOK.faults_named():
            truncate_log(self._connection)
            self._connection.close()

    def secret(self) -> bytes:
        """What people's addresses are made with; drawn once."""
        rows = self._rows("SELECT key FROM secret")
        if rows:
            return bytes(rows[0][0])
        drawn = secrets.token_bytes(32)
        with self._writing():
            self._connection.execute("INSERT INTO secret VALUES (?)", (drawn,))
        return drawn

    def mark(self) -> Mark | None:
        """How far the mailbox was read."""
        rows = self._rows("SELECT series, number FROM mark")
        return Mark(series=rows[0][0], number=rows[0][1]) if rows else None

    def find(self, letter: str) -> Kept | None:
        """A letter that was taken up before."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM letter WHERE id = ?", (letter,))
        return _kept(*rows[0]) if rows else None

    def due(self, now: int) -> list[Kept]:
        """Letters whose answer is to be tried again."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM letter WHERE due <= ? ORDER BY due LIMIT 10", (now,))
        return [_kept(*row) for row in rows]

    def keep(self, letter: Kept, *, answers: Kept | None = None) -> None:
        """A letter was taken up; the question that it answers waits no more, and leads where this one does."""
        row = (letter.id, letter.account, letter.person, letter.mark.series, letter.mark.number, letter.came_at)
        said = canonical.encode(list(letter.said)).decode()
        rest = (letter.due, letter.tries, letter.link, letter.language, said)
        is_new = self.find(letter.id) is None
        with self._writing():
            self._connection.execute(f"INSERT OR REPLACE INTO letter VALUES ({', '.join('?' * 11)})", (*row, *rest))
            if answers is not None:
                over = "UPDATE letter SET said = '[]', link = ? WHERE id = ?"
                self._connection.execute(over, (letter.link, answers.id))
            if is_new:
                self._count("taken")
            self._go_on(letter.mark)
        truncate_log(self._connection)  # what was said stands in no old page

    def pass_over(self, mark: Mark, why: str) -> None:
        """What came there is no letter for us, or was taken up before."""
        with self._writing():
            self._count(why)
            self._go_on(mark)

    def looked(self, at: int, problem: str) -> None:
        """Note how the last look into the mailbox went."""
        with self._writing():
            self._connection.execute("DELETE FROM look")
            self._connection.execute("INSERT INTO look VALUES (?, ?)", (at, problem))
        truncate_log(self._connection)

    def forget(self, *, before: int, but: Iterable[tuple[AccountId, PersonId]]) -> None:
        """Forget what came long ago, and everything of whoever may not write any more."""
        writers = set(but)
        rows = self._rows("SELECT DISTINCT account, person FROM letter")
        gone = [row for row in rows if row not in writers]
        with self._writing():
            self._connection.execute("DELETE FROM letter WHERE came_at < ?", (before,))
            self._connection.executemany("DELETE FROM letter WHERE account = ? AND person = ?", gone)

    def _count(self, what: str) -> None:
        more = "INSERT INTO counted VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1"
        self._connection.execute(more, (what,))

    def _go_on(self, mark: Mark) -> None:
        """Never back, within one series: a letter that was owed an answer is older than what was read since."""
        known = self.mark()
        if known is None or known.series != mark.series or known.number < mark.number:
            self._connection.execute("DELETE FROM mark")
            self._connection.execute("INSERT INTO mark VALUES (?, ?)", (mark.series, mark.number))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with _BOOK.faults_named(), self._connection:
            yield

    def _rows(self, query: str, bindings: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with _BOOK.faults_named():
            return [tuple(row) for row in self._connection.execute(query, bindings)]


def read_looks(home: Path) -> Looks | None:
    """How reading the mailbox goes, read beside whoever does it; none where nobody ever has."""
    connection = _BOOK.open_to_read(home)
    if connection is None:
        return None
    try:
        looks = list(connection.execute("SELECT at, problem FROM look"))
        counted = {str(what): int(count) for what, count in connection.execute("SELECT what, count FROM counted")}
    finally:
        connection.close()
    return Looks(at=int(looks[0][0]), problem=str(looks[0][1]), counted=counted) if looks else None


def _kept(*row: Any) -> Kept:  # noqa: ANN401  # the columns, in their order
    name, account, person, series, number, came_at, due, tries, link, language, said = row
    conversation = canonical.decode(said.encode())
    return Kept(
        id=name,
        account=AccountId(account),
        person=PersonId(person),
        mark=Mark(series=series, number=number),
        came_at=came_at,
        due=due,
        tries=tries,
        link=link,
        language=language,
        said=tuple(str(one) for one in conversation) if isinstance(conversation, list) else (),
    )
