"""Attempts that are being ended: each to the last, also where whoever asked for that asks no more."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from haloop.ports.agents import AttemptId


class Endings:
    """Those under way, until nothing of them is there."""

    def __init__(self) -> None:
        self._under_way: dict[AttemptId, asyncio.Task[None]] = {}

    def __bool__(self) -> bool:
        return bool(self._under_way)

    async def see_through(self, attempt: AttemptId, end: Coroutine[Any, Any, None]) -> None:
        """End it, and wait for that as long as somebody does."""
        ending = self._under_way[attempt] = asyncio.create_task(end)
        ending.add_done_callback(lambda _: self._under_way.pop(attempt, None))
        await asyncio.shield(ending)

    async def gone(self, attempt: AttemptId) -> None:
        """Wait until nothing of an attempt is there that is being ended."""
        if ending := self._under_way.get(attempt):
            await asyncio.wait({ending})

    async def first(self) -> None:
        """Wait until one of them is over."""
        await asyncio.wait(self._under_way.values(), return_when=asyncio.FIRST_COMPLETED)

    async def all(self) -> None:
        """Wait until all of them are."""
        if self._under_way:
            await asyncio.wait(self._under_way.values())
