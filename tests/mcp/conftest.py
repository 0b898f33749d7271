"""Agents at the door: the protocol's own client, over standard input and output, and over HTTP."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.session import ElicitationFnT
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from haloop.mcp.door import PATH, agents_door
from tests.api.conftest import Door, opened_door

PROGRAM = "from haloop.cli import main; main(['mcp'])"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """A practice house with both doors open."""
    async with opened_door(tmp_path) as door, agents_door(door.app, door.house):
        yield door


async def token_of(door: Door, name: str = "shopper") -> str:
    made = await door.client.post("/api/tokens", json={"agent": name})
    token: str = made.json()["token"]
    return token


@asynccontextmanager
async def over_http(
    door: Door, token: str, *, mode: str = "auto", elicitation: ElicitationFnT | None = None
) -> AsyncIterator[Client]:
    """A program that connects to the address."""
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
        transport = streamable_http_client(f"{door.address}{PATH}", http_client=http)
        async with Client(transport, mode=mode, elicitation_callback=elicitation) as client:
            yield client


@asynccontextmanager
async def over_stdio(
    door: Door, token: str, *, mode: str = "auto", elicitation: ElicitationFnT | None = None
) -> AsyncIterator[Client]:
    """A program that runs `haloop mcp`, as an editor would."""
    environment = {"HALOOP_ADDRESS": door.address, "HALOOP_TOKEN": token}
    command = StdioServerParameters(command=sys.executable, args=["-c", PROGRAM], env=environment)
    async with Client(stdio_client(command), mode=mode, elicitation_callback=elicitation) as client:
        yield client


WAYS = {"http": over_http, "stdio": over_stdio}


async def called(agent: Client, name: str, arguments: dict[str, Any] | None = None) -> Any:
    result = await agent.call_tool(name, arguments or {})
    assert not result.is_error, result.content
    return result.structured_content
