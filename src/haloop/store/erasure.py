"""Erasing what an event says, so that every hash still holds.

First the erasure becomes a fact: who asked, why, and exactly which keys and parts go. Then they go: rows
and keys are deleted and the write-ahead logs cut, because a log remembers deleted pages. A crash in between
is made good at the next start, which carries out every recorded erasure again; that also catches a keys.db
restored from a backup. Old backups of ledger.db stay unreadable for erased runs and people once the
short-lived backups of keys.db are gone; a part erased alone stays readable in them until its run's key goes.
"""

from dataclasses import dataclass

import apsw

from haloop.kernel import canonical
from haloop.kernel.errors import Corrupt
from haloop.kernel.ids import PersonId, RunId, person_id
from haloop.kernel.ledger import PAYLOAD_ERASED, Entry
from haloop.kernel.part import Part
from haloop.store.database import truncate_log
from haloop.store.keys import KeyRing
from haloop.store.schema import position

PART_NAME = "erasure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What goes, and why."""

    why: str
    keys: tuple[int, ...] = ()
    part: tuple[int, str] | None = None
    """Leaf index and name, where one part goes alone."""
    run_id: RunId | None = None
    subject: PersonId | None = None

    def entry(self, actor: str) -> Entry:
        """The fact that says so."""
        about: dict[str, canonical.Canonical] = {"keys": list(self.keys), "why": self.why}
        if self.part is not None:
            about["part"] = {"index": self.part[0], "name": self.part[1]}
        if self.run_id is not None:
            about["run_id"] = self.run_id
        if self.subject is not None:
            about["subject"] = self.subject
        return Entry(kind=PAYLOAD_ERASED, actor=actor, parts=(Part.of(PART_NAME, about),))

    @classmethod
    def read(cls, body: bytes) -> "Erasure":
        """What a recorded erasure took away."""
        match canonical.decode(body):
            case {"keys": list(keys), "why": str(why), **rest}:
                return cls(
                    why=why, keys=_numbers(keys), part=_part(rest.get("part")), subject=_person(rest.get("subject"))
                )
        raise Corrupt("An erasure does not say what it erased.")


def carry_out(erasure: Erasure, *, tree: int, at: int, connection: apsw.Connection, keys: KeyRing) -> None:
    """Delete what an erasure names. Doing it again does nothing."""
    with connection:
        connection.executemany(
            "INSERT OR IGNORE INTO erased_key VALUES (?, ?)", [(key_id, at) for key_id in erasure.keys]
        )
        if erasure.part is not None:
            index, name = erasure.part
            gone = (position(tree, index), name)
            connection.execute("INSERT OR IGNORE INTO erased_part VALUES (?, ?, ?)", (*gone, at))
            connection.execute("DELETE FROM part WHERE position = ? AND name = ?", gone)
    keys.forget(erasure.keys)


def wipe(connection: apsw.Connection, keys: KeyRing, *, patience_milliseconds: int = 0) -> bool:
    """Cut both write-ahead logs; False while somebody still reads from them.

    Nobody waits for the log of the keys: it is seldom written, and the event loop needs keys all the time.
    """
    cut = keys.truncate_log()
    return truncate_log(connection, patience_milliseconds=patience_milliseconds) and cut


def _part(value: object) -> tuple[int, str] | None:
    match value:
        case {"index": int(index), "name": str(name)}:
            return index, name
    return None


def _person(value: object) -> PersonId | None:
    match value:
        case str(person):
            return person_id(person)
    return None


def _numbers(values: list[canonical.Canonical]) -> tuple[int, ...]:
    return tuple(value for value in values if isinstance(value, int))
