"""DBOS: the work as a workflow over a SQLite system database; the draft is an event, the gate a `recv`.

On SQLite DBOS looks for events and messages at an interval, by default one second, which alone would make a run last
two. Here it looks fifty times a second: more often, and sixty-four waiting runs spend the processor on looking.
"""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from dbos import DBOS, DBOSConfig, SetWorkflowID, WorkflowHandleAsync

from bench.peers.work import Book, Booking, Table, Wish, find_tables, timed_run

LOOK_SECONDS = 0.02
GATE_SECONDS_MAX = 600


class Dbos:
    """The work on DBOS."""

    name = "DBOS"
    version = version("dbos")
    promise = (
        "At least once: a step that had finished is never repeated, one cut off by a crash runs again at recovery."
        " A message reaches the workflow once; it names no draft. No receipt."
    )

    def __init__(self) -> None:
        self.book = Book()
        self._book_table = _registered(self.book)
        self._running: dict[str, WorkflowHandleAsync[Booking | None]] = {}

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path) -> AsyncIterator[Self]:
        """Work with a new system database in the folder."""
        database = f"sqlite:///{folder / 'system.db'}"
        DBOS(
            config=DBOSConfig(
                name="peer",
                system_database_url=database,
                notification_listener_polling_interval_sec=LOOK_SECONDS,
                log_level="ERROR",
            )
        )
        try:
            peer = cls()
            DBOS.launch()
            yield peer
        finally:
            # The registry belongs to the process; the next one opened registers its own functions anew.
            DBOS.destroy(destroy_registry=True)

    async def gated_run(self) -> float:
        """One whole run; seconds."""
        return await timed_run(self)

    async def reach_gate(self, key: str, wish: Wish) -> list[Table]:
        """Start the workflow and wait for the event that holds its draft."""
        with SetWorkflowID(key):
            self._running[key] = await DBOS.start_workflow_async(self._book_table, key, wish)
        tables: list[Table] = await DBOS.get_event_async(key, "draft", GATE_SECONDS_MAX)
        return tables

    async def approve(self, key: str) -> Booking:
        """Send the workflow a yes."""
        await DBOS.send_async(key, message=True, topic="decision")
        booking: Booking | None = await self._running.pop(key).get_result()
        assert booking is not None, f"run {key} ended without a booking"
        return booking


def _registered(book: Book) -> Callable[[str, Wish], Coroutine[Any, Any, Booking | None]]:
    @DBOS.step()
    async def find(wish: Wish) -> list[Table]:
        return await find_tables(wish)

    @DBOS.step()
    async def reserve(key: str, table: Table) -> Booking:
        return await book.reserve(key, table)

    @DBOS.workflow()
    async def book_table(key: str, wish: Wish) -> Booking | None:
        tables = await find(wish)
        await DBOS.set_event_async("draft", tables)
        if not await DBOS.recv_async("decision", GATE_SECONDS_MAX):
            return None
        booking: Booking = await reserve(key, tables[0])
        return booking

    procedure: Callable[[str, Wish], Coroutine[Any, Any, Booking | None]] = book_table
    return procedure
