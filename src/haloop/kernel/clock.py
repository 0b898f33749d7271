"""Time is an argument: whoever needs it is handed a clock, and tests move theirs.

Two clocks are read together. The wall clock is what people mean, and anybody can turn it; boot time
only counts forward. When the two disagree by more than a minute the wall clock was moved, and that is
a fact for the ledger, because approvals and deadlines are told in wall time.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

JUMP_SECONDS_MAX = 60
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Reading(NamedTuple):
    """Both clocks at one moment, in microseconds."""

    wall: int
    """Since 1970, UTC."""
    boot: int
    """Since the machine started, suspended time included."""


class Clock(Protocol):
    def read(self) -> Reading: ...


class SystemClock:
    """This machine's clocks."""

    def read(self) -> Reading:
        return Reading(
            wall=time.time_ns() // 1_000,
            boot=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000,
        )


def boot_id() -> str:
    """Which start of this machine boot time counts from; empty where the system does not say."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


def wall_jump(before: Reading, after: Reading) -> int:
    """How many microseconds somebody moved the wall clock between two readings; 0 if nobody did."""
    moved = (after.wall - before.wall) - (after.boot - before.boot)
    return moved if abs(moved) > JUMP_SECONDS_MAX * _SECOND else 0


def as_datetime(ts: int) -> datetime:
    """A ledger timestamp as a zone-aware time."""
    return datetime.fromtimestamp(ts // _SECOND, tz=UTC).replace(microsecond=ts % _SECOND)


def as_text(ts: int) -> str:
    """A ledger timestamp as people and logs read it: ISO, UTC, milliseconds."""
    return as_datetime(ts).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_microseconds(when: datetime) -> int:
    """A zone-aware time as the ledger has it."""
    return (when - _EPOCH) // timedelta(microseconds=1)
