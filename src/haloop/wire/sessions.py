"""A browser's first word, and the list of those that somebody is known in."""

from pydantic import BaseModel, Field

SESSION_HEADER = "X-Haloop-Session"
"""A cookie is sent to every port of a machine, so a session takes this too, which a page keeps for its own port."""


class SessionOut(BaseModel, frozen=True):
    """A session has begun; the cookie alone is not enough for it."""

    secret: str


class VisitOut(BaseModel, frozen=True):
    """Where a browser opens the page once."""

    path: str
    address: str
    """The same in full."""


class Visit(BaseModel, extra="forbid", strict=True):
    key: str = Field(min_length=1, max_length=100)


class SessionSeen(BaseModel, frozen=True):
    """One of your sessions, without what opens it."""

    id: str
    browser: str
    begun_at: str
    used_at: str
    """To some minutes."""
    ends_at: str
    """At the latest; after a week without use it is over sooner."""
    current: bool
    """Whether it is the one that asks."""
