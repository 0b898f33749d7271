"""A port for where people talk: what they write from there comes in as letters, and each is answered there.

A letter asks, as `haloop ask` does; nothing in one ever decides. Whatever stands behind this port says who wrote only
what it has checked, and never hands on what a machine sent. It keeps letters in an order of its own, so that whoever
reads them goes on where they stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from haloop.kernel.errors import HaloopError


class Unread(StrEnum):
    """Why something that came is no letter for us. Nobody is answered."""

    AUTOMATIC = "automatic"
    """A machine sent it: an answer by itself, a report, a list's mail. To answer those is to begin a loop."""
    UNCHECKED = "unchecked"
    """Nobody vouches for whoever it says has sent it."""
    UNKNOWN = "unknown"
    """It is to or from nobody here."""
    OLD = "old"
    """It lay too long: what is meant by tomorrow is over."""
    TOO_MANY = "too_many"
    """Its sender writes more often than is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where something stands among all that came; a mark of another series says nothing in this one."""

    series: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a person wrote."""

    id: str
    """Its sender's own name for it: the same twice is the same letter."""
    sender: str
    """Who wrote it, as it was checked."""
    key: str
    """What only they know of where to write to."""
    subject: str
    words: str
    """What they wrote themselves, without what they quote."""
    language: str
    """As they say it is; empty where they do not."""
    thread: tuple[str, ...]
    """The names of what was written before in the same conversation, the oldest first, ours among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Something that came."""

    mark: Mark
    what: Letter | Unread


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer to a letter."""

    id: str
    """The same each time the same is answered, so that a repetition is known for one."""
    letter: Letter
    subject: str
    lines: tuple[str, ...]
    link: str
    """Where to read all of it, and decide; empty where there is nothing to see."""
    footer: str
    at: int


class NotRead(HaloopError):
    """Nothing can be read there just now."""

    code = "letters.unread"
    next_step = "It is tried again by itself."


class Letterbox(Protocol):
    """Where letters come in."""

    async def newer(self, after: Mark | None) -> Sequence[Received]:
        """Some of what came after a mark, the oldest first; nothing where there is no more. NotRead where it fails."""
        ...

    async def again(self, mark: Mark) -> Received | None:
        """The same once more; none where it is not there any more."""
        ...

    async def answer(self, reply: Reply) -> str:
        """Send an answer, and say under which name it stands in the conversation; NotTold where that did not work."""
        ...

    def name_of(self, reply: str) -> str:
        """The name under which an answer stands in its conversation."""
        ...

    async def check(self) -> None:
        """Ask whether it answers; raises StepFault where it does not."""
        ...
