"""How far a long piece of work has come, for whoever sits in front of it."""

import sys
import time
from types import TracebackType
from typing import Self

_SECONDS_BEFORE = 1.0
_SECONDS_BETWEEN = 0.2


class Progress:
    """A counter on stderr: only on a terminal, and only once the work takes longer than a moment."""

    def __init__(self, done: str) -> None:
        self._done = done
        self._started = time.monotonic()
        self._next = self._started + _SECONDS_BEFORE
        self._shown = False

    def __call__(self, events: int) -> None:
        now = time.monotonic()
        if now >= self._next and sys.stderr.isatty():
            self._next = now + _SECONDS_BETWEEN
            self._shown = True
            print(f"\r{events:,} events {self._done}", end="", file=sys.stderr, flush=True)

    @property
    def milliseconds(self) -> int:
        """How long it has taken so far."""
        return round((time.monotonic() - self._started) * 1000)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
