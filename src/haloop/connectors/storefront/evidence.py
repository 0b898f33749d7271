"""What a visit saw when it failed: kept with its run, so that a person can see what happened."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from haloop.ports.storefront import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One file."""

    name: str
    media_type: str
    content: bytes


Keep: TypeAlias = Callable[[Visit, Evidence], Awaitable[None]]
"""Gives a file to the run of a visit."""
