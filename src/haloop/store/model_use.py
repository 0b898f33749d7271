"""What each household has used of models, by the day in UTC, in a file of its own: `models.db`.

What a call may use at most is reserved before it, in one transaction with the question whether there is so much, and
becomes what it did use after it. A process that ends between the two has used all that was reserved: which calls are
under way the living one knows, and the table does not. An agent makes calls without end, and those that cost nothing
fast: of each attempt there is one sum a day, so that to count one more call takes no longer for those before it. The
file holds no word of anybody, is no part of the ledger and of no backup. Of the reading of plain words a day that is
over for a month is forgotten; of the agents' calls it is kept for as long as a mission may wait for people.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path

import apsw

from haloop.kernel.clock import as_datetime
from haloop.kernel.failure import Permanent
from haloop.ports.models import MICROS, Budget, Cost, Expense, Spent, Used
from haloop.store.book import Book
from haloop.store.database import read_one, truncate_log

KEPT, KEPT_OF_AGENTS = timedelta(days=31), timedelta(days=400)

_FIRST = """
CREATE TABLE call (
    id        INTEGER PRIMARY KEY,
    household TEXT    NOT NULL,
    day       TEXT    NOT NULL,      -- in UTC
    tokens    INTEGER NOT NULL       -- reserved, and then used
) STRICT;
CREATE INDEX call_day ON call (day, household);
"""
_BY_AGENTS = """
ALTER TABLE call ADD COLUMN mission    TEXT    NOT NULL DEFAULT '';  -- empty where plain words were read
ALTER TABLE call ADD COLUMN attempt    TEXT    NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN tokens_out INTEGER NOT NULL DEFAULT 0;   -- of the tokens, what was written
ALTER TABLE call ADD COLUMN cached     INTEGER NOT NULL DEFAULT 0;   -- of the tokens, what the provider had kept
ALTER TABLE call ADD COLUMN micros     INTEGER NOT NULL DEFAULT 0;   -- of a dollar
CREATE INDEX call_attempt ON call (attempt);
CREATE INDEX call_mission ON call (mission);
"""
_IN_SUMS = """
CREATE TABLE agent_use (
    household  TEXT    NOT NULL,
    day        TEXT    NOT NULL,      -- in UTC
    mission    TEXT    NOT NULL,
    attempt    TEXT    NOT NULL,
    tokens     INTEGER NOT NULL,      -- used, and reserved by calls that have not ended
    tokens_out INTEGER NOT NULL,      -- of the tokens, what was written
    cached     INTEGER NOT NULL,      -- of the tokens, what the provider had kept
    micros     INTEGER NOT NULL,      -- of a dollar
    PRIMARY KEY (attempt, day, mission, household)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_use_day ON agent_use (day, household);
CREATE INDEX agent_use_mission ON agent_use (mission);
INSERT INTO agent_use
    SELECT household, day, mission, attempt, sum(tokens), sum(tokens_out), sum(cached), sum(micros)
    FROM call WHERE mission != '' GROUP BY attempt, day, mission, household;
DELETE FROM call WHERE mission != '';
DROP INDEX call_attempt;
DROP INDEX call_mission;
ALTER TABLE call DROP COLUMN mission;
ALTER TABLE call DROP COLUMN attempt;
ALTER TABLE call DROP COLUMN tokens_out;
ALTER TABLE call DROP COLUMN cached;
ALTER TABLE call DROP COLUMN micros;
"""
_BOOK = Book(
    name="models",
    application_id=0x48414C4D,
    versions=(_FIRST, _BY_AGENTS, _IN_SUMS),
    without="all that is lost is what models were used for.",
    once_well="models are asked again once it works.",
)
_COUNTED = ("tokens", "tokens_out", "cached", "micros")
_SUMS = ", ".join(f"coalesce(sum({column}), 0)" for column in _COUNTED)
_ADD = """
INSERT INTO agent_use (household, day, mission, attempt, tokens, tokens_out, cached, micros)
    VALUES (:household, :day, :mission, :attempt, :tokens, :tokens_out, :cached, :micros)
    ON CONFLICT DO UPDATE SET tokens = tokens + excluded.tokens, tokens_out = tokens_out + excluded.tokens_out,
        cached = cached + excluded.cached, micros = micros + excluded.micros
"""


class ModelUse:
    """The allowance of every household of one home, for reading plain words. `opened` makes one."""

    def __init__(self, connection: apsw.Connection, tokens_max: int) -> None:
        self._connection = connection
        self._tokens_max = tokens_max

    @classmethod
    @contextmanager
    def opened(cls, home: Path, *, tokens_max: int) -> "Iterator[ModelUse]":
        """Count in this home; a household may use so many tokens a day."""
        with closing(_BOOK.open(home)) as connection:
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


class AgentUse:
    """What the agents of one home use, by attempt, mission and day. `opened` makes one."""

    def __init__(self, connection: apsw.Connection, for_day: Budget) -> None:
        self._connection = connection
        self._for_day = for_day
        self._under_way: dict[int, _Call] = {}
        """By reservation. Those of an earlier process are not among them: nobody will settle them."""
        self._reservations = count(1)

    @classmethod
    @contextmanager
    def opened(cls, home: Path, *, for_day: Budget) -> "Iterator[AgentUse]":
        """Count in this home; a household's agents may together use so much a day."""
        with closing(_BOOK.open(home)) as connection:
            yield cls(connection, for_day)

    def reserve(self, expense: Expense, *, now: int, ahead: Sequence[Expense] = ()) -> int | None:
        """Reserve that, and name the reservation; Spent where what was used leaves too little.

        Nothing is reserved, and none named, where it would be enough but for calls that are under way or ahead.
        """
        try:
            return self._reserved(expense, now, ahead)
        except apsw.Error as error:
            raise Permanent("What agents use of models cannot be counted, so none is asked.") from error

    def settle(self, reservation: int, use: Cost) -> None:
        """It was that in the end; where that cannot be written, all that was reserved counts as used."""
        call = self._under_way.pop(reservation)
        with suppress(apsw.Error):
            self._change(call, call.expense.at_most, use)
            truncate_log(self._connection)

    def used_by(self, attempt: str) -> Cost:
        """What an attempt has used and reserved so far, whatever was restarted meanwhile."""
        try:
            return self._sum({"attempt": attempt})
        except apsw.Error as error:
            raise Permanent("What an agent used of models cannot be read.") from error

    def used_in(self, mission: str) -> Mapping[str, Cost]:
        """The same of each attempt of a mission that asked a model."""
        try:
            rows = self._connection.execute(
                f"SELECT attempt, {_SUMS} FROM agent_use WHERE mission = ? GROUP BY attempt", (mission,)
            )
            return {str(attempt): _cost(*sums) for attempt, *sums in rows}
        except apsw.Error as error:
            raise Permanent("What agents used of models cannot be read.") from error

    def _reserved(self, expense: Expense, now: int, ahead: Sequence[Expense]) -> int | None:
        today = _day(now)
        call, at_most = _Call(expense, today), expense.at_most
        with self._connection:
            pots = list(self._pots(call, [_Call(one, today) for one in ahead]))
            for pot in pots:
                pot.require_enough(at_most)
            if not all(pot.has_room(at_most) for pot in pots):
                return None
            forgotten = _day(now, before=KEPT_OF_AGENTS)
            self._connection.execute("DELETE FROM agent_use WHERE day < ?", (forgotten,))
            self._change(call, Cost(), at_most)
        truncate_log(self._connection)
        reservation = next(self._reservations)
        self._under_way[reservation] = call
        return reservation

    def _change(self, call: "_Call", before: Cost, after: Cost) -> None:
        more = {name: getattr(after, name) - getattr(before, name) for name in _COUNTED}
        self._connection.execute(_ADD, {**call.whose, **more})

    def _pots(self, call: "_Call", ahead: Sequence["_Call"]) -> Iterator["_Pot"]:
        """What was set aside that a call would take from, each with what is gone of it."""
        for what, budget, of in _set_aside(call, self._for_day):
            under_way, waiting = _most(self._under_way.values(), of), _most(ahead, of)
            yield _Pot(what=what, budget=budget, used=self._sum(of) - under_way, taken=under_way + waiting)

    def _sum(self, of: Mapping[str, str]) -> Cost:
        which = " AND ".join(f"{column} = ?" for column in of)
        return _cost(*read_one(self._connection, f"SELECT {_SUMS} FROM agent_use WHERE {which}", *of.values()))


def _most(calls: Iterable["_Call"], of: Mapping[str, str]) -> Cost:
    """What those of them that take from a pot may come to."""
    return sum((one.expense.at_most for one in calls if of.items() <= one.whose.items()), Cost())


def _cost(tokens: int, tokens_out: int, cached: int, micros: int) -> Cost:
    return Cost(tokens_in=tokens - tokens_out, tokens_out=tokens_out, cached=cached, micros=micros)


@dataclass(frozen=True, slots=True)
class _Call:
    """One that counts, and the day on which it does."""

    expense: Expense
    day: str

    @property
    def whose(self) -> Mapping[str, str]:
        """By the columns of its row."""
        spender = self.expense.spender
        return {
            "household": spender.household,
            "day": self.day,
            "mission": spender.mission,
            "attempt": spender.attempt,
        }


def _set_aside(call: _Call, for_day: Budget) -> Iterator[tuple[str, Budget, Mapping[str, str]]]:
    """What each is for, how much it is, and whose calls take from it."""
    spender = call.expense.spender
    if spender.for_attempt is not None:
        yield "this step's budget", spender.for_attempt, {"attempt": spender.attempt}
    if spender.for_mission is not None:
        yield "this mission's budget", spender.for_mission, {"mission": spender.mission}
    day = {"household": spender.household, "day": call.day}
    yield "what agents may use in a day, until midnight UTC", for_day, day


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pot:
    """What was set aside for something, and what is gone of it."""

    what: str
    budget: Budget
    used: Cost
    taken: Cost
    """By calls that are under way or ahead, which may leave some of it."""

    def has_room(self, at_most: Cost) -> bool:
        return self.budget.covers(self.used + self.taken + at_most)

    def require_enough(self, at_most: Cost) -> None:
        """Spent where there is too little, whatever those leave."""
        tokens, micros = self.budget.tokens, self.budget.micros
        if tokens is not None and self.used.tokens + at_most.tokens > tokens:
            raise Spent(
                f"Of {tokens:,} tokens, {self.what}, {self.used.tokens:,} are used,"
                f" and its next call may take {at_most.tokens:,}."
            )
        if micros is not None and self.used.micros + at_most.micros > micros:
            raise Spent(
                f"Of {_dollars(micros)}, {self.what}, {_dollars(self.used.micros)} is used,"
                f" and its next call may cost {_dollars(at_most.micros)}."
            )


def _dollars(micros: int) -> str:
    cents = -(-micros * 100 // MICROS)
    return f"${cents // 100:,}.{cents % 100:02}"


def _day(now: int, *, before: timedelta = timedelta(0)) -> str:
    return (as_datetime(now) - before).date().isoformat()
