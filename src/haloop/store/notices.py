"""What is remembered of telling people: how each wants to be told, what is owed to whom, and how far that was read.

It lies in a file of its own in the home, `notices.db`, because it is personal and no fact: what is owed can be found
in the ledger again, and an address that a person takes out, or that goes with the person, is gone for good. It is not
in a backup. One thread uses it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import apsw

from haloop.kernel import canonical
from haloop.kernel.ids import AccountId, PersonId
from haloop.kernel.notice import NoticeKind, Preferences
from haloop.ports.notifier import Device
from haloop.store.book import Book
from haloop.store.database import truncate_log

DEVICES_MAX = 20
"""So many devices of one person are told; the oldest goes first."""
_WRITES_PER_CUT = 50
"""The write-ahead log is cut so often; nobody else does it."""

_GONE = """
CREATE TABLE IF NOT EXISTS gone (
    device  TEXT    PRIMARY KEY,          -- its push service knows it no more, and nobody took it away
    account TEXT    NOT NULL,
    person  TEXT    NOT NULL
) STRICT;
"""
"""Made where it is missing: homes have files from before it."""
_SCHEMA = """
CREATE TABLE place (
    account TEXT    PRIMARY KEY,
    origin  TEXT    NOT NULL,             -- the name its checkpoints had then: another after the ledger went back
    read_to INTEGER NOT NULL              -- the account's events below this one were looked at
) STRICT;
CREATE TABLE person (
    account     TEXT    NOT NULL,
    person      TEXT    NOT NULL,
    preferences TEXT    NOT NULL,
    digest_from INTEGER NOT NULL,         -- the first event that the next digest counts
    digest_due  INTEGER,
    PRIMARY KEY (account, person)
) STRICT;
CREATE TABLE device (
    id       TEXT    PRIMARY KEY,
    account  TEXT    NOT NULL,
    person   TEXT    NOT NULL,
    endpoint TEXT    NOT NULL,
    p256dh   BLOB    NOT NULL,
    auth     BLOB    NOT NULL,
    added_at INTEGER NOT NULL
) STRICT;
CREATE TABLE owed (
    id       TEXT    NOT NULL,
    device   TEXT    NOT NULL,            -- empty: by mail
    account  TEXT    NOT NULL,
    person   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    link     TEXT    NOT NULL,            -- the gate or run to look at; empty where it is neither
    about    TEXT    NOT NULL,            -- what it is about: a gate, an effect, a run, a grant, a range of events
    not_before INTEGER NOT NULL,
    until    INTEGER,
    due      INTEGER NOT NULL,
    tries    INTEGER NOT NULL DEFAULT 0,
    state    TEXT    NOT NULL DEFAULT 'owed',
    problem  TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (id, device)
) STRICT;
CREATE INDEX owed_about ON owed (account, about);
CREATE INDEX owed_due ON owed (due) WHERE state = 'owed';
"""

_BOOK = Book(
    name="notices",
    application_id=0x48414C4E,
    versions=(_SCHEMA,),
    without="the ledger loses nothing, and people say anew how they want to be told.",
    once_well="people are told again once it works.",
)
FILE = _BOOK.file
_SHOWN = f"state = 'told' AND device <> '' AND kind IN ('{NoticeKind.WAITS}', '{NoticeKind.EXPIRES}')"
"""On some device it stands that a gate waits."""
_OWED = "id, device, account, person, kind, link, about, not_before, until, due, tries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far an account's events were looked at, in the tree that had this name."""

    origin: str
    read_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Something that a person is to be told, one way."""

    id: str
    device: str
    """Empty where it goes by mail."""
    account: AccountId
    person: PersonId
    kind: NoticeKind
    link: str
    """The gate or run to look at; empty where it is neither."""
    about: str
    """A gate, an effect, a run, a grant or a range of events: what is owed about it is settled together."""
    not_before: int
    until: int | None
    due: int
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDevice:
    """A device that a person subscribed."""

    id: str
    device: Device
    added_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How a person wants to be told, and what the next digest counts from."""

    account: AccountId
    person: PersonId
    preferences: Preferences
    digest_from: int
    digest_due: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Debts:
    """What an account's people were not told yet."""

    owed: int
    given_up: int
    problem: str
    """Why the newest of them was not told at its last try."""


