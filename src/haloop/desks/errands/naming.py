"""Which of a household's own things a name means."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from haloop.desks.errands.words.spelling import one_slip_apart

T = TypeVar("T")


def named(name: str, things: Sequence[T], name_of: Callable[[T], str]) -> list[T]:
    """Those that a name means: by all of its words, else by some, else but for a slip of the pen."""
    said = _words(name)
    for fits in (set.__eq__, set.__le__, set.__ge__, _is_slip):
        found = [one for one in things if said and fits(said, _words(name_of(one)))]
        if found:
            return found
    return []


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", name.casefold())) - {"the"}


def _is_slip(said: set[str], name: set[str]) -> bool:
    return all(any(one_slip_apart(word, other) for other in name) for word in said)
