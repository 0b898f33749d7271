"""A browser's first word."""

from pydantic import BaseModel, Field


class VisitOut(BaseModel, frozen=True):
    """Where a browser opens the page once."""

    path: str


class Visit(BaseModel, extra="forbid", strict=True):
    key: str = Field(min_length=1, max_length=100)
