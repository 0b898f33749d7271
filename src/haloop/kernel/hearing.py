"""Plain words, as a desk hears them: what somebody said becomes a request, a question back, or nothing.

A hearing is pure: the same words at the same moment are heard the same way, and nothing happens because of them.
Whatever it took for granted it says in words, and whatever it did not take up. A conversation is all that was said
so far, the oldest first; an answer to a question is more words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadProcedure
from haloop.kernel.procedure import Request

QUESTIONS_MAX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that a hearing knows beside the words."""

    now: datetime
    zone: ZoneInfo
    """Where whoever speaks is, as far as clocks go."""
    language: str = "en"
    """What the words are in, as whoever speaks says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Understood."""

    request: Request[Any]
    taken: tuple[str, ...] = ()
    """What was taken for granted and what was not taken up, each in a sentence: `"7" was taken for 19:00.`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something that only whoever speaks can know."""

    asks: str
    choices: tuple[str, ...] = ()
    """Words that would answer it; other words may too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """It is mine, but something is missing or could mean two things."""

    questions: tuple[Question, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.questions) <= QUESTIONS_MAX:
            raise BadProcedure(f"A hearing asks one or {QUESTIONS_MAX} questions at a time.", code="hearing.questions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """Nobody here does this; what is done here, as sentences that would be understood."""

    examples: tuple[str, ...]


class Hearing(Protocol):
    """A desk's ear."""

    @property
    def examples(self) -> Sequence[str]:
        """Sentences that are understood without a question, for whoever wonders what to say."""
        ...

    def hear(self, said: Sequence[str], context: Context) -> Heard | Asks | None:
        """What was said; None where it is not for this desk, or not understood."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The words with which a run was asked for, beside the request that they became."""

    words: tuple[str, ...]
    taken: tuple[str, ...]

    def as_canonical(self) -> Canonical:
        return {"taken": list(self.taken), "words": list(self.words)}
