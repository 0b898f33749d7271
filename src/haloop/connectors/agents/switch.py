"""The switch by which an owner stops every agent, as whoever is at work for an account feels it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

STOPPED = "An owner stopped every agent."


class Stopped(Exception):
    """What was done for an account was ended in the middle."""

    def __init__(self) -> None:
        super().__init__(STOPPED)


class Switch:
    """Ends what is under way for an account; what begins after that is not held up."""

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Timeout, str] = {}

    @asynccontextmanager
    async def until_stopped(self, account: str) -> AsyncIterator[None]:
        """Do it to its end, or until the account's agents are stopped: Stopped."""
        limit = asyncio.timeout(None)
        try:
            async with limit:
                self._under_way[limit] = account
                try:
                    yield
                finally:
                    del self._under_way[limit]
        except TimeoutError as error:
            if not limit.expired():
                raise  # it is somebody else's
            raise Stopped from error

    def stop(self, account: str) -> None:
        for limit, whose in self._under_way.items():
            if whose == account and not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())
