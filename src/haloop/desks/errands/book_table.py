"""Book a table: find what is free, ask which, and reserve it once. What takes a payment is left to the person."""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Self

from pydantic import BaseModel

from haloop.kernel.desk import Approved, BadDraft, Draft, Effect, Ended, NotDone, Receipt, Run, StepFailed, procedure
from haloop.ports.booking import Booked, Booking, Table, TableWish

ANSWER_WITHIN = timedelta(days=2)
"""Longer than this nobody's table is looked for; what was free then hardly is."""
OPTIONS_MAX = 3


class AnotherTable(BaseModel, frozen=True, extra="forbid"):
    """A change: one of the other options."""

    slot: str


class TableDraft(Draft):
    """One table to reserve, and the others that could be had instead."""

    grants: ClassVar[bool] = False

    options: tuple[Table, ...]
    held: tuple[Booked, ...] = ()
    """What is reserved for that day already."""
    taken: tuple[str, ...] = ()
    """What was not said, and is the household's default."""
    reserve: Effect[Booked]

    @classmethod
    def offer(
        cls, options: Sequence[Table], chosen: Table, held: Sequence[Booked] = (), taken: Sequence[str] = ()
    ) -> Self:
        """Plan to reserve one of the tables, which costs nothing."""
        reserve = Effect.of(Booking.reserve, chosen, undo=Booking.cancel)
        return cls(options=tuple(options), held=tuple(held), taken=tuple(taken), reserve=reserve)

    def apply(self, change: AnotherTable) -> Self:
        """Reserve another of the options instead."""
        chosen = next((table for table in self.options if table.slot == change.slot), None)
        if chosen is None:
            raise BadDraft("This table is not among the options.", code="table.unknown")
        return self.offer(self.options, chosen, self.held, self.taken)


@procedure(version=3)
async def book_table(run: Run, wish: TableWish) -> Receipt[Booked] | NotDone | Ended:
    """Find a table and, once somebody said yes, reserve it."""
    try:
        return await _book_table(run, wish)
    except StepFailed as failed:
        return Ended(reason=f"Nothing was reserved. {failed.sentence}", code="booking.unreachable")


async def _book_table(run: Run, wish: TableWish) -> Receipt[Booked] | NotDone | Ended:
    found = await run.step(Booking.find, run.account, wish)
    options = best(wish, [table for table in found if table.payment is None])
    if not options:
        return _wants_payment(best(wish, found)) if found else Ended(reason=_nothing(wish), code="nothing_free")
    day = options[0].at.date()
    held = [one for one in await run.step(Booking.held, run.account) if one.at.date() == day]
    draft = TableDraft.offer(options, options[0], held, wish.taken)
    yes = await run.gate(draft, within=min(ANSWER_WITHIN, max(table.at for table in options) - run.now()))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.reserve)


def best(wish: TableWish, tables: Sequence[Table]) -> list[Table]:
    """The few to choose from, the best first: one for each place and time, within the hours that were wished for
    if there are any, and near it.
    """
    ranked = sorted(tables, key=lambda table: _rank(wish, table))
    apart = {(table.restaurant, table.at): table for table in reversed(ranked)}
    return [table for table in ranked if table is apart[table.restaurant, table.at]][:OPTIONS_MAX]


def _rank(wish: TableWish, table: Table) -> tuple[bool, timedelta]:
    is_within = (wish.earliest or wish.at) <= table.at <= (wish.latest or wish.at)
    return not is_within, abs(table.at - wish.at)


def _wants_payment(tables: Sequence[Table]) -> Ended:
    listed = "; ".join(f"{one.restaurant}, {one.at:%H:%M}, wants {one.payment}" for one in tables)
    reason = f"Haloop pays nothing for a table, and no other is free: {listed}. Reserve it there yourself."
    return Ended(reason=reason, code="booking.payment")


def _nothing(wish: TableWish) -> str:
    where = "".join(f" {word} {said}" for word, said in (("at", wish.place), ("in", wish.area)) if said)
    return f"Nothing is free around that time for {wish.party}{where}."
