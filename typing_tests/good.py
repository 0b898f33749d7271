"""What desk authors write and the type checkers accept: the shapes of all five procedures, with every result used."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol, assert_never, assert_type

from pydantic import BaseModel

from haloop.kernel.desk import (
    Approved,
    Arrival,
    Call,
    Draft,
    DraftPart,
    Effect,
    Ended,
    Expired,
    Later,
    Money,
    NotDone,
    Receipt,
    Refused,
    Run,
    TimedOut,
    effect,
    procedure,
    step,
)
from haloop.kernel.ids import RunId
from haloop.kernel.procedure import Request


class Wish(BaseModel, frozen=True):
    place: str


class Table(BaseModel, frozen=True):
    place: str


class Booked(BaseModel, frozen=True):
    number: str


class Card(BaseModel, frozen=True):
    handle: str


class Payment(BaseModel, frozen=True):
    total: Money
    pay_with: Later[Card]


class Paid(BaseModel, frozen=True):
    number: str


class Parcel(Arrival):
    number: str


class Booking(Protocol):
    async def find(self, wish: Wish, party: int = 2) -> Sequence[Table]: ...

    @step(repeat=False)
    async def draw(self, wish: Wish) -> Table: ...

    @effect(payee=lambda table: table.place)
    async def reserve(self, table: Table, call: Call) -> Booked | NotDone: ...

    @effect
    async def cancel(self, booked: Booked, call: Call) -> NotDone | None: ...


class Cards(Protocol):
    @effect
    async def issue(self, limit: Money, call: Call) -> Card | NotDone: ...

    @effect
    async def close(self, card: Card, call: Call) -> NotDone | None: ...

    @effect
    async def pay(self, payment: Payment, call: Call) -> Paid | NotDone: ...


class TableDraft(Draft):
    options: tuple[Table, ...]
    reserve: Effect[Booked]
    maybe: Effect[Booked] | None = None


class OtherDraft(Draft):
    reserve: Effect[Booked]


class Line(DraftPart["CartDraft"]):
    card: Effect[Card]
    pay: Effect[Paid]


class CartDraft(Draft):
    lines: tuple[Line, ...]


class ShelfDraft(Draft):
    lines: tuple[Line, ...]


def planned(tables: Sequence[Table]) -> TableDraft:
    best = Effect.of(Booking.reserve, tables[0], cost_max=Money(minor=500, currency="EUR"), undo=Booking.cancel)
    assert_type(best, Effect[Booked])
    return TableDraft(options=tuple(tables), reserve=best)


def line(total: Money) -> Line:
    card = Effect.of(Cards.issue, total, undo=Cards.close)
    assert_type(card.result, Later[Card])
    return Line(card=card, pay=Effect.of(Cards.pay, Payment(total=total, pay_with=card.result), cost_max=total))


@procedure(version=1)
async def book_table(run: Run, wish: Wish) -> Receipt[Booked] | NotDone | Ended:
    tables = await run.step(Booking.find, wish, party=3)
    assert_type(tables, Sequence[Table])
    assert_type(await run.step(Booking.draw, wish), Table)
    yes = await run.gate(planned(tables), within=timedelta(days=1))
    assert_type(yes, Approved[TableDraft] | Refused | Expired)
    if not isinstance(yes, Approved):
        return run.end(yes)
    outcome = await run.effect(yes, yes.draft.reserve)
    assert_type(outcome, Receipt[Booked] | NotDone)
    return outcome


@procedure(version=1)
async def book_later(run: Run, wish: Wish) -> Receipt[Booked] | NotDone | Ended:
    """An effect that may be missing, a revision that asks the world, and every outcome matched."""

    async def revised(draft: TableDraft, change: Wish) -> TableDraft:
        return planned([*draft.options, *await run.step(Booking.find, change)])

    decision = await run.gate(planned(await run.step(Booking.find, wish)), revise=revised)
    match decision:
        case Approved():
            if decision.draft.maybe is not None:
                return await run.effect(decision, decision.draft.maybe)
            return await run.effect(decision, decision.draft.reserve)
        case Refused() | Expired():
            return run.end(decision)
        case never:
            assert_never(never)


async def buy(run: Run, yes: Approved[CartDraft], one: Line) -> Receipt[Paid] | NotDone:
    card = await run.effect(yes, one.card)
    if isinstance(card, NotDone):
        return card
    assert_type(card.result, Card)
    paid = await run.effect(yes, one.pay)
    if isinstance(paid, NotDone):
        await run.undo(card)
    return paid


@procedure(version=1)
async def checkout(run: Run, totals: tuple[Money, ...]) -> list[Receipt[Paid] | NotDone] | Ended:
    yes = await run.gate(CartDraft(lines=tuple(line(total) for total in totals)))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.all(buy(run, yes, one) for one in yes.draft.lines)


@procedure(version=1)
async def follow(run: Run, number: str) -> Ended:
    parcel = await run.wait_for(Parcel, key=number, within=timedelta(days=9))
    assert_type(parcel, Parcel | TimedOut)
    tables = await run.all([run.step(Booking.find, Wish(place="a")), run.step(Booking.find, Wish(place="b"))])
    assert_type(tables, list[Sequence[Table]])
    assert_type(await run.start(book_table.of(Wish(place="c")), key="c"), RunId)
    await run.sleep(timedelta(days=1))
    await run.record(Wish(place="d"))
    return run.succeed(follow.of(number))


assert_type(book_table.of(Wish(place="Luigi")), Request[Receipt[Booked] | NotDone | Ended])
