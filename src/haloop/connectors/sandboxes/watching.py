"""What no system call limits: how long a program works, and how much its folder holds."""

import asyncio
import logging
import time

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
            await _full(work)
    except TimeoutError:
        return End.OUT_OF_TIME
    return End.OUT_OF_ROOM


def found(watch: "asyncio.Task[End]") -> End:
    """What a watch that is over saw; where it failed, nobody watches the program any more, and it is stopped."""
    if (error := watch.exception()) is not None:
        _log.error("A sandbox could not be watched, so its program is stopped.", exc_info=error)
        return End.STOPPED
    return watch.result()


async def _full(work: Work) -> None:
    pause = LOOK_SECONDS
    while True:
        await asyncio.sleep(pause)
        started = time.monotonic()
        if await asyncio.to_thread(holds_more, work.folder, work.limits.folder_bytes):
            return
        pause = max(LOOK_SECONDS, REST * (time.monotonic() - started))
