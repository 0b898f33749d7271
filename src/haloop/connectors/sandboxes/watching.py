"""What no system call limits: how long a program works, and how much its folder holds."""

import asyncio
import logging
import time
from collections.abc import Callable

from haloop.connectors.sandboxes.folder import holds_more
from haloop.ports.sandboxes import End, Work

_log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
REST = 10
"""A look at a large folder takes long; this many times as long nobody looks."""


def _nothing() -> float:
    return 0


async def exceeded(work: Work, besides: Callable[[], float] = _nothing) -> End:
    """Wait until it may not go on, and say why; besides what its folder holds counts what is said to be of it too."""
    try:
        async with asyncio.timeout(work.limits.time.total_seconds()):
            await _full(work, besides)
    except TimeoutError:
        return End.OUT_OF_TIME
    return End.OUT_OF_ROOM


def found(watch: "asyncio.Task[End]") -> End:
    """What a watch that is over saw; where it failed, nobody watches the program any more, and it is stopped."""
    if (error := watch.exception()) is not None:
        _log.error("A sandbox could not be watched, so its program is stopped.", exc_info=error)
        return End.STOPPED
    return watch.result()


async def _full(work: Work, besides: Callable[[], float]) -> None:
    pause = LOOK_SECONDS
    while True:
        await asyncio.sleep(pause)
        started = time.monotonic()
        if await asyncio.to_thread(_is_full, work, besides):
            return
        pause = max(LOOK_SECONDS, REST * (time.monotonic() - started))


def _is_full(work: Work, besides: Callable[[], float]) -> bool:
    left = work.limits.folder_bytes - besides()
    return left < 0 or holds_more(work.folder, left)
