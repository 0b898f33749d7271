"""When a model is left alone: after three failures in a row, or because it asked for that."""

from dataclasses import dataclass

from haloop.kernel.clock import as_text
from haloop.kernel.failure import RateLimited

FAILURES_MAX = 3
REST_SECONDS = 300
REST_SECONDS_MAX = 3_600
"""However long somebody asks us to wait."""
_SECOND = 1_000_000


@dataclass(slots=True)
class Rest:
    """How often it failed in a row, and until when it rests."""

    failures: int = 0
    until: int = 0
    why: str = ""

    def require_over(self, now: int) -> None:
        """Raise RateLimited while it rests."""
        if now < self.until:
            raise RateLimited(self.sentence(), after_seconds=(self.until - now) / _SECOND)

    def sentence(self) -> str:
        return f"It is left alone until {as_text(self.until)}. {self.why}"

    def answered(self) -> None:
        """It works."""
        self.failures, self.until, self.why = 0, 0, ""

    def failed(self, why: str, now: int, *, asked_for_seconds: float = 0.0) -> None:
        """It did not; the third time in a row, or where it asks for it, it is left alone for a while."""
        self.failures += 1
        self.why = why
        seconds = REST_SECONDS if self.failures >= FAILURES_MAX else 0
        seconds = max(seconds, min(int(asked_for_seconds), REST_SECONDS_MAX))
        self.until = now + seconds * _SECOND if seconds else 0
