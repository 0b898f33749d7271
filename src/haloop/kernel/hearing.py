"""Plain words, as a desk hears them: what somebody said becomes a request, a question back, or nothing.

A hearing is pure: the same words at the same moment are heard the same way, and nothing happens because of them. It
may have a model read the words for it, and is then handed what the model wrote: asking the model is not its business.
Whatever it took for granted it says in words, and whatever it did not take up. A conversation is all that was said
so far, the oldest first; an answer to a question is more words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias, runtime_checkable
from zoneinfo import ZoneInfo

from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadProcedure
from haloop.kernel.procedure import Request
from haloop.kernel.prompt import Prompt
from haloop.kernel.reader import Reader

QUESTIONS_MAX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that a hearing knows beside the words."""

    now: datetime
    zone: ZoneInfo
    """Where whoever speaks is, as far as clocks go."""
    language: str = "en"
    """What the words are in, as whoever speaks says."""
    defaults: Mapping[str, Mapping[str, Canonical]] = field(default_factory=dict)
    """By desk, what the account has set for what is not said."""


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
class Foreign:
    """Mine or not, it is in a language that I do not read, and half of it would be worse than nothing."""

    reads: str
    """The language that I do, as `en`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """Nobody here does this; what is done here, as sentences that would be understood."""

    examples: tuple[str, ...]
    reads: tuple[str, ...] = ()
    """The languages that are read here, where the words are in another."""


Outcome: TypeAlias = Heard | Asks | Foreign | None
"""What one desk makes of the words; None where they are not for it, or not understood."""


class Hearing(Protocol):
    """A desk's ear."""

    @property
    def examples(self) -> Sequence[str]:
        """Sentences that are understood without a question, for whoever wonders what to say."""
        ...

    def hear(self, said: Sequence[str], context: Context) -> Outcome:
        """What was said."""
        ...


@runtime_checkable
class ModelHearing(Hearing, Protocol):
    """An ear that can have a model read the words for it."""

    def prompt(self, said: Sequence[str], context: Context) -> Prompt:
        """What the model is asked."""
        ...

    def hear_written(self, said: Sequence[str], context: Context, written: str) -> Outcome:
        """What was said, by what the model wrote of it; Malformed where that is nothing it was asked for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The words with which a run was asked for, beside the request that they became."""

    words: tuple[str, ...]
    taken: tuple[str, ...]
    through: str = ""
    """Where the words came from, where that was no door of our own: `mail`."""
    reader: Reader = field(default_factory=Reader)

    def as_canonical(self) -> Canonical:
        came = {"through": self.through} if self.through else {}
        read = {"reader": self.reader.as_canonical()}
        return {"taken": list(self.taken), "words": list(self.words), **came, **read}
