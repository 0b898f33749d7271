"""A site of the town, over HTTP, where each household is a guest of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Self

from httpx2 import AsyncClient, Timeout

TIMEOUT = timedelta(seconds=10)


class TownSite:
    """What the connectors to the town's sites share: the way there."""

    def __init__(self, http: AsyncClient) -> None:
        self.http = http

    @classmethod
    @asynccontextmanager
    async def opened(cls, address: str, *, patience: timedelta = TIMEOUT) -> AsyncIterator[Self]:
        """Speak to the site at an address."""
        timeout = Timeout(patience.total_seconds())
        async with AsyncClient(base_url=address, timeout=timeout, trust_env=False) as http:
            yield cls(http)


def as_guest(household: str) -> dict[str, str]:
    """The header by which a household says who it is."""
    return {"Authorization": f"Bearer {household}"}
