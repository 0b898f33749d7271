"""Events as they go over the wire."""

from typing import Any

from pydantic import BaseModel


class Told(BaseModel, frozen=True):
    """One event of a trail."""

    index: int
    """Its place in the account's tree."""
    kind: str
    at: str
    actor: str
    says: dict[str, Any] | None
    """The fact's plain fields; nothing where it was erased."""
