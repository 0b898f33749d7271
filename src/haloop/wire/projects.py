"""The linked project, as it goes over the wire."""

from pydantic import BaseModel, Field


class LinkedProjectOut(BaseModel, frozen=True):
    """What missions begun from now on work on."""

    path: str | None = None
    """None where no project is linked."""
    branch: str | None = None
    """What is checked out there."""
    commit: str | None = None
    problem: str | None = None
    """Why no step could begin with it now."""


class ProjectWanted(BaseModel, extra="forbid", strict=True):
    """A project to link in the place of an earlier one."""

    path: str = Field(min_length=1, max_length=4096)
    """A folder of the machine that Haloop runs on, from its root."""
