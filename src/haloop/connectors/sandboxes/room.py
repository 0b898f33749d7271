"""How many sandboxes are at work at once, and whether the machine has the memory that all of them may use together."""

import os

from haloop.connectors.sandboxes.cgroups import memory_max
from haloop.ports.sandboxes import Limits

AT_ONCE_MAX = 8
"""More have to be asked for: agents wait for their models most of the time, and each may use two gigabytes."""
_OF_EACH_PROCESSOR = 2
_GIGABYTE = 1 << 30


def at_once(wanted: int) -> int:
    """As many as the settings say; where they say none, two for each processor, if there is memory for so many."""
    fit = memory_bytes() // Limits().memory_bytes
    return wanted or max(1, min(AT_ONCE_MAX, _OF_EACH_PROCESSOR * len(os.sched_getaffinity(0)), fit))


def memory_bytes() -> int:
    """What this machine has, or what we are given of it where that is less: in a container, say."""
    return int(min(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), memory_max()))


def too_many(count: int, memory: int) -> str:
    """How many there is memory for, in a sentence, where that is fewer; nothing where all have enough."""
    each = Limits().memory_bytes
    if count * each <= memory:
        return ""
    return (
        f"{count} at once may use {count * each / _GIGABYTE:.0f} GB, and there are {memory / _GIGABYTE:.1f} GB: "
        f"enough for {max(1, memory // each)}."
    )
