"""A browser's first word."""

from pydantic import BaseModel, Field


class SessionOut(BaseModel, frozen=True):
    """A session has begun; the cookie alone is not enough for it."""

    secret: str


class VisitOut(BaseModel, frozen=True):
    """Where a browser opens the page once."""

    path: str


class Visit(BaseModel, extra="forbid", strict=True):
    key: str = Field(min_length=1, max_length=100)
