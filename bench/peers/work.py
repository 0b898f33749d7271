"""The work that every engine is given: find a table for a wish, offer it, wait for a person's yes, reserve it once.

Nothing here knows an engine. The values are plain JSON, so that no engine gains or loses by how it stores classes;
the outside world is the restaurant's book in memory, so that only the engines' own work is timed.
"""

from collections import Counter
from time import perf_counter
from typing import Protocol, TypedDict
from uuid import uuid4


class Wish(TypedDict):
    """What a person asks for."""

    place: str
    party: int
    at: str


class Table(TypedDict):
    """One table that the place has."""

    name: str
    seats: int
    at: str


class Booking(TypedDict):
    """The place's own words about one reservation."""

    key: str
    reference: str
    table: Table


WISH = Wish(place="Osteria", party=2, at="2026-11-27T19:30:00+01:00")


class Book:
    """The restaurant's own book: the only one who knows how often a key was really reserved."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    async def reserve(self, key: str, table: Table) -> Booking:
        """The effect: this is what must happen once for a yes, and never without one."""
        self.calls[key] += 1
        return Booking(key=key, reference=f"{table['name']}-{self.calls[key]}", table=table)


async def find_tables(wish: Wish) -> list[Table]:
    """The step: two tables, the better one first."""
    return [Table(name=name, seats=wish["party"], at=wish["at"]) for name in ("window", "terrace")]


class Gated(Protocol):
    """The two halves of a run, as each engine does them."""

    book: Book

    async def reach_gate(self, key: str, wish: Wish) -> list[Table]:
        """Start a run and read, through the engine, the draft it now waits with."""
        ...

    async def approve(self, key: str) -> Booking:
        """Say yes from outside, naming nothing but the run, and wait until it has finished."""
        ...


async def timed_run(engine: Gated) -> float:
    """Take one whole run through an engine; seconds, after a look that it really kept the gate."""
    key = uuid4().hex
    started = perf_counter()
    tables = await engine.reach_gate(key, WISH)
    assert engine.book.calls[key] == 0, f"run {key} reserved before anybody said yes"
    booking = await engine.approve(key)
    seconds = perf_counter() - started
    assert booking == Booking(key=key, reference=f"{tables[0]['name']}-1", table=tables[0]), booking
    return seconds
