"""Who hears of facts once they are durable: surfaces, streams, and the engine's own parts.

That an owner stops every agent is heard at once, by whoever has something to end then: a disk that takes no word of it
keeps nothing going.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from haloop.kernel.fact import Fact
from haloop.kernel.ids import AccountId, RunId

Listener = Callable[[AccountId, RunId, Fact], None]
Stopper = Callable[[AccountId], None]


class Listeners:
    """The listeners of one engine."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._stoppers: list[Stopper] = []

    def add(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def remove(self, listener: Listener) -> None:
        self._listeners.remove(listener)

    def add_stopper(self, stopper: Stopper) -> None:
        self._stoppers.append(stopper)

    def remove_stopper(self, stopper: Stopper) -> None:
        self._stoppers.remove(stopper)

    def tell(self, account: AccountId, run: RunId, fact: Fact) -> None:
        """Let everybody hear of a fact; what a listener makes of it is its own concern, and harms nobody."""
        for listener in list(self._listeners):  # one may go as it hears
            with _harming_nobody(f"A listener failed on {fact.kind} of {run}."):
                listener(account, run, fact)

    def tell_stopped(self, account: AccountId) -> None:
        """Have what agents do for an account ended."""
        for stopper in list(self._stoppers):
            with _harming_nobody(f"The agents of {account} were not all stopped."):
                stopper(account)


@contextmanager
def _harming_nobody(message: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  # a surface's mistake must not stop what was approved
        asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})
