"""The agents' door: tools with which any MCP client proposes, watches and reads receipts, and never approves.

It holds an agent's token and nothing else, so whatever a model is talked into, the worst it can do is to ask a
person for something. What the tools say of themselves is fixed text: nothing that comes from outside becomes an
instruction to whoever calls them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

from haloop.client import Client
from haloop.kernel.errors import HaloopError
from haloop.wire.requests import DeskOut
from haloop.wire.runs import RunDetail, RunState

P = ParamSpec("P")
T = TypeVar("T")

WATCH_SECONDS_MAX = 60
_LOOK_SECONDS = 0.25
_STILL = (RunState.RUNNING, RunState.WAITS_FOR_YOU)

INSTRUCTIONS = (
    "Haloop lets you ask for things that have consequences: bookings, orders, changes. You propose; a person reads"
    " exactly what would happen and decides. You cannot decide, and asking again does not make it more likely."
    " Propose with `propose`, tell the person the address you get back, then use `watch` until the run has ended."
)


class Proposed(BaseModel):
    """A run, as far as it has come."""

    run: str
    state: str
    reason: str | None
    """Why it ended or is stuck, in words for a person."""
    waits_at: str | None
    """The address where a person reads the draft and decides, while it waits for one."""
    receipts: list[str]
    """The effects that happened; each has a receipt."""


class ReceiptFile(BaseModel):
    """A receipt's file, which anybody can check with `haloop verify` and the account's key."""

    file: str
    key: str


def make_server(address: str, token: str) -> MCPServer:
    """The tools, on behalf of one agent."""
    server = MCPServer("haloop", title="Haloop", instructions=INSTRUCTIONS)

    @asynccontextmanager
    async def reached() -> AsyncIterator[Client]:
        async with Client(address, token) as client:
            yield client

    @server.tool()
    @_told
    async def what_can_be_asked() -> list[DeskOut]:
        """List what can be proposed here: desks, their procedures, and a JSON schema for each argument."""
        async with reached() as client:
            return await client.desks()

    @server.tool()
    @_told
    async def propose(desk: str, procedure: str, arguments: dict[str, Any], key: str | None = None) -> Proposed:
        """Propose something. Nothing happens before a person has read it and said yes. The same key proposes once."""
        async with reached() as client:
            run = await client.ask(desk, procedure, arguments, key=key)
            return await _watched(client, run, seconds=5.0, until_waiting=True)

    @server.tool()
    @_told
    async def watch(run: str, seconds: int = 20) -> Proposed:
        """Wait until a run has ended, for up to 60 seconds. Call it again while the run waits for a person."""
        async with reached() as client:
            return await _watched(client, run, seconds=min(max(seconds, 0), WATCH_SECONDS_MAX), until_waiting=False)

    @server.tool()
    @_told
    async def withdraw(run: str, reason: str = "") -> Proposed:
        """Take back what you proposed, while nobody has decided."""
        async with reached() as client:
            shown = await client.run(run)
            for gate in [await client.gate(one) for one in shown.gates]:
                if gate.status == "open":
                    await client.withdraw(gate.id, reason=reason)
            return await _watched(client, run, seconds=5.0, until_waiting=True)

    @server.tool()
    @_told
    async def read_receipt(run: str, effect: str) -> ReceiptFile:
        """Read the receipt of an effect that happened in a run of yours."""
        async with reached() as client:
            found = [one for one in await client.receipts(run) if one.effect == effect]
            if not found:
                raise ToolError(f"{effect!r} did not happen in {run}, so there is no receipt of it.")
            file = (await client.receipt_file(found[0])).decode()
            return ReceiptFile(file=file, key=await client.verifier_key())

    return server


def _told(tool: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """A refusal is something for the model to read, with what to do next."""

    @wraps(tool)
    async def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await tool(*args, **kwargs)
        except HaloopError as error:
            raise ToolError(f"{error.sentence} {error.next_step} ({error.code})") from error

    return asked


async def _watched(client: Client, run: str, *, seconds: float, until_waiting: bool) -> Proposed:
    """A run once it has ended, or waits where that is enough, or time is up."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + seconds
    while True:
        shown = await client.run(run)
        is_enough = until_waiting and shown.state is RunState.WAITS_FOR_YOU
        if shown.state not in _STILL or is_enough or loop.time() >= ends_at:
            return _proposed(client, shown)
        await asyncio.sleep(_LOOK_SECONDS)


def _proposed(client: Client, shown: RunDetail) -> Proposed:
    happened = [told.says["effect"] for told in shown.trail if told.kind == "effect.happened" and told.says]
    waits = shown.state is RunState.WAITS_FOR_YOU
    return Proposed(
        run=shown.id,
        state=shown.state.value,
        reason=shown.reason,
        waits_at=f"{client.address}/" if waits else None,
        receipts=happened,
    )
