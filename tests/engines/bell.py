"""A bell that can be rung after a yes: the smallest desk there is."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from haloop.kernel.desk import Call, Connector, Desk, Draft, Effect, NotDone, Procedure, effect
from haloop.testing.practice import Practice
from haloop.testing.provider import Provider


class Bell(Protocol):
    """Something that can be rung."""

    @effect
    async def ring(self, times: int, call: Call) -> str | NotDone: ...


class TownBell:
    """The bell in the town."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    @effect
    async def ring(self, times: int, call: Call) -> str | NotDone:
        return await self.provider.act(call, lambda: f"rang {times} times")


class BellDraft(Draft):
    """How often it will ring."""

    ring: Effect[str]


def bell_house(
    folder: Path, provider: Provider, procedure: Procedure[..., Any]
) -> AbstractAsyncContextManager[Practice]:
    """A house with the bell and one thing to do with it."""
    bell = Connector(port=Bell, speaks=TownBell(provider), name="town")
    return Practice.opened(folder, desks=[Desk("bells", procedures=[procedure])], connectors=[bell])
