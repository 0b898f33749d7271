"""Book a table: one step, one gate, one effect. The shortest procedure there is."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol, Self

from pydantic import BaseModel

from haloop.kernel.desk import (
    Approved,
    Call,
    Connector,
    Desk,
    Draft,
    Effect,
    Ended,
    Money,
    NotDone,
    Receipt,
    Run,
    effect,
    idempotent,
    procedure,
)
from haloop.testing.provider import Provider

DEPOSIT_MAX = Money(minor=2000, currency="EUR")


class TableWish(BaseModel, frozen=True):
    place: str
    party: int


class Table(BaseModel, frozen=True):
    place: str
    at: str


class Booked(BaseModel, frozen=True):
    number: str
    charged: Money | None = None


class Booking(Protocol):
    async def find(self, wish: TableWish) -> Sequence[Table]: ...

    @effect(payee=lambda table: table.place)
    async def reserve(self, table: Table, call: Call) -> Booked | NotDone: ...

    @effect
    async def cancel(self, booked: Booked, call: Call) -> NotDone | None: ...


class TableDraft(Draft):
    options: tuple[Table, ...]
    reserve: Effect[Booked]

    @classmethod
    def offer(cls, tables: Sequence[Table]) -> Self:
        best = Effect.of(Booking.reserve, tables[0], cost_max=DEPOSIT_MAX, undo=Booking.cancel)
        return cls(options=tuple(tables), reserve=best)


@procedure(version=1)
async def book_table(run: Run, wish: TableWish) -> Receipt[Booked] | NotDone | Ended:
    """Find a table and, once somebody said yes, reserve it."""
    yes = await run.gate(TableDraft.offer(await run.step(Booking.find, wish)))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.reserve)


class Restaurant:
    """A town's restaurant, with a book of its own."""

    def __init__(self) -> None:
        self.provider = Provider()

    async def find(self, wish: TableWish) -> Sequence[Table]:
        return [Table(place=wish.place, at="19:00"), Table(place=wish.place, at="21:30")]

    @effect(recovery=idempotent(for_=timedelta(hours=24)))
    async def reserve(self, table: Table, call: Call) -> Booked | NotDone:
        return await self.provider.act(call, lambda: Booked(number=f"4711 at {table.at}"))

    @effect
    async def cancel(self, booked: Booked, call: Call) -> NotDone | None:
        return await self.provider.act(call, lambda: None)


ERRANDS = Desk("errands", procedures=[book_table])


def restaurant(behind: Restaurant) -> Connector:
    return Connector(port=Booking, speaks=behind, name="town")
