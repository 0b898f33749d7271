"""What each household has used of models, by the day in UTC, in a file of its own: `models.db`.

What a call may use at most is reserved before it, in one transaction with the question whether there is so much, and
becomes what it did use after it. A process that ends between the two has used all that was reserved. The file holds
no word of anybody, is no part of the ledger and of no backup. Of the reading of plain words a day that is over for a
month is forgotten; of the agents' calls it is kept for as long as a mission may wait for people.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import apsw

from haloop.kernel.clock import as_datetime
from haloop.kernel.errors import Corrupt, HomeUnusable, WrongVersion
from haloop.kernel.failure import Permanent
from haloop.ports.models import MICROS, Budget, Cost, Spender, Spent, Used
from haloop.store.database import open_for_writing, read_one, truncate_log

FILE = "models.db"
APPLICATION_ID = 0x48414C4D
VERSION = 2
KEPT, KEPT_OF_AGENTS = timedelta(days=31), timedelta(days=400)

_BY_AGENTS = """
ALTER TABLE call ADD COLUMN mission    TEXT    NOT NULL DEFAULT '';  -- empty where plain words were read
ALTER TABLE call ADD COLUMN attempt    TEXT    NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN tokens_out INTEGER NOT NULL DEFAULT 0;   -- of the tokens, what was written
ALTER TABLE call ADD COLUMN cached     INTEGER NOT NULL DEFAULT 0;   -- of the tokens, what the provider had kept
ALTER TABLE call ADD COLUMN micros     INTEGER NOT NULL DEFAULT 0;   -- of a dollar
CREATE INDEX call_attempt ON call (attempt);
CREATE INDEX call_mission ON call (mission);
"""
_FIRST = """
CREATE TABLE call (
    id        INTEGER PRIMARY KEY,
    household TEXT    NOT NULL,
    day       TEXT    NOT NULL,      -- in UTC
    tokens    INTEGER NOT NULL       -- reserved, and then used
) STRICT;
CREATE INDEX call_day ON call (day, household);
"""


@contextmanager
def _opened(home: Path) -> Iterator[apsw.Connection]:
    """The file, made on first use and brought up to date from the version before."""
    path = home / FILE
    try:
        _bring_up_to_date(path)
        connection = open_for_writing(path, schema=_FIRST + _BY_AGENTS, application_id=APPLICATION_ID, version=VERSION)
    except (Corrupt, WrongVersion) as error:
        raise HomeUnusable(
            f"{path} cannot be read: it is damaged, or of another version.",
            code="models.damaged",
            next_step="Move it away: all that is lost is what models were used for.",
        ) from error
    try:
        yield connection
    finally:
        connection.close()


def _bring_up_to_date(path: Path) -> None:
    """The first version knew nothing of agents."""
    if not path.exists():
        return
    with (
        suppress(WrongVersion),
        closing(open_for_writing(path, schema=_FIRST, application_id=APPLICATION_ID, version=1)) as first,
        first,
    ):
        first.execute(f"{_BY_AGENTS}PRAGMA user_version={VERSION}")


class ModelUse:
    """The allowance of every household of one home, for reading plain words. `opened` makes one."""

    def __init__(self, connection: apsw.Connection, tokens_max: int) -> None:
        self._connection = connection
        self._tokens_max = tokens_max

    @classmethod
    @contextmanager
    def opened(cls, home: Path, *, tokens_max: int) -> "Iterator[ModelUse]":
        """Count in this home; a household may use so many tokens a day."""
        with _opened(home) as connection:
            yield cls(connection, tokens_max)

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
            self._connection.execute("DELETE FROM call WHERE mission = '' AND day < ?", (_day(now, before=KEPT),))
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
            "SELECT coalesce(sum(tokens), 0) FROM call WHERE day = ? AND household = ? AND mission = ''",
            _day(now),
            household,
        )
        return Used(tokens=tokens, tokens_max=self._tokens_max)


class AgentUse:
    """What the agents of one home use, by attempt, mission and day. `opened` makes one."""

    def __init__(self, connection: apsw.Connection, for_day: Budget) -> None:
        self._connection = connection
        self._for_day = for_day

    @classmethod
    @contextmanager
    def opened(cls, home: Path, *, for_day: Budget) -> "Iterator[AgentUse]":
        """Count in this home; a household's agents may together use so much a day."""
        with _opened(home) as connection:
            yield cls(connection, for_day)

    def reserve(self, spender: Spender, at_most: Cost, *, now: int) -> int:
        """Reserve that, and name the reservation; Spent where not so much is left."""
        try:
            return self._reserved(spender, at_most, now)
        except apsw.Error as error:
            raise Permanent("What agents use of models cannot be counted, so none is asked.") from error

    def settle(self, reservation: int, use: Cost) -> None:
        """It was that in the end; where that cannot be written, all that was reserved counts as used."""
        with suppress(apsw.Error):
            self._connection.execute(
                "UPDATE call SET tokens = ?, tokens_out = ?, cached = ?, micros = ? WHERE id = ?",
                (use.tokens, use.tokens_out, use.cached, use.micros, reservation),
            )
            truncate_log(self._connection)

    def used_by(self, attempt: str) -> Cost:
        """What an attempt has used and reserved so far, whatever was restarted meanwhile."""
        return self._sum("attempt = ?", attempt)

    def _reserved(self, spender: Spender, at_most: Cost, now: int) -> int:
        with self._connection:
            for budget, used, what in self._pots(spender, now):
                _require_left(budget, used, at_most, what)
            self._connection.execute(
                "DELETE FROM call WHERE mission != '' AND day < ?", (_day(now, before=KEPT_OF_AGENTS),)
            )
            self._connection.execute(
                "INSERT INTO call (household, day, tokens, mission, attempt, tokens_out, cached, micros)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(spender.household, _day(now), at_most.tokens, spender.mission, spender.attempt),
                    *(at_most.tokens_out, at_most.cached, at_most.micros),
                ),
            )
            reservation = self._connection.last_insert_rowid()
        truncate_log(self._connection)
        return reservation

    def _pots(self, spender: Spender, now: int) -> Iterator[tuple[Budget, Cost, str]]:
        """What was set aside, what is used of it, and for what it is."""
        if spender.for_attempt is not None:
            yield spender.for_attempt, self.used_by(spender.attempt), "this step's budget"
        if spender.for_mission is not None:
            yield spender.for_mission, self._sum("mission = ?", spender.mission), "this mission's budget"
        today = self._sum("day = ? AND household = ? AND mission != ''", _day(now), spender.household)
        yield self._for_day, today, "what agents may use in a day, until midnight UTC"

    def _sum(self, which: str, *of: str) -> Cost:
        tokens, tokens_out, cached, micros = read_one(
            self._connection,
            "SELECT coalesce(sum(tokens), 0), coalesce(sum(tokens_out), 0), coalesce(sum(cached), 0),"
            f" coalesce(sum(micros), 0) FROM call WHERE {which}",
            *of,
        )
        return Cost(tokens_in=tokens - tokens_out, tokens_out=tokens_out, cached=cached, micros=micros)


def _require_left(budget: Budget, used: Cost, at_most: Cost, what: str) -> None:
    if budget.tokens is not None and used.tokens + at_most.tokens > budget.tokens:
        raise Spent(
            f"Of {budget.tokens:,} tokens, {what}, {used.tokens:,} are used,"
            f" and its next call may take {at_most.tokens:,}."
        )
    if budget.micros is not None and used.micros + at_most.micros > budget.micros:
        raise Spent(
            f"Of {_dollars(budget.micros)}, {what}, {_dollars(used.micros)} is used,"
            f" and its next call may cost {_dollars(at_most.micros)}."
        )


def _dollars(micros: int) -> str:
    cents = -(-micros * 100 // MICROS)
    return f"${cents // 100:,}.{cents % 100:02}"


def _day(now: int, *, before: timedelta = timedelta(0)) -> str:
    return (as_datetime(now) - before).date().isoformat()
