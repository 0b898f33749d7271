"""What no system call limits: how long a program works, and how much its folder holds."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from haloop.connectors.sandboxes.folder import holds_more
from haloop.ports.sandboxes import End, Work

_log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
REST = 10
"""A look at a large folder takes long; this many times as long nobody looks."""


async def exceeded(work: Work) -> End:
    """Wait until it may not go on, and say why."""
    try:
        async with asyncio.timeout(work.limits.time.total_seconds()):
            await _seen(partial(holds_more, work.folder, work.limits.folder_bytes))
    except TimeoutError:
        return End.OUT_OF_TIME
    return End.OUT_OF_ROOM


async def exceeded_with(work: Work, besides: Callable[[], float]) -> End:
    """Wait until its folder and what else is said to be of it are too much together.

    That is a watch of its own: however long a look at the one takes, the other is not looked at less often.
    """
    await _seen(partial(_is_too_much, work, besides))
    return End.OUT_OF_ROOM


def found(watch: "asyncio.Task[End]") -> End:
    """What a watch that is over saw; where it failed, nobody watches the program any more, and it is stopped."""
    if (error := watch.exception()) is not None:
        _log.error("A sandbox could not be watched, so its program is stopped.", exc_info=error)
        return End.STOPPED
    return watch.result()


async def _seen(look: Callable[[], bool]) -> None:
    pause = LOOK_SECONDS
    while True:
        await asyncio.sleep(pause)
        started = time.monotonic()
        if await asyncio.to_thread(look):
            return
        pause = max(LOOK_SECONDS, REST * (time.monotonic() - started))


def _is_too_much(work: Work, besides: Callable[[], float]) -> bool:
    """Looked at twice: what it let go, or gave a name, after the first look would count again in the folder."""
    return all(_are_too_much(work, besides()) for _ in range(2))


def _are_too_much(work: Work, held: float) -> bool:
    left = work.limits.folder_bytes - held
    return held > 0 and (left < 0 or holds_more(work.folder, left))
