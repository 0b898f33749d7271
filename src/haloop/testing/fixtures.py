"""Fixtures for the tests of a desk: write `pytest_plugins = ["haloop.testing.fixtures"]` into your conftest.

They need `pytest` and `pytest-asyncio` (the extra `testing` brings both), with `asyncio_mode = "auto"`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.testing.practice import Practice
from haloop.testing.provider import Provider

OpenPractice = Callable[[Desk, Connector], Awaitable[Practice]]


@pytest.fixture
def provider() -> Provider:
    """An outside system that has whatever trouble a test gives it, and a book that tells the truth."""
    return Provider()


@pytest.fixture
async def open_practice(tmp_path: Path) -> AsyncIterator[OpenPractice]:
    """Opens a small house with a desk and what stands behind its port: a real ledger, and a clock to move."""
    async with AsyncExitStack() as houses:

        async def opened(desk: Desk, *connectors: Connector) -> Practice:
            return await houses.enter_async_context(
                Practice.opened(tmp_path, desks=[desk], connectors=list(connectors))
            )

        yield opened
