"""A gateway, whoever stands behind it, and somebody at the inner end of one of its lines."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from haloop.connectors.gateway.gateway import FOLDER, Gateway, Line
from haloop.connectors.gateway.prices import Prices
from haloop.connectors.gateway.providers import Provider, Upstream
from haloop.ports.agents import Artifact, Task
from haloop.ports.models import Budget
from haloop.serving import bind, served
from haloop.store.model_use import AgentUse

KEY = "sk-canary-of-the-gateway-5521"
DAY = Budget(tokens=1_000_000, usd="100")


@contextmanager
def gateway(home: Path, upstreams: Sequence[Upstream] = (), for_day: Budget = DAY) -> Iterator[Gateway]:
    """One that counts in this home."""
    with AgentUse.opened(home, for_day=for_day) as spending:
        yield Gateway(
            {one.provider: one for one in upstreams}, folder=home / FOLDER, spending=spending, prices=Prices.read()
        )


def task(**other: Any) -> Task:
    """One attempt."""
    said = {
        "account": "acc_ana",
        "run": "run_1",
        "mission": f"m-{uuid4()}",
        "attempt": f"r-{uuid4()}",
        "step": "cleanup",
        "name": "Cleanup",
        "agent": "claude",
        "given": Artifact(name="raw-input.md", digest="0" * 64, size=1),
        "output": "structured-text.md",
    }
    return Task(**{**said, **other})


@dataclass
class Host:
    """A provider that answers as it is told to, and remembers what it was asked."""

    address: str = ""
    answer: Callable[[Request], Awaitable[Response]] | None = None
    asked: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    def upstream(self, provider: Provider = Provider.ANTHROPIC) -> Upstream:
        at = f"{self.address}/v1" if provider is Provider.OPENAI else self.address
        return Upstream(provider=provider, address=at, key=KEY)

    def says(self, *said: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Several are events, one after the other; one is an answer at once."""

        async def answer(_: Request) -> Response:
            if len(said) == 1:
                return Response(json.dumps(said[0]), status, {"content-type": "application/json", **(headers or {})})
            return StreamingResponse(in_events(said), status, dict(headers or {}), media_type="text/event-stream")

        self.answer = answer


async def in_events(said: Sequence[object]) -> AsyncIterator[str]:
    for one in said:
        yield f"data: {json.dumps(one)}\n\n"


@asynccontextmanager
async def hosted() -> AsyncIterator[Host]:
    """The provider, until the end of the block."""
    host, app = Host(), FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def answer(request: Request) -> Response:
        at = f"{request.url.path}?{request.url.query}".rstrip("?")
        host.asked.append((at, dict(request.headers), await request.body()))
        host.was_asked.set()
        assert host.answer is not None
        return await host.answer(request)

    async with served(app, bind("127.0.0.1", 0)) as address:
        host.address = address.replace("localhost", "127.0.0.1")
        yield host


def open_files() -> int:
    """How many this process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@contextmanager
def found(line: Line) -> Iterator[str]:
    """A path of its socket that is not too long for one."""
    folder = os.open(line.at.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{line.at.name}"
    finally:
        os.close(folder)


@asynccontextmanager
async def inside(line: Line) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody at the inner end of a line, which is closed when they go."""
    with found(line) as at:
        try:
            transport = httpx2.AsyncHTTPTransport(uds=at)
            async with httpx2.AsyncClient(transport=transport, base_url="http://model", timeout=60) as client:
                yield client
        finally:
            await line.close()


@pytest.fixture
async def go_on() -> Callable[[float], None]:
    """Moves the clock of everything that waits for a time on this loop; it is not moved back, for the loop ends."""
    loop = asyncio.get_running_loop()
    time, moved = loop.time, 0.0

    def go_on(seconds: float) -> None:
        nonlocal moved
        moved += seconds

    vars(loop)["time"] = lambda: time() + moved
    return go_on


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with hosted() as host:
        yield host
