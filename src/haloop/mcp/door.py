"""The agents' door over streamable HTTP, at one address of the same server and behind the same doorkeeper.

Whoever comes shows an agent's token with every request; a person's session and the machine's own token are turned
away, because a model that holds them would be that person. What speaks the protocol is loaded with the first agent,
so that a start waits for none.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from typing import TypeAlias

from fastapi import FastAPI
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from haloop.api.asking import caller_of, same_site
from haloop.api.house import House
from haloop.api.rates import Rates
from haloop.identity import Caller, NotAllowed

PATH = "/mcp"
SECONDS_TO_FINISH = 3.0
"""So long a call may go on once the process is told to end."""

_OpenSessions: TypeAlias = Callable[[ASGIApp], AbstractAsyncContextManager[ASGIApp]]


@asynccontextmanager
async def agents_door(app: FastAPI, house: House) -> AsyncIterator[None]:
    """The door stands open at an application until the end of the block."""
    door = _Door(app, house)
    app.router.routes.append(door.route)
    try:
        yield
    finally:
        await door.close()


class _Door:
    def __init__(self, app: FastAPI, house: House) -> None:
        self.route = Route(PATH, endpoint=self, methods=["POST", "DELETE"])
        self._app = app
        self._house = house
        self._opening = asyncio.Lock()
        self._closing = asyncio.Event()
        self._sessions: ASGIApp | None = None
        self._living: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self.route  # for whoever notes how the request ended
        request = Request(scope, receive)
        await same_site(request)
        caller = await caller_of(request, None)
        _require_agent(caller)
        rates: Rates = self._app.state.rates
        rates.calls.take(f"{caller.account} {caller.actor}", self._house.engine.world.now())
        sessions = await self._opened()
        await self._while_open(sessions(scope, receive, send))

    async def close(self) -> None:
        self._closing.set()
        if self._living is not None:
            await self._living

    async def _opened(self) -> ASGIApp:
        async with self._opening:
            if self._sessions is None:
                opened: asyncio.Future[ASGIApp] = asyncio.get_running_loop().create_future()
                self._living = asyncio.create_task(self._live(opened))
                await asyncio.wait((opened, self._living), return_when=asyncio.FIRST_COMPLETED)
                if not opened.done():
                    await self._living  # it says why it could not be opened
                self._sessions = opened.result()
            return self._sessions

    async def _live(self, opened: "asyncio.Future[ASGIApp]") -> None:
        """Sessions end in the task in which they began."""
        module = await asyncio.to_thread(import_module, "haloop.mcp.sessions")
        open_sessions: _OpenSessions = module.open_sessions
        async with open_sessions(self._app) as sessions:
            opened.set_result(sessions)
            await self._closing.wait()

    async def _while_open(self, call: Awaitable[None]) -> None:
        """Whatever goes on when the process is told to end comes to its end soon, or is let go."""
        calling = asyncio.ensure_future(call)
        closing = asyncio.ensure_future(self._house.closing.wait())
        try:
            await asyncio.wait((calling, closing), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((calling,), timeout=SECONDS_TO_FINISH)
        finally:
            closing.cancel()
            calling.cancel()
        if calling.done() and not calling.cancelled():
            calling.result()


def _require_agent(caller: Caller) -> None:
    if caller.person is not None:
        raise NotAllowed(
            "This door is for agents: with a person's key, a model would be that person.",
            code="identity.person_at_agents_door",
            next_step="Make a token with haloop tokens new NAME, and give the agent that one.",
        )
