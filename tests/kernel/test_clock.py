"""Time: two clocks read together, so that somebody who moves the wall clock is noticed and sleep is not."""

import pytest

from haloop.kernel.clock import Reading, SystemClock, as_datetime, as_text, wall_jump

SECOND = 1_000_000
NOON = Reading(wall=1_760_000_000 * SECOND, boot=500 * SECOND)


def later(*, wall: int, boot: int) -> Reading:
    return Reading(wall=NOON.wall + wall, boot=NOON.boot + boot)


@pytest.mark.parametrize(
    ("wall", "boot", "jump"),
    [
        (0, 0, 0),
        (86_400 * SECOND, 86_400 * SECOND, 0),
        (60 * SECOND, 0, 0),
        (-60 * SECOND, 0, 0),
        (60 * SECOND + 1, 0, 60 * SECOND + 1),
        (-60 * SECOND - 1, 0, -60 * SECOND - 1),
        (3_600 * SECOND, 30 * SECOND, 3_570 * SECOND),
        (0, 3_600 * SECOND, -3_600 * SECOND),
    ],
)
def test_only_a_moved_wall_clock_is_a_jump(wall: int, boot: int, jump: int) -> None:
    """More than a minute between what both clocks say passed is a jump of that size; a minute is not."""
    assert wall_jump(NOON, later(wall=wall, boot=boot)) == jump


def test_this_machines_clocks_go_forward() -> None:
    """Two readings in a row: boot time does not go back, and no jump lies between them."""
    first, second = SystemClock().read(), SystemClock().read()
    assert second.boot >= first.boot
    assert wall_jump(first, second) == 0
    assert as_datetime(first.wall).year >= 2025


@pytest.mark.parametrize(
    ("ts", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_760_000_000_123_456, "2025-10-09T08:53:20.123Z"),
        (1_760_000_000_999_999, "2025-10-09T08:53:20.999Z"),
    ],
)
def test_a_timestamp_reads_as_utc(ts: int, text: str) -> None:
    """People and logs read ISO, UTC, milliseconds, never rounded into the next second."""
    assert as_text(ts) == text
    assert as_datetime(ts).tzinfo is not None
    assert as_datetime(ts).microsecond == ts % SECOND
