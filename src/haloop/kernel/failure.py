"""How a step can fail, in the words a connector uses to say whether trying again makes sense."""

from enum import StrEnum


class Failure(StrEnum):
    """The classes of failure that are recorded with each attempt."""

    TRANSIENT = "transient"
    """It may work in a moment."""
    RATE_LIMITED = "rate_limited"
    """It will work once we have waited as long as we were told."""
    MALFORMED = "malformed"
    """What came back could not be understood; once more, then no more."""
    PERMANENT = "permanent"
    """It will not work, however often."""
    INTERRUPTED = "interrupted"
    """The process ended in the middle of a step that must not run twice."""


class StepFault(Exception):
    """Raised by a connector that knows what went wrong."""

    failure = Failure.PERMANENT


class Transient(StepFault):
    failure = Failure.TRANSIENT


class Permanent(StepFault):
    failure = Failure.PERMANENT


class Malformed(StepFault):
    failure = Failure.MALFORMED


class RateLimited(StepFault):
    """The outside asked us to come back later."""

    failure = Failure.RATE_LIMITED

    def __init__(self, sentence: str, *, after_seconds: float) -> None:
        super().__init__(sentence)
        self.after_seconds = after_seconds
