"""Book a table: find what is free, ask which, and reserve it once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Self

from pydantic import BaseModel

from haloop.kernel.desk import Approved, BadDraft, Draft, Effect, Ended, NotDone, Receipt, Run, procedure
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
    reserve: Effect[Booked]

    @classmethod
    def offer(cls, options: Sequence[Table], chosen: Table, held: Sequence[Booked] = ()) -> Self:
        """Plan to reserve one of the tables for no more than its deposit."""
        reserve = Effect.of(Booking.reserve, chosen, cost_max=chosen.deposit, undo=Booking.cancel)
        return cls(options=tuple(options), held=tuple(held), reserve=reserve)

    def apply(self, change: AnotherTable) -> Self:
        """Reserve another of the options instead."""
        chosen = next((table for table in self.options if table.slot == change.slot), None)
        if chosen is None:
            raise BadDraft("This table is not among the options.", code="table.unknown")
        return self.offer(self.options, chosen, self.held)


@procedure(version=2)
async def book_table(run: Run, wish: TableWish) -> Receipt[Booked] | NotDone | Ended:
    """Find a table and, once somebody said yes, reserve it."""
    options = best(wish, await run.step(Booking.find, wish))
    if not options:
        return Ended(reason=_nothing(wish), code="nothing_free")
    day = options[0].at.date()
    held = [one for one in await run.step(Booking.held, run.account) if one.at.date() == day]
    draft = TableDraft.offer(options, options[0], held)
    yes = await run.gate(draft, within=min(ANSWER_WITHIN, max(table.at for table in options) - run.now()))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.reserve)


def best(wish: TableWish, tables: Sequence[Table]) -> list[Table]:
    """The few to choose from, the best first: one for each place and time, within the hours that were wished for
    if there are any, near it, and without a deposit.
    """
    ranked = sorted(tables, key=lambda table: _rank(wish, table))
    apart = {(table.restaurant, table.at): table for table in reversed(ranked)}
    return [table for table in ranked if table is apart[table.restaurant, table.at]][:OPTIONS_MAX]


def _rank(wish: TableWish, table: Table) -> tuple[bool, timedelta, bool]:
    is_within = (wish.earliest or wish.at) <= table.at <= (wish.latest or wish.at)
    return not is_within, abs(table.at - wish.at), table.deposit is not None


def _nothing(wish: TableWish) -> str:
    where = "".join(f" {word} {said}" for word, said in (("at", wish.place), ("in", wish.area)) if said)
    return f"Nothing is free around that time for {wish.party}{where}."
