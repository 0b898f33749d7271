"""The run that is measured, fixed before anything was tuned.

A draft of two parts (the tables that were found, and the effect that reserves one), its card, policy, a
decision by a person who is not the agent that asked, the claim and the hold, every word encrypted, and the
fact that a receipt is made from. Nothing starts before the clock does; afterwards `verify` must accept the
very ledger, and the provider's book must show one call for each approval.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Protocol

from pydantic import BaseModel

from bench.peers.work import WISH, Book, find_tables
from haloop.app import open_haloop
from haloop.engines.local import LocalEngine
from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.draft import Draft, Effect
from haloop.kernel.fact import Fact, GateOpened
from haloop.kernel.gate import Answer, Approved, GateId, Verdict, View
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.money import Money
from haloop.kernel.operation import Call, NotDone, effect
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Receipt, Run
from haloop.settings import Settings
from haloop.store.sqlite import SqliteLedger
from haloop.store.verify import verify_home

COST_MAX = Money(minor=2_500, currency="EUR")
VIEW = View(language="en", renderer="bench/1", catalogue="0" * 64)


class Wish(BaseModel, frozen=True):
    """What a person asks for."""

    place: str
    party: int
    at: str


class Table(BaseModel, frozen=True):
    """One table that the place has."""

    name: str
    seats: int
    at: str


class Booked(BaseModel, frozen=True):
    """The place's own words."""

    reference: str
    charged: Money


def _payee(table: Table) -> str:
    return table.name


class Booking(Protocol):
    """A restaurant."""

    async def find(self, wish: Wish) -> list[Table]: ...

    @effect(payee=_payee)
    async def reserve(self, table: Table, call: Call) -> Booked | NotDone: ...

    @effect
    async def cancel(self, booked: Booked, call: Call) -> NotDone | None: ...


class BookConnector:
    """The book that every engine writes into."""

    def __init__(self, book: Book) -> None:
        self._book = book

    async def find(self, wish: Wish) -> list[Table]:
        found = await find_tables({"place": wish.place, "party": wish.party, "at": wish.at})
        return [Table(**table) for table in found]

    @effect
    async def reserve(self, table: Table, call: Call) -> Booked | NotDone:
        return await self.book_it(table, call)

    async def book_it(self, table: Table, call: Call) -> Booked:
        """Write it into the book."""
        said = await self._book.reserve(call.key, {"name": table.name, "seats": table.seats, "at": table.at})
        return Booked(reference=said["reference"], charged=Money(minor=2_000, currency="EUR"))

    @effect
    async def cancel(self, booked: Booked, call: Call) -> NotDone | None: ...


class TableDraft(Draft):
    """Which tables there are, and the one to reserve."""

    options: tuple[Table, ...]
    reserve: Effect[Booked]


@procedure(version=1)
async def book_table(run: Run, wish: Wish) -> Receipt[Booked] | NotDone | Ended:
    """Find a table, ask, reserve it."""
    tables = await run.step(Booking.find, wish)
    reserve = Effect.of(Booking.reserve, tables[0], cost_max=COST_MAX, undo=Booking.cancel)
    yes = await run.gate(TableDraft(options=tuple(tables), reserve=reserve))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.reserve)


class GatedRuns:
    """Our engine, doing the measured run."""

    name = "Haloop"
    version = "0.1"
    promise = (
        "At most one call per approval: claim, hold and intent are durable before it, an unknown outcome is parked;"
        " the yes is bound to the draft's bytes; a receipt a stranger can check."
    )

    def __init__(
        self, engine: LocalEngine, ledger: SqliteLedger, account: AccountId, person: PersonId, book: Book
    ) -> None:
        self.book = book
        self.ledger = ledger
        self.decided_at = 0.0
        """When the newest answer was given."""
        self._engine = engine
        self._account = account
        self._person = person
        self._gates: dict[RunId, asyncio.Future[GateId]] = {}
        self._early: dict[RunId, GateId] = {}
        engine.watch(self._hear)

    async def gated_run(self) -> float:
        """Start, reach the gate, approve, finish; seconds."""
        started = perf_counter()
        wish = Wish(place=WISH["place"], party=WISH["party"], at=WISH["at"])
        run = await self._engine.start(self._account, book_table.of(wish), by="agent:bench")
        await self.approve(run, await self._gate_of(run))
        return perf_counter() - started

    async def park(self) -> RunId:
        """Start a run and leave it at its gate."""
        wish = Wish(place=WISH["place"], party=WISH["party"], at=WISH["at"])
        run = await self._engine.start(self._account, book_table.of(wish), by="agent:bench")
        await self._gate_of(run)
        return run

    async def approve(self, run: RunId, gate: GateId) -> None:
        """Read the card, say yes as the person, and wait for the end."""
        seen = (await self._engine.gate(self._account, gate)).gate
        answer = Answer(
            gate=gate,
            revision=seen.revision,
            draft=seen.draft,
            card=seen.card,
            view=VIEW,
            verdict=Verdict.APPROVED,
            person=self._person,
            nonce=gate,
            expires=seen.expires_at,
        )
        self.decided_at = perf_counter()
        await self._engine.decide(self._account, answer)
        ended = await self._engine.ended(self._account, run)
        assert ended.code == "done", ended

    async def _gate_of(self, run: RunId) -> GateId:
        if run in self._early:
            return self._early.pop(run)
        waiter: asyncio.Future[GateId] = asyncio.get_running_loop().create_future()
        self._gates[run] = waiter
        return await waiter

    async def wake(self, gate: GateId) -> None:
        """Look at a gate, whose run may have left memory."""
        await self._engine.gate(self._account, gate)

    def parked(self) -> list[GateId]:
        """The gates that wait."""
        return self._engine.open_gates(self._account)

    async def timers_read(self) -> None:
        """Wait until the engine knows until when each run waits."""
        await self._engine.settled()

    def _hear(self, _account: AccountId, run: RunId, fact: Fact) -> None:
        if isinstance(fact, GateOpened):
            waiter = self._gates.pop(run, None)
            if waiter is None:
                self._early[run] = GateId(fact.gate)
            else:
                waiter.set_result(GateId(fact.gate))


@asynccontextmanager
async def opened(folder: Path, book: Book | None = None) -> AsyncIterator[GatedRuns]:
    """Our engine on a home, made on first use; on the way out its ledger is verified."""
    book = book or Book()
    booking = Connector(port=Booking, speaks=BookConnector(book), name="book")
    settings = Settings(home=folder / "home", state=folder / "witness")
    desk = Desk("errands", procedures=[book_table])
    async with open_haloop(settings, desks=[desk], connectors=[booking]) as haloop:
        yield GatedRuns(haloop.engine, haloop.ledger, haloop.account, haloop.owner, book)
    report = verify_home(folder / "home")
    assert report.ok, report.problems
