"""What time it is, as far as it can be believed.

People mean wall time, and anybody can turn that; boot time only counts forward. When the two have drifted apart
by more than a minute, somebody moved the clock. From then on nothing irreversible starts and nothing expires,
and time is told by boot time, until the clock is right again or an owner says that it is.
"""

from haloop.kernel.clock import Clock, wall_jump


class Timekeeper:
    """The engine's one source of time."""

    def __init__(self, clock: Clock, *, moved: int = 0) -> None:
        """The clock was moved by so much before, and nobody has said that it is right."""
        self._clock = clock
        reading = clock.read()
        self._trusted = reading._replace(wall=reading.wall - moved)
        self._moved = 0

    def now(self) -> int:
        """Microseconds since 1970."""
        reading = self._clock.read()
        self._moved = wall_jump(self._trusted, reading)
        return reading.wall - self._moved

    @property
    def moved(self) -> int:
        """By how many microseconds the wall clock was moved and nobody has said that it is right."""
        self.now()
        return self._moved

    def trust(self) -> None:
        """Somebody says that the clock is right as it is now."""
        self._trusted = self._clock.read()
