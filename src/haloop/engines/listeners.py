"""Who hears of facts once they are durable: surfaces, streams, and the engine's own parts."""

import asyncio
from collections.abc import Callable

from haloop.kernel.fact import Fact
from haloop.kernel.ids import AccountId, RunId

Listener = Callable[[AccountId, RunId, Fact], None]


class Listeners:
    """The listeners of one engine."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def add(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def remove(self, listener: Listener) -> None:
        self._listeners.remove(listener)

    def tell(self, account: AccountId, run: RunId, fact: Fact) -> None:
        """Let everybody hear of a fact; what a listener makes of it is its own concern, and harms nobody."""
        for listener in list(self._listeners):  # one may go as it hears
            try:
                listener(account, run, fact)
            except Exception as error:  # noqa: BLE001  # a surface's mistake must not stop what was approved
                asyncio.get_running_loop().call_exception_handler(
                    {"message": f"A listener failed on {fact.kind} of {run}.", "exception": error}
                )
