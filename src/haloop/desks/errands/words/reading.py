"""What the built-in reader makes of somebody's words.

Either a wish (a verb and what goes with it), or that the words ask for nothing this desk does. Each thing that was
found says where in the words it stands, and whether it was said or only inferred; what was inferred has a sentence
about what it was taken for, because nothing is inferred silently. What is missing or has two readings becomes a
question, and there are never more than two of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Generic, NamedTuple, TypeAlias, TypeVar

QUESTIONS_MAX = 2

T = TypeVar("T")


class Verb(StrEnum):
    """What this desk does."""

    BOOK = "BOOK"
    CANCEL = "CANCEL"
    REORDER = "REORDER"

    @classmethod
    def of_wire(cls, word: str) -> "Verb":
        """A verb as others write it; raises ValueError for any that is not one."""
        return cls(_SYNONYMS.get(word, word))


_SYNONYMS = {"BOOK_APPOINTMENT": "BOOK", "CANCEL_SUBSCRIPTION": "CANCEL"}


class Span(NamedTuple):
    """Where in the words something stands: `text[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot(Generic[T]):
    """One thing that the words say, or that follows from them."""

    value: T
    spans: tuple[Span, ...]
    """Empty if no word says it: it then comes from the history, or follows from something else."""
    inferred: bool = False
    taken_for: str = ""
    """A sentence for the card; always there if it was inferred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A calendar day, or the few it may be; none at all if the words name one that does not exist."""

    on: date | None
    among: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A time of day: one, a window, or the few it may be."""

    at: time | None
    earliest: time
    latest: time
    among: tuple[time, ...] = ()
    is_part: bool = False
    """No hour was said, but a meal or a part of the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Day and hours together, as instants in the person's zone."""

    at: datetime | None
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something to order again."""

    name: str
    quantity: int = 1
    unit: str = ""
    order: str = ""
    """The earlier order it was found in, if it was."""


class Kind(StrEnum):
    """What is to be cancelled."""

    SUBSCRIPTION = "subscription"
    RESERVATION = "reservation"
    APPOINTMENT = "appointment"
    ORDER = "order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The thing to cancel; without a name it is still to be picked."""

    kind: Kind
    name: str = ""


class About(StrEnum):
    """What a question is about."""

    VERB = "verb"
    WHEN = "when"
    PARTY = "party"
    ITEMS = "items"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    about: About
    asks: str
    choices: tuple[str, ...] = ()
    """Answers that may be picked; each is understood when it is sent back."""


WHICH_ITEMS = Question(about=About.ITEMS, asks="What should be ordered again?")
WHICH_SUBSCRIPTION = Question(about=About.SUBJECT, asks="Which subscription should end?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants done; it may go on to a draft once no question is left."""

    verb: Verb
    day: Slot[Day] | None = None
    hours: Slot[Hours] | None = None
    when: When | None = None
    party: Slot[int] | None = None
    place: Slot[str] | None = None
    area: Slot[str] | None = None
    name: Slot[str] | None = None
    """Under whose name."""
    items: tuple[Slot[Item], ...] = ()
    usual: bool = False
    """Whether what was bought before is meant, whatever that was."""
    subject: Slot[Subject] | None = None
    questions: tuple[Question, ...] = ()


class Why(StrEnum):
    """Why nothing can be done with the words."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    LANGUAGE = "language"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """The words ask for nothing this desk does; the verbs that it does are its help."""

    why: Why
    sentence: str
    verbs: tuple[Verb, ...] = tuple(Verb)


Reading: TypeAlias = Wish | Unsupported


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOrder:
    """An order of this household, as the reader is handed it, the newest first."""

    id: str
    items: Sequence[Item]
