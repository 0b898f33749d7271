"""How an error is answered."""

from typing import Any

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """An answer that says no, or that something is wrong (RFC 9457)."""

    type: str
    title: str = Field(description="One sentence for the person who meets it.")
    status: int
    code: str = Field(description="Stable, for programs.")
    next_step: str = Field(description="What to do about it.")
    executed: bool | None = Field(description="Whether anything was done; null where nobody can say.")
    request_id: str
    errors: list[dict[str, str]] | None = None
    difference: list[dict[str, Any]] | None = None
    gate: dict[str, Any] | None = None
