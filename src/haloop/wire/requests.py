"""What can be asked for, and what is asked, as it goes over the wire."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, Discriminator, Field, Tag

from haloop.kernel.reader import BUILT_IN

TURNS_MAX = 8
"""A conversation that is longer comes to nothing any more."""
WORDS_MAX = 1_000
Words: TypeAlias = Annotated[str, Field(min_length=1, max_length=WORDS_MAX)]


class Asked(BaseModel, extra="forbid", strict=True):
    """What is asked for: a desk's procedure, with its arguments."""

    desk: str
    procedure: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class AskedInWords(BaseModel, extra="forbid", strict=True):
    """The same in plain words, to a desk or to whichever does such things."""

    words: Words
    desk: str | None = None
    conversation: list[Words] = Field(default_factory=list, max_length=TURNS_MAX)
    """What was said before, the oldest first, where these words answer a question."""
    zone: str | None = Field(default=None, max_length=60)
    """Of whoever speaks, such as `Europe/Berlin`; where nothing is said, the one they keep, else the house's."""
    language: str = Field(default="en", max_length=35)


def _kind(asked: object) -> str:
    return "words" if isinstance(asked, AskedInWords) or (isinstance(asked, dict) and "words" in asked) else "typed"


Wanted = Annotated[
    Annotated[Asked, Tag("typed")] | Annotated[AskedInWords, Tag("words")],
    Discriminator(_kind),
]


class ReaderOut(BaseModel, frozen=True):
    """Who read somebody's words."""

    name: str = BUILT_IN
    """`builtin`, or the model and where it is."""
    instead: str = ""
    """Why it was the built-in reader although there is a model; empty otherwise."""


class Understood(BaseModel, frozen=True):
    """What words became."""

    desk: str
    procedure: str
    arguments: dict[str, Any]
    taken: list[str]
    """What was taken for granted, each in a sentence."""
    reader: ReaderOut = ReaderOut()


class Begun(BaseModel, frozen=True):
    """The run that does it."""

    outcome: Literal["begun"] = "begun"
    run: str
    understood: Understood | None = None
    """Where it was asked for in words."""


class QuestionOut(BaseModel, frozen=True):
    """Something that only whoever speaks can know."""

    asks: str
    choices: list[str]
    """Words that would answer it; other words may too."""


class AsksBack(BaseModel, frozen=True):
    """Nothing was begun yet: say more, with this conversation."""

    outcome: Literal["asks"] = "asks"
    questions: list[QuestionOut]
    conversation: list[str]


class NotSupported(BaseModel, frozen=True):
    """Nothing was begun: nobody here does this, or understood it."""

    outcome: Literal["unsupported"] = "unsupported"
    sentence: str
    examples: list[str]
    """Sentences that are understood here."""
    reads: list[str] = []
    """The languages that are read here, where the words are in another."""


Answered = Annotated[Begun | AsksBack | NotSupported, Field(discriminator="outcome")]


class Offered(BaseModel, frozen=True):
    """Something that can be asked for."""

    name: str
    version: int
    does: str
    """What it does, in its author's words."""
    takes: dict[str, Any]
    """A JSON schema for each argument."""


class DeskOut(BaseModel, frozen=True):
    """A desk, and what can be asked of it."""

    name: str
    procedures: list[Offered]
    examples: list[str] = []
    """Sentences that it understands; none where it takes typed requests alone."""
