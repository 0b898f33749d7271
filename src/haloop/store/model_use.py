"""How many tokens each household has used of a model, by the day in UTC, in a file of its own: `models.db`.

What a call may use at most is reserved before it, in one transaction with the question whether there is so much, and
becomes what it did use after it. A process that ends between the two has used all that was reserved. The file holds
no word of anybody, is no part of the ledger and of no backup, and days that are over for a month are forgotten.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import apsw

from haloop.kernel.clock import as_datetime
from haloop.kernel.errors import Corrupt, HomeUnusable, WrongVersion
from haloop.kernel.failure import Permanent
from haloop.ports.models import Spent, Used
from haloop.store.database import open_for_writing, read_one, truncate_log

FILE = "models.db"
APPLICATION_ID = 0x48414C4D
VERSION = 1
KEPT = timedelta(days=31)

_SCHEMA = """
CREATE TABLE call (
    id        INTEGER PRIMARY KEY,
    household TEXT    NOT NULL,
    day       TEXT    NOT NULL,      -- in UTC
    tokens    INTEGER NOT NULL       -- reserved, and then used
) STRICT;
CREATE INDEX call_day ON call (day, household);
"""


class ModelUse:
    """The allowance of every household of one home. `opened` makes one."""

    def __init__(self, connection: apsw.Connection, tokens_max: int) -> None:
        self._connection = connection
        self._tokens_max = tokens_max

    @classmethod
    @contextmanager
    def opened(cls, home: Path, *, tokens_max: int) -> "Iterator[ModelUse]":
        """Count in this home; a household may use so many tokens a day."""
        path = home / FILE
        try:
            connection = open_for_writing(path, schema=_SCHEMA, application_id=APPLICATION_ID, version=VERSION)
        except (Corrupt, WrongVersion) as error:
            raise HomeUnusable(
                f"{path} cannot be read: it is damaged, or of another version.",
                code="models.damaged",
                next_step="Move it away: all that is lost is what models were used for this month.",
            ) from error
        try:
            yield cls(connection, tokens_max)
        finally:
            connection.close()

    def reserve(self, household: str, tokens: int, *, now: int) -> int:
        """Reserve so many, and name the reservation; Spent where the day has not so many left."""
        try:
            return self._reserved(household, tokens, now)
        except apsw.Error as error:
            raise Permanent("What the model is used for cannot be counted, so it is not asked.") from error

    def _reserved(self, household: str, tokens: int, now: int) -> int:
        with self._connection:
            if self.used(household, now=now).tokens + tokens > self._tokens_max:
                raise Spent(f"The {self._tokens_max:,} tokens a day for the model are used up until midnight UTC.")
            self._connection.execute("DELETE FROM call WHERE day < ?", (_day(now, before=KEPT),))
            self._connection.execute(
                "INSERT INTO call (household, day, tokens) VALUES (?, ?, ?)", (household, _day(now), tokens)
            )
            reservation = self._connection.last_insert_rowid()
        truncate_log(self._connection)
        return reservation

    def settle(self, reservation: int, tokens: int) -> None:
        """It was so many in the end; where that cannot be written, all that was reserved counts as used."""
        with suppress(apsw.Error):
            self._connection.execute("UPDATE call SET tokens = ? WHERE id = ?", (tokens, reservation))
            truncate_log(self._connection)

    def used(self, household: str, *, now: int) -> Used:
        """What is used and reserved today."""
        (tokens,) = read_one(
            self._connection,
            "SELECT coalesce(sum(tokens), 0) FROM call WHERE day = ? AND household = ?",
            _day(now),
            household,
        )
        return Used(tokens=tokens, tokens_max=self._tokens_max)


def _day(now: int, *, before: timedelta = timedelta(0)) -> str:
    return (as_datetime(now) - before).date().isoformat()
