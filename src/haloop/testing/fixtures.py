"""Fixtures for the tests of a desk: write `pytest_plugins = ["haloop.testing.fixtures"]` into your conftest.

They need `pytest` and `pytest-asyncio` (the extra `testing` brings both), with `asyncio_mode = "auto"`.
"""

from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest

from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.testing.clock import MovableClock
from haloop.testing.practice import Practice
from haloop.testing.provider import Provider
from haloop.town.street import Town, serve_town


class OpenPractice(Protocol):
    """Opens a house."""

    def __call__(self, desk: Desk, *connectors: Connector) -> Awaitable[Practice]: ...


@pytest.fixture
def provider() -> Provider:
    """An outside system that has whatever trouble a test gives it, and a book that tells the truth."""
    return Provider()


@pytest.fixture
def clock() -> MovableClock:
    """The time in the house and in the town."""
    return MovableClock()


@pytest.fixture
async def town(clock: MovableClock) -> AsyncIterator[Town]:
    """The practice world, served on this machine: its books tell the truth, and its lines can be troubled."""
    async with serve_town(clock=clock) as served:
        yield served


@pytest.fixture
async def open_practice(tmp_path: Path, clock: MovableClock) -> AsyncIterator[OpenPractice]:
    """Opens a small house with a desk and what stands behind its port: a real ledger, and a clock to move."""
    async with AsyncExitStack() as houses:

        async def opened(desk: Desk, *connectors: Connector) -> Practice:
            return await houses.enter_async_context(
                Practice.opened(tmp_path, desks=[desk], connectors=list(connectors), clock=clock)
            )

        yield opened
