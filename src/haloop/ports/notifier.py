"""A port for telling a person something where they are: that something waits for their answer, or went wrong.

A notice says that much, and where to look. It never says what it is about, no name, no amount, no draft, because it
passes through hands that are not ours; and nothing in it decides anything. It carries the account's newest
checkpoint, so that whoever keeps it is a witness of all that the ledger said until then.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from haloop.kernel.errors import HaloopError
from haloop.kernel.notice import NoticeKind

P_contra = TypeVar("P_contra", contravariant=True)


class Channel(StrEnum):
    """A way to reach a person."""

    MAIL = "mail"
    PUSH = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one person is told once, whichever way."""

    id: str
    """The same each time the same is told, so that a repetition is known for one."""
    kind: NoticeKind
    title: str
    lines: tuple[str, ...]
    link: str
    """Where it stands; whoever opens it has to say who they are."""
    settings: str
    """Where to say that one wants to be told no more."""
    checkpoint: str
    at: int
    """When it was put together."""
    until: int | None = None
    """When it is of no use any more."""
    revision: int | None = None
    """Of the gate that waits, if it is about one: a no to this notice is a no to no other revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A browser that asked to be told, as its push service names it."""

    endpoint: str
    p256dh: bytes
    """The device's public key: only it can read what is sent."""
    auth: bytes


class NotTold(HaloopError):
    """It was not told; perhaps it can be later."""

    code = "notice.not_told"
    next_step = "It is tried again by itself."

    def __init__(self, sentence: str, *, code: str = "", next_step: str = "", after_seconds: int = 0) -> None:
        super().__init__(sentence, code=code or self.code, next_step=next_step or self.next_step)
        self.after_seconds = after_seconds
        """So long at least whoever refused wants to be left alone."""


class NeverTold(NotTold):
    """It will not be told this way, however often it is tried."""

    code = "notice.refused"
    next_step = "Look at the address, with haloop notices; then try it with haloop notices test."


class PlaceGone(NeverTold):
    """There is nobody any more."""

    code = "notice.gone"
    next_step = "Nothing to do: the device is forgotten. Subscribe it again if it is still yours."


class Notifier(Protocol[P_contra]):
    """Tells people in one way."""

    async def tell(self, place: P_contra, notice: Notice) -> None:
        """Tell it once; NotTold where that did not work. Nobody waits long for this."""
        ...
