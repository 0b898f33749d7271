"""The gateway: for each attempt that asks for a model a socket of its own, and a door behind it.

The socket lies in a folder that only we can enter, so nobody but the sandbox into which it is brought finds it; there
it is open to whoever the program is. Those of an earlier start are removed, whatever became of that.
"""

import asyncio
import os
import shutil
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import uvicorn

from haloop.connectors.egress import Network as Outside
from haloop.connectors.egress import open_way
from haloop.connectors.gateway.connections import CONNECTIONS_MAX, SECONDS_IDLE, Connection
from haloop.connectors.gateway.door import SECONDS_TO_READ_ON, Door
from haloop.connectors.gateway.prices import Prices
from haloop.connectors.gateway.providers import Provider, Upstream
from haloop.connectors.gateway.reserving import Reserving
from haloop.kernel.clock import Clock, SystemClock
from haloop.kernel.failure import Permanent
from haloop.ports.agents import Task
from haloop.ports.models import Cost, Spender, Spending
from haloop.ports.sandboxes import Network

FOLDER = Path("runtime") / "gateway"
"""In the home."""
_SOCKET = "model.sock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One attempt's way to its model."""

    provider: Provider
    at: Path
    """The socket."""
    door: Door
    _opened: AsyncExitStack

    @property
    def spent(self) -> str:
        """Why a call was refused for which too little was left; empty while none was."""
        return self.door.spent.result() if self.door.spent.done() else ""

    @property
    def was_reached(self) -> bool:
        """Whether anything came in by it; to_model.sh has something do so before the agent begins."""
        return self.door.was_reached

    @property
    def use(self) -> Cost:
        """What the attempt used so far; of a call that has not ended, what is reserved for it."""
        return self.door.use

    async def close(self) -> None:
        """Nothing goes through any more; an answer that comes is read a little longer, for what it used."""
        self.door.close()
        await self._opened.aclose()


class Gateway:
    """All of them, for one home."""

    def __init__(
        self,
        upstreams: Mapping[Provider, Upstream],
        *,
        folder: Path,
        spending: Spending,
        prices: Prices,
        clock: Clock | None = None,
        outside: Outside | None = None,
    ) -> None:
        self._upstreams = upstreams
        self._folder = folder
        self._spending = Reserving(spending, clock or SystemClock())
        self._prices = prices
        self._outside = outside
        self._reading = asyncio.Lock()
        self._doors: dict[Door, str] = {}
        """Those that are open, and for which account."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def open(self, provider: Provider, task: Task, *, answer_tokens_max: int | None = None) -> Line:
        """A line for one attempt; Permanent where the settings name no such model.

        An answer whose length the agent does not bound is no longer than `answer_tokens_max`, where that is said.
        """
        upstream = self._upstreams.get(provider)
        if upstream is None:
            raise Permanent(
                f"{task.agent} asks {provider}'s models, and no key for them is set:"
                f" put it in a file and name that as gateway.{provider}_key_file."
            )
        async with AsyncExitStack() as opened:
            folder = self._folder / task.attempt
            folder.mkdir(mode=0o700)
            opened.callback(shutil.rmtree, folder, ignore_errors=True)
            door = Door(
                replace(upstream, answer_tokens_max=answer_tokens_max),
                await opened.enter_async_context(open_way(upstream.way, self._outside)),
                _spender(task),
                spending=self._spending,
                prices=self._prices,
                reading=self._reading,
                may_reach_out=task.network is not Network.NONE,
            )
            self._doors[door] = task.account
            opened.callback(self._doors.pop, door)
            await _serve(door, _bound(folder), opened)
            return Line(provider=provider, at=folder / _SOCKET, door=door, _opened=opened.pop_all())

    def stop(self, account: str, why: str) -> None:
        """End what goes through an account's lines, and let nothing more through those that are open."""
        for door, whose in self._doors.items():
            if whose == account:
                door.end(why)


def _spender(task: Task) -> Spender:
    return Spender(
        household=task.account,
        mission=task.mission,
        attempt=task.attempt,
        for_attempt=task.budget,
        for_mission=task.mission_budget,
    )


class _Server(uvicorn.Server):
    """Serves beside other work, and leaves signals to whoever has them."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    async def serve_at(self, at: socket.socket) -> None:
        try:
            await self._serve(sockets=[at])
        finally:
            self.is_up.set()  # one that ends at once must not be waited for

    def end(self) -> None:
        self.should_exit = True


async def _serve(door: Door, at: socket.socket, opened: AsyncExitStack) -> None:
    """Serve until what was opened is closed."""
    server = _Server(
        uvicorn.Config(
            door,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=SECONDS_IDLE,
            backlog=CONNECTIONS_MAX,  # all that wait there are taken at once, before the first of them is cut off
            timeout_graceful_shutdown=ceil(SECONDS_TO_READ_ON) + 1,
        )
    )
    serving = asyncio.create_task(server.serve_at(at))

    async def ended() -> None:
        server.end()
        await serving

    opened.push_async_callback(ended)
    await server.is_up.wait()


def _bound(folder: Path) -> socket.socket:
    """The socket, whatever the length of its path: the system takes no more than a hundred letters of one."""
    at = socket.socket(socket.AF_UNIX)
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        at.bind(f"/proc/self/fd/{inside}/{_SOCKET}")
        (folder / _SOCKET).chmod(0o666)
    except BaseException:
        at.close()
        raise
    finally:
        os.close(inside)
    return at
