"""Work that is the ledger's own: it is finished before the ledger closes, whoever began it.

An erasure goes on although the person who asked has gone away, and a moved clock is recorded although
nobody waits to hear of it.
"""

import asyncio
from collections.abc import Coroutine


class OwnWork:
    """Keeps hold of what is under way; the event loop alone would forget it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        """Start work that nobody needs to wait for."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self) -> None:
        """Wait for all of it; how it ended was told to whoever waited."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
