"""Book a table: find what is free, ask which, and reserve it once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Self

from pydantic import BaseModel

from haloop.kernel.desk import Approved, BadDraft, Draft, Effect, Ended, NotDone, Receipt, Run, procedure
from haloop.ports.booking import Booked, Booking, Table, TableWish

ANSWER_WITHIN = timedelta(days=2)
"""Longer than this nobody's table is looked for; what was free then hardly is."""


class AnotherTable(BaseModel, frozen=True, extra="forbid"):
    """A change: one of the other options."""

    slot: str


class TableDraft(Draft):
    """One table to reserve, and the others that could be had instead."""

    options: tuple[Table, ...]
    reserve: Effect[Booked]

    @classmethod
    def offer(cls, options: Sequence[Table], chosen: Table) -> Self:
        """Plan to reserve one of the tables for no more than its deposit."""
        reserve = Effect.of(Booking.reserve, chosen, cost_max=chosen.deposit, undo=Booking.cancel)
        return cls(options=tuple(options), reserve=reserve)

    def apply(self, change: AnotherTable) -> Self:
        """Reserve another of the options instead."""
        chosen = next((table for table in self.options if table.slot == change.slot), None)
        if chosen is None:
            raise BadDraft("This table is not among the options.", code="table.unknown")
        return self.offer(self.options, chosen)


@procedure(version=1)
async def book_table(run: Run, wish: TableWish) -> Receipt[Booked] | NotDone | Ended:
    """Find a table and, once somebody said yes, reserve it."""
    tables = await run.step(Booking.find, wish)
    if not tables:
        reason = f"Nothing is free around that time for {wish.party} at {wish.place}."
        return Ended(reason=reason, code="nothing_free")
    too_late = max(table.at for table in tables)
    draft = TableDraft.offer(tables, tables[0])
    yes = await run.gate(draft, within=min(ANSWER_WITHIN, too_late - run.now()))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.reserve)
