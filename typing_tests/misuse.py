"""What desk authors must not be able to write. Every marked line must be complained of, there and by both checkers."""

from collections.abc import Sequence
from typing import assert_never

from haloop.kernel.desk import Approved, Effect, Ended, Money, NotDone, Receipt, Refused, Run
from typing_tests.good import (
    Booked,
    Booking,
    Card,
    Cards,
    CartDraft,
    Line,
    OtherDraft,
    ShelfDraft,
    Table,
    TableDraft,
    Wish,
    book_table,
    planned,
)

EURO = Money(minor=100, currency="EUR")
TABLE = Table(place="Luigi")
WISH = Wish(place="Luigi")


async def steps(run: Run) -> None:
    await run.step(Booking.find, "Luigi")  # wrong: an argument of another type
    await run.step(Booking.find)  # wrong: an argument is missing
    await run.step(Booking.find, WISH, 2, 3)  # wrong: one argument too many
    await run.step(Booking.find, WISH, guests=2)  # wrong: an argument nobody knows
    await run.step(Booking.reserve, TABLE)  # wrong: an effect operation as a step
    one: Table = await run.step(Booking.find, WISH)  # wrong: the result is a list of tables
    await run.record(one)


def effects() -> None:
    Effect.of(Booking.find, WISH)  # wrong: a step operation as an effect
    Effect.of(Booking.reserve, WISH)  # wrong: an argument of another type
    Effect.of(Booking.reserve, TABLE, cost_max=5)  # wrong: an amount that is not money
    Effect.of(Booking.reserve, TABLE, undo=Cards.close)  # wrong: an undo for what another effect makes
    Effect.of(Booking.reserve, TABLE, undo=Booking.find)  # wrong: an undo that is a step
    cards: Effect[Card] = Effect.of(Booking.reserve, TABLE)  # wrong: it makes a booking, not a card
    OtherDraft(reserve=Effect.of(Cards.issue, EURO))  # wrong: a draft's field for bookings
    cards.result.plain(Card, {})


async def approvals(
    run: Run, yes: Approved[TableDraft], cart: Approved[CartDraft], shelf: Approved[ShelfDraft], line: Line
) -> None:
    plan = planned([TABLE])
    await run.effect(yes, OtherDraft(reserve=Effect.of(Booking.reserve, TABLE)).reserve)  # wrong: another draft's
    await run.effect(yes, Effect.of(Booking.reserve, TABLE))  # wrong: an effect of no draft
    await run.effect(cart, yes.draft.reserve)  # wrong: approved was a cart
    await run.effect(shelf, line.card)  # wrong: a line of a cart under a shelf's yes
    await run.effect(yes, line.card)  # wrong: a line of a cart under a table's yes
    await run.effect(plan, plan.reserve)  # wrong: a draft is no approval
    await run.effect(yes, yes.draft.maybe)  # wrong: it may not be there
    await run.effect(yes)  # wrong: which effect?
    await run.gate(TABLE)  # wrong: a table is no draft
    await run.undo(yes)  # wrong: only what happened can be undone


async def revising(run: Run) -> None:
    async def other(draft: TableDraft, change: Wish) -> OtherDraft:
        raise NotImplementedError((draft, change))

    await run.gate(planned([TABLE]), revise=other)  # wrong: a revision is a draft of the same class


async def outcomes(run: Run, yes: Approved[TableDraft]) -> Receipt[Booked] | Ended:
    decision = await run.gate(planned([TABLE]))
    await run.effect(decision, yes.draft.reserve)  # wrong: perhaps nobody said yes
    run.end(decision)  # wrong: perhaps somebody did
    match decision:
        case Approved() | Refused():
            pass
        case never:
            assert_never(never)  # wrong: nobody may have answered
    outcome = await run.effect(yes, yes.draft.reserve)
    booked: Booked = outcome.result  # wrong: it may not have been done
    if isinstance(outcome, Receipt):
        number: int = outcome.result.number  # wrong: a number of theirs is text
        return run.end(str(number + len(booked.number)))
    return outcome  # wrong: that is no receipt


async def branches(run: Run, yes: Approved[CartDraft]) -> Sequence[Receipt[Card] | NotDone]:
    return await run.all(run.effect(yes, line.pay) for line in yes.draft.lines)  # wrong: paid, not cards


def requests(run: Run) -> None:
    book_table.of(3)  # wrong: an argument of another type
    book_table.of()  # wrong: an argument is missing
    book_table.of(wish=WISH, party=3)  # wrong: an argument nobody knows
    book_table(run, WISH)  # wrong: a procedure is asked for, never called