class NoticeBook:
    """The file. Every method that changes something is durable when it returns."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._written = 0

    @classmethod
    def open(cls, home: Path) -> "NoticeBook":
        book = cls(_BOOK.open(home))
        with _BOOK.faults_named():
            book._connection.execute(_GONE)
            book._cut()
        return book

    def close(self) -> None:
        with _BOOK.faults_named():
            truncate_log(self._connection)
            self._connection.close()

    # How far it was read

    def place(self, account: AccountId) -> Place | None:
        """Where reading goes on; nowhere where nobody has begun."""
        rows = self._rows("SELECT origin, read_to FROM place WHERE account = ?", (account,))
        return Place(origin=rows[0][0], read_to=rows[0][1]) if rows else None

    def go_on(self, account: AccountId, place: Place) -> None:
        with self._writing():
            self._go_on(account, place)

    # People

    def people(self, account: AccountId) -> dict[PersonId, Known]:
        """Everybody who has said how they want to be told."""
        rows = self._rows("SELECT * FROM person WHERE account = ?", (account,))
        return {PersonId(person): _known(account, person, *rest) for _, person, *rest in rows}

    def prefer(self, known: Known) -> None:
        """Keep what a person said. What they are owed is looked at again, by the new rules; old failures are over."""
        key = (known.account, known.person)
        body = canonical.encode(_as_canonical(known.preferences)).decode()
        with self._writing():
            self._execute(
                "INSERT OR REPLACE INTO person VALUES (?, ?, ?, ?, ?)",
                (*key, body, known.digest_from, known.digest_due),
            )
            self._execute("UPDATE owed SET due = not_before, tries = 0 WHERE account = ? AND person = ?", key)
            self._execute("DELETE FROM owed WHERE account = ? AND person = ? AND state = 'given_up'", key)
        self._cut()  # an address that was taken out stands in no old page

    def forget(self, account: AccountId, person: PersonId) -> None:
        """Everything about a person goes for good."""
        with self._writing():
            for table in ("person", "device", "gone", "owed"):
                self._execute(f"DELETE FROM {table} WHERE account = ? AND person = ?", (account, person))
        self._cut()

    # Devices

    def devices(self, account: AccountId, person: PersonId) -> list[KnownDevice]:
        """A person's devices, the oldest first."""
        rows = self._rows(
            "SELECT id, endpoint, p256dh, auth, added_at FROM device WHERE account = ? AND person = ?"
            " ORDER BY added_at, rowid",
            (account, person),
        )
        return [
            KnownDevice(id=name, device=Device(endpoint=endpoint, p256dh=p256dh, auth=auth), added_at=added_at)
            for name, endpoint, p256dh, auth, added_at in rows
        ]

    def add_device(self, account: AccountId, person: PersonId, known: KnownDevice) -> None:
        """Keep a device; the same browser again takes its own place, and the oldest of too many goes."""
        with self._writing():
            self._keep_device(account, person, known)
        for old in self.devices(account, person)[:-DEVICES_MAX]:
            self.remove_device(account, person, old.id)

    def renew_device(self, account: AccountId, person: PersonId, known: KnownDevice, *, instead_of: str) -> bool:
        """Keep a device in the place of one that is known, or gone by itself; False where that was taken away.

        What the old one was told, and what it was owed, is the new one's.
        """
        key = (account, person, instead_of)
        here = "SELECT id FROM device WHERE account = ?1 AND person = ?2 AND id IN (?3, ?4)"
        gone = "SELECT device FROM gone WHERE account = ?1 AND person = ?2 AND device = ?3"
        with self._writing():
            if not self._rows(f"{here} UNION {gone}", (*key, known.id)):
                return False
            self._keep_device(account, person, known)
            if known.id != instead_of:
                moved = "UPDATE OR REPLACE owed SET device = ? WHERE account = ? AND person = ? AND device = ?"
                self._execute(moved, (known.id, *key))
                self._execute("DELETE FROM device WHERE account = ? AND person = ? AND id = ?", key)
            self._execute("DELETE FROM gone WHERE account = ? AND person = ? AND device = ?", key)
        self._cut()
        return True

    def remove_device(self, account: AccountId, person: PersonId, device: str, *, gone: bool = False) -> bool:
        """Forget a device and what was to be told there; False where it is none of this person's.

        One that is gone by itself may come back by itself.
        """
        key = (account, person, device)
        with self._writing():
            self._execute("DELETE FROM device WHERE account = ? AND person = ? AND id = ?", key)
            found = self._connection.changes() > 0
            if found:
                self._execute("DELETE FROM owed WHERE account = ? AND person = ? AND device = ?", key)
            if found and gone:
                self._execute("INSERT OR REPLACE INTO gone VALUES (?3, ?1, ?2)", key)
        self._cut()
        return found

    # What is owed

    def settle(self, account: AccountId, wanted: Mapping[str, Sequence[Owed]], place: Place) -> None:
        """About each of these, exactly that is to be told: what is needless goes, what was told stays told.

        A device that was told of a gate shows it until it is told that it is over; no other needs to be told that.
        """
        with self._writing():
            for about, owed in wanted.items():
                rows = self._rows(
                    f"SELECT id, device, {_SHOWN} FROM owed WHERE account = ? AND about = ?", (account, about)
                )
                shown = {device for _, device, is_shown in rows if is_shown}
                names = {(one.id, one.device) for one in owed}
                needless = [row[:2] for row in rows if not row[2] and row[:2] not in names]
                self._connection.executemany("DELETE FROM owed WHERE id = ? AND device = ?", needless)
                self._owe(one for one in owed if one.kind is not NoticeKind.OVER or one.device in shown)
            self._go_on(account, place)

    def owe_digest(self, known: Known, owed: Iterable[Owed]) -> None:
        """A digest, if there is one, and where the next begins."""
        with self._writing():
            self._owe(owed)
            self._execute(
                "UPDATE person SET digest_from = ?, digest_due = ? WHERE account = ? AND person = ?",
                (known.digest_from, known.digest_due, known.account, known.person),
            )

    def due(self, now: int, *, by_mail: bool) -> list[Owed]:
        """What is to be told now, one way, the oldest first."""
        sign = "=" if by_mail else "<>"
        ready = f"state = 'owed' AND due <= ? AND device {sign} ''"
        rows = self._rows(f"SELECT {_OWED} FROM owed WHERE {ready} ORDER BY due, rowid LIMIT 50", (now,))
        return [_owed(*row) for row in rows]

    def next_due(self) -> int | None:
        """When something is to be told or counted next."""
        ((moment,),) = self._rows(
            "SELECT min(due) FROM (SELECT min(due) AS due FROM owed WHERE state = 'owed'"
            " UNION ALL SELECT min(digest_due) FROM person)"
        )
        return None if moment is None else int(moment)

    def told(self, owed: Owed, now: int, place: Place) -> None:
        """It was told, and with it whatever else was to be told by now about the same; failures before are over."""
        key = (owed.account, owed.person, owed.device)
        with self._writing():
            if owed.kind is NoticeKind.OVER:
                self._forget_gate(owed)
            self._execute(
                "UPDATE owed SET state = 'told', problem = '' WHERE account = ? AND person = ? AND device = ?"
                " AND about = ? AND not_before <= ? AND state = 'owed'",
                (*key, owed.about, now),
            )
            self._execute(
                "DELETE FROM owed WHERE account = ? AND person = ? AND device = ? AND state = 'given_up'", key
            )
            self._go_on(owed.account, place)

    def prune(self, before: int) -> None:
        """Forget what was told long ago, but for the gates, which are forgotten when they close."""
        lasting = (str(NoticeKind.WAITS), str(NoticeKind.EXPIRES))
        with self._writing():
            self._execute(
                "DELETE FROM owed WHERE state <> 'owed' AND due < ? AND kind NOT IN (?, ?)", (before, *lasting)
            )

    def postpone(self, owed: Owed, due: int, *, problem: str = "") -> None:
        """It is told later; where that is because of a problem, another try was made."""
        tries = owed.tries + bool(problem)
        with self._writing():
            self._execute(
                "UPDATE owed SET due = ?, tries = ?, problem = ? WHERE id = ? AND device = ?",
                (due, tries, problem, owed.id, owed.device),
            )

    def give_up(self, owed: Owed, problem: str) -> None:
        """It was tried often enough, or can never be told; that stays to be seen."""
        with self._writing():
            self._execute(
                "UPDATE owed SET state = 'given_up', problem = ? WHERE id = ? AND device = ?",
                (problem, owed.id, owed.device),
            )

    def drop(self, owed: Owed) -> None:
        """It is needless now."""
        with self._writing():
            if owed.kind is NoticeKind.OVER:
                self._forget_gate(owed)
            self._execute("DELETE FROM owed WHERE id = ? AND device = ?", (owed.id, owed.device))

    def debts(self, account: AccountId) -> Debts:
        """What the people of an account were not told yet, although it was time."""
        rows = self._rows(
            "SELECT state, problem FROM owed WHERE account = ? AND state <> 'told' AND problem <> '' ORDER BY rowid",
            (account,),
        )
        given_up = sum(state == "given_up" for state, _ in rows)
        return Debts(owed=len(rows) - given_up, given_up=given_up, problem=rows[-1][1] if rows else "")

    def _keep_device(self, account: AccountId, person: PersonId, known: KnownDevice) -> None:
        device = known.device
        row = (known.id, account, person, device.endpoint, device.p256dh, device.auth, known.added_at)
        self._execute("INSERT OR REPLACE INTO device VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _forget_gate(self, owed: Owed) -> None:
        """A device shows nothing of it any more."""
        self._execute(
            "DELETE FROM owed WHERE account = ? AND device = ? AND about = ?", (owed.account, owed.device, owed.about)
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with _BOOK.faults_named(), self._connection:
            yield
        self._written += 1
        if self._written % _WRITES_PER_CUT == 0:
            self._cut()

    def _cut(self) -> None:
        with _BOOK.faults_named():
            truncate_log(self._connection)

    def _rows(self, query: str, bindings: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with _BOOK.faults_named():
            return [tuple(row) for row in self._connection.execute(query, bindings)]

    def _execute(self, statement: str, bindings: tuple[Any, ...]) -> None:
        self._connection.execute(statement, bindings)

    def _owe(self, owed: Iterable[Owed]) -> None:
        self._connection.executemany(
            f"INSERT INTO owed ({_OWED}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET until = excluded.until",
            [
                (
                    *(one.id, one.device, one.account, one.person, str(one.kind), one.link, one.about),
                    *(one.not_before, one.until, one.due, one.tries),
                )
                for one in owed
            ],
        )

    def _go_on(self, account: AccountId, place: Place) -> None:
        self._execute("INSERT OR REPLACE INTO place VALUES (?, ?, ?)", (account, place.origin, place.read_to))


def _known(account: AccountId, person: str, body: str, digest_from: int, digest_due: int | None) -> Known:
    fields: Any = canonical.decode(body.encode())
    preferences = Preferences(**fields)
    return Known(
        account=account,
        person=PersonId(person),
        preferences=preferences,
        digest_from=digest_from,
        digest_due=digest_due,
    )


def _as_canonical(preferences: Preferences) -> dict[str, canonical.Canonical]:
    return {name: value for name, value in asdict(preferences).items() if not name.startswith("_")}


def _owed(*row: Any) -> Owed:  # noqa: ANN401  # the columns, in their order
    name, device, account, person, kind, link, about, not_before, until, due, tries = row
    return Owed(
        id=name,
        device=device,
        account=AccountId(account),
        person=PersonId(person),
        kind=NoticeKind(kind),
        link=link,
        about=about,
        not_before=not_before,
        until=until,
        due=due,
        tries=tries,
    )
