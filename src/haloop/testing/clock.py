"""A clock that stands still until somebody moves it."""

from datetime import timedelta

from haloop.kernel.clock import Reading

_SECOND = 1_000_000
START = 1_800_000_000 * _SECOND


class MovableClock:
    """Both clocks of a machine, in a test's hands."""

    def __init__(self, wall: int = START) -> None:
        self._wall = wall
        self._turned = 0
        self._boot = 1_000 * _SECOND

    def read(self) -> Reading:
        return Reading(wall=self._wall, boot=self._boot)

    def move(self, by: timedelta) -> None:
        """Time passes."""
        length = int(by.total_seconds() * _SECOND)
        self._wall += length
        self._boot += length

    def turn(self, by: timedelta) -> None:
        """Somebody turns the wall clock; no time passes."""
        length = int(by.total_seconds() * _SECOND)
        self._wall += length
        self._turned += length

    def set_right(self) -> None:
        """Somebody puts the wall clock back to where it belongs."""
        self._wall, self._turned = self.true_time(), 0

    def true_time(self) -> int:
        """What the wall clock would say if nobody had turned it; microseconds since 1970."""
        return self._wall - self._turned
