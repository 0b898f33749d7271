"""How a connector says that a call waits for its turn at something scarce, so that the run's trail can say it too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Hear: TypeAlias = Callable[[str, int], None]
"""Takes what is waited for and the place in the queue, 1 for whoever is next."""
HAS_COME = 0
"""The place of a call that has waited and whose turn it is now."""

_hears: ContextVar[Hear | None] = ContextVar("hears", default=None)


@contextmanager
def heard_by(hear: Hear) -> Iterator[None]:
    """For the call that is made inside."""
    token = _hears.set(hear)
    try:
        yield
    finally:
        _hears.reset(token)


def say_place(what: str, place: int) -> None:
    """Say it to the run that makes this call; where it is none, nobody hears."""
    hear = _hears.get()
    if hear is not None:
        hear(what, place)
