"""A disk that gives a test time: slow, so that nothing is durable yet, or full, until there is room again."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from haloop.store.home import Ballast, Room
from haloop.store.sqlite import SqliteLedger
from haloop.testing.practice import Practice


class FullDisk(Ballast):
    """Finds no room, however often it looks."""

    def look(self) -> Room:
        return Room.OUTCOMES_ONLY


@contextmanager
def full_disk(ledger: SqliteLedger) -> Iterator[None]:
    """For so long only how effects ended is written; afterwards there is room again."""
    limits = ledger._limits
    there_is, limits._ballast = limits._ballast, FullDisk(limits._ballast._path)
    limits._room = Room.OUTCOMES_ONLY
    try:
        yield
    finally:
        limits._ballast = there_is
        limits._room_seen_at = float("-inf")  # whoever writes next looks again


class HeldDisk:
    """From now on nothing more reaches the disk; when it is let go everything does, in one go."""

    def __init__(self, house: Practice) -> None:
        self.is_held = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._may_go_on = threading.Event()
        self._holding = asyncio.ensure_future(house.ledger._writer.do(self._hold))

    async def let_go(self) -> None:
        self._may_go_on.set()
        await self._holding

    def _hold(self, _connection: object) -> None:
        self._loop.call_soon_threadsafe(self.is_held.set)
        self._may_go_on.wait(5)


@asynccontextmanager
async def slow_disk(house: Practice) -> AsyncIterator[None]:
    """For so long nothing reaches the disk."""
    disk = HeldDisk(house)
    await disk.is_held.wait()
    try:
        yield
    finally:
        await disk.let_go()
