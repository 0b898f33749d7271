"""How many sandboxes are at work at once, and whether the machine has the memory that all of them may use together."""

import os
from collections.abc import Callable

from haloop.connectors.sandboxes.cgroups import memory_max
from haloop.ports.sandboxes import Limits

AT_ONCE_MAX = 8
"""More have to be asked for: agents wait for their models most of the time, and each may use two gigabytes."""
THERE_OF_EACH_TURN_MAX = 2
"""Sandboxes: one at work, and one where an agent waits for a person's answer."""
_OF_EACH_PROCESSOR = 2
_GIGABYTE = 1 << 30


def at_once(wanted: int, memory: int) -> int:
    """As many as the settings say; where they say none, two for each processor, if there is memory for so many."""
    of_processors = _OF_EACH_PROCESSOR * len(os.sched_getaffinity(0))
    return wanted or max(1, min(AT_ONCE_MAX, of_processors, _fit(memory)))


def memory_bytes(given: Callable[[], float] = memory_max) -> int:
    """What this machine has, or what we are given of it where that is less: in a container, say."""
    return int(min(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), given()))


def too_many(count: int, memory: int) -> str:
    """How many there is memory for, in a sentence, where that is fewer; nothing where all have enough."""
    if count <= _fit(memory):
        return ""
    all_of_them = THERE_OF_EACH_TURN_MAX * count * Limits().memory_bytes
    return (
        f"{count} at once, and as many whose agents wait for an answer, may use {all_of_them / _GIGABYTE:.0f} GB, "
        f"and there are {memory / _GIGABYTE:.1f} GB: enough for {max(1, _fit(memory))}."
    )


def _fit(memory: int) -> int:
    """So many may be at work at once, with all that may be there of them."""
    return memory // (THERE_OF_EACH_TURN_MAX * Limits().memory_bytes)
