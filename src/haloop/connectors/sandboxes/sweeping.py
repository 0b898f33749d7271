"""What an earlier start of this home left at work, ended and gone, with whichever provider it worked then.

A program that somehow works on would write in the folder where the next attempt of its step works, so this is done
before anything starts.
"""

import asyncio
import logging
from contextlib import AsyncExitStack

from haloop.connectors.sandboxes.choosing import Wanted, provider
from haloop.kernel.failure import StepFault
from haloop.ports.sandboxes import Sandboxes

_log = logging.getLogger(__name__)

_SECONDS = 30.0
"""Whom we do not work with keeps us no longer from starting."""


async def sweep(wanted: Wanted, at_work: Sandboxes | None) -> None:
    """Sweep every provider that answers; the one that we work with is open already."""
    if at_work is not None:
        await remove_all(at_work)
    for name in wanted.used:
        if at_work is None or name != at_work.name:
            await _sweep_other(name, wanted)


async def _sweep_other(name: str, wanted: Wanted) -> None:
    try:
        async with asyncio.timeout(_SECONDS), AsyncExitStack() as opened:
            await remove_all(provider(name, wanted, opened))
    except (StepFault, TimeoutError, OSError) as error:
        _log.info("%s does not answer, so nothing of an earlier start was removed there: %s", name, error)


async def remove_all(sandboxes: Sandboxes) -> int:
    """Leave nothing of what an earlier start of this home left running, and say how much there was.

    What cannot be removed now keeps nobody from starting; the next start finds it again.
    """
    left = await sandboxes.left()
    for one in left:
        try:
            await sandboxes.remove(one.name)
        except (StepFault, OSError) as error:
            _log.warning("a sandbox of an earlier start is still there", extra={"code": type(error).__name__})
    return len(left)
