"""What is under way outside, so that the end of the process can wait for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """The tasks of one engine."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Do something outside; whoever asked is told by what the work does at its end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel(self) -> None:
        """Let nothing more come of what is under way."""
        for task in list(self._tasks):
            task.cancel()

    async def end(self) -> None:
        """Cancel what is under way, and wait until all of it has noticed."""
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
