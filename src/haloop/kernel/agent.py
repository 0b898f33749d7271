"""Agents: programs that may propose and see what they proposed, under a token of their own; they never decide."""

import re
from dataclasses import dataclass
from typing import ClassVar

from haloop.kernel.errors import BadEntry
from haloop.kernel.presented import Presented

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,59}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentToken:
    """A token as the ledger knows it."""

    id: str
    agent: str
    """The name that the record has for whoever holds it."""
    hash: str
    expires_at: int
    """Microseconds since 1970."""
    desks: frozenset[str] | None = None
    """The desks it may ask; any, where nobody said which."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.agent):
            raise BadEntry(
                "An agent's name is up to 60 small letters, digits, dots and dashes, and begins with a letter.",
                code="token.name",
            )


class PresentedToken(Presented):
    """A token as somebody shows it."""

    __slots__ = ()
    prefix: ClassVar[str] = "hal"
