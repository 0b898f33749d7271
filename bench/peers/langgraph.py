"""LangGraph: the work as a graph of three nodes with a checkpoint file; the gate is an `interrupt`.

Two rows are measured, because durability is a choice there: with "sync" a checkpoint is on the disk before the next
node starts, with "async" it is written while the next node already runs.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Self, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from bench.peers.work import Book, Booking, Table, Wish, find_tables, timed_run

PROMISES = {
    "sync": "At least once: a node cut off by a crash runs again from its start, effect included.",
    "async": "At least once, and a crash may also forget a node that had finished, so that it too runs again.",
}
APPROVAL = " A yes resumes whatever the thread waits with; it names no draft. No receipt."


class State(TypedDict, total=False):
    """What the thread remembers; the nodes add to it in this order."""

    key: str
    wish: Wish
    tables: list[Table]
    booking: Booking


class LangGraph:
    """The work on LangGraph."""

    version = f"{version('langgraph')}, SQLite saver {version('langgraph-checkpoint-sqlite')}"

    def __init__(self, saver: AsyncSqliteSaver, durability: Literal["sync", "async"]) -> None:
        self.book = Book()
        self.name = f"LangGraph, {durability}"
        self.promise = PROMISES[durability] + APPROVAL
        self._durability = durability
        self._graph = _nodes(self.book).compile(checkpointer=saver)

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path, *, durability: Literal["sync", "async"]) -> AsyncIterator[Self]:
        """Work with a new checkpoint file in the folder."""
        async with AsyncSqliteSaver.from_conn_string(str(folder / "checkpoints.db")) as saver:
            yield cls(saver, durability)

    async def gated_run(self) -> float:
        """One whole run; seconds."""
        return await timed_run(self)

    async def reach_gate(self, key: str, wish: Wish) -> list[Table]:
        """Run the thread until it is interrupted; the interrupt carries the draft."""
        state = await self._invoke(key, State(key=key, wish=wish))
        tables: list[Table] = state["__interrupt__"][0].value
        return tables

    async def approve(self, key: str) -> Booking:
        """Resume the thread with a yes."""
        state = await self._invoke(key, Command(resume=True))
        booking: Booking = state["booking"]
        return booking

    async def _invoke(self, key: str, given: Any) -> dict[str, Any]:  # noqa: ANN401  # a state or a command, as they type it
        state: dict[str, Any] = await self._graph.ainvoke(
            given, {"configurable": {"thread_id": key}}, durability=self._durability
        )
        return state


def _nodes(book: Book) -> StateGraph[State]:
    async def find(state: State) -> State:
        return State(tables=await find_tables(state["wish"]))

    async def gate(state: State) -> Command[Literal["reserve", "__end__"]]:
        return Command(goto="reserve" if interrupt(state["tables"]) else "__end__")

    async def reserve(state: State) -> State:
        return State(booking=await book.reserve(state["key"], state["tables"][0]))

    graph = StateGraph(State)
    graph.add_node("find", find)
    graph.add_node("gate", gate)
    graph.add_node("reserve", reserve)
    graph.add_edge(START, "find")
    graph.add_edge("find", "gate")
    return graph
