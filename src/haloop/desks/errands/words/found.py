"""One finding of a part of the grammar, and the rule by which findings never overlap."""

import re
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from haloop.desks.errands.words.pattern import Pattern
from haloop.desks.errands.words.text import taken

T = TypeVar("T")


class Found(NamedTuple, Generic[T]):
    """What was read between two places of the plain words."""

    start: int
    end: int
    value: T
    inferred: bool = False
    taken_for: str = ""


class Rule(NamedTuple, Generic[T]):
    """A pattern, and what it means where it matches; None if it means nothing there after all."""

    pattern: Pattern
    means: Callable[[re.Match[str]], Found[T] | None]


def rule(pattern: str, means: Callable[[re.Match[str]], Found[T] | None]) -> Rule[T]:
    return Rule(Pattern(pattern), means)


def apply(rules: Iterable[Rule[T]], words: str) -> tuple[list[Found[T]], str]:
    """Everything the rules find, first rules first, in the order of the words; and the words without it."""
    findings: list[Found[T]] = []
    for pattern, means in rules:
        for match in pattern.finditer(words):
            found = means(match)
            if found is not None:
                findings.append(found)
                words = taken(words, found.start, found.end)
    return sorted(findings, key=lambda found: found.start), words
