"""The newest signed checkpoint of each account, and who waits for the next one."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from haloop.kernel.checkpoint import Checkpoint, read_unverified
from haloop.kernel.errors import HaloopError
from haloop.kernel.ids import AccountId


@dataclass(frozen=True, slots=True)
class _Waiter:
    account: AccountId
    size: int
    future: "asyncio.Future[None]"


class Seals:
    """Kept on the event loop's thread; the writer's news arrive there."""

    def __init__(self) -> None:
        self._notes: dict[AccountId, str] = {}
        self._sizes: dict[AccountId, int] = {}
        self._waiters: list[_Waiter] = []
        self._ended: HaloopError | None = None

    def remember(self, account: AccountId, note: str) -> None:
        """Take up a checkpoint that was signed before this process started."""
        self._notes[account], self._sizes[account] = note, read_unverified(note).size

    def note(self, checkpoints: Mapping[AccountId, Checkpoint], notes: Mapping[AccountId, str]) -> None:
        """New checkpoints are stored and may be shown: wake whoever waited for them."""
        self._notes.update(notes)
        self._sizes.update({account: checkpoint.size for account, checkpoint in checkpoints.items()})
        satisfied = [waiter for waiter in self._waiters if self._covers(waiter.account, waiter.size)]
        self._waiters = [waiter for waiter in self._waiters if waiter not in satisfied]
        for waiter in satisfied:
            if not waiter.future.done():
                waiter.future.set_result(None)

    def fail(self, error: HaloopError) -> None:
        """Nothing will be signed any more: say so to whoever waits, now or later."""
        self._ended = error
        for waiter in self._waiters:
            if not waiter.future.done():
                waiter.future.set_exception(error)
        self._waiters = []

    async def wait(self, account: AccountId, size: int) -> str:
        """The newest note that covers a tree of this size, as soon as there is one."""
        if not self._covers(account, size):
            if self._ended is not None:
                raise self._ended
            waiter = _Waiter(account, size, asyncio.get_running_loop().create_future())
            self._waiters.append(waiter)
            await waiter.future
        return self._notes[account]

    def _covers(self, account: AccountId, size: int) -> bool:
        return self._sizes.get(account, 0) >= size
