"""What each household has used of models, by the day in UTC, in a file of its own: `models.db`.

What a call may use at most is reserved before it, in one transaction with the question whether there is so much, and
becomes what it did use after it. A process that ends between the two has used all that was reserved: which calls are
under way the living one knows, and the table does not. The file holds no word of anybody, is no part of the ledger and
of no backup. Of the reading of plain words a day that is over for a month is forgotten; of the agents' calls it is
kept for as long as a mission may wait for people.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import apsw

from haloop.kernel import canonical
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
_BOOK = Book(
    name="models",
    application_id=0x48414C4D,
    versions=(_FIRST, _BY_AGENTS),
    without="all that is lost is what models were used for.",
    once_well="models are asked again once it works.",
)
_SUMS = ", ".join(f"coalesce(sum({column}), 0)" for column in ("tokens", "tokens_out", "cached", "micros"))


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
        self._under_way: dict[int, _Call] = {}
        """By reservation. Those of an earlier process are not among them: nobody will settle them."""

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
        self._under_way.pop(reservation, None)
        with suppress(apsw.Error):
            self._connection.execute(
                "UPDATE call SET tokens = ?, tokens_out = ?, cached = ?, micros = ? WHERE id = ?",
                (use.tokens, use.tokens_out, use.cached, use.micros, reservation),
            )
            truncate_log(self._connection)

    def used_by(self, attempt: str) -> Cost:
        """What an attempt has used and reserved so far, whatever was restarted meanwhile."""
        return self._sum("attempt = ?", attempt)

    def used_in(self, mission: str) -> Mapping[str, Cost]:
        """The same of each attempt of a mission that asked a model."""
        try:
            rows = self._connection.execute(
                f"SELECT attempt, {_SUMS} FROM call WHERE mission = ? GROUP BY attempt", (mission,)
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
            self._connection.execute(
                "DELETE FROM call WHERE mission != '' AND day < ?", (_day(now, before=KEPT_OF_AGENTS),)
            )
            self._connection.execute(
                "INSERT INTO call (household, day, mission, attempt, tokens, tokens_out, cached, micros)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*call.whose.values(), at_most.tokens, at_most.tokens_out, at_most.cached, at_most.micros),
            )
            reservation = self._connection.last_insert_rowid()
        truncate_log(self._connection)
        self._under_way[reservation] = call
        return reservation

    def _pots(self, call: "_Call", ahead: Sequence["_Call"]) -> Iterator["_Pot"]:
        """What was set aside that a call would take from, each with what is gone of it."""
        taking = [*self._under_way.values(), *ahead]
        for what, budget, of in _set_aside(call, self._for_day):
            taken = sum((one.expense.at_most for one in taking if of.items() <= one.whose.items()), Cost())
            yield _Pot(what=what, budget=budget, used=self._settled(of), taken=taken)

    def _settled(self, of: Mapping[str, str]) -> Cost:
        """What it is certain that calls came to, or that nobody will ever say otherwise of."""
        which = " AND ".join(f"{column} = ?" for column in of)
        over = "mission != '' AND id NOT IN (SELECT value FROM json_each(?))"
        return self._sum(f"{which} AND {over}", *of.values(), canonical.encode(list(self._under_way)).decode())

    def _sum(self, which: str, *of: str) -> Cost:
        return _cost(*read_one(self._connection, f"SELECT {_SUMS} FROM call WHERE {which}", *of))


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
