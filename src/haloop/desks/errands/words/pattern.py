"""A regular expression that is compiled when it is first used.

The grammar has over a hundred. Compiling them takes longer than everything else at the start of the program, and
most starts read no words at all.
"""

import re
from collections.abc import Callable, Iterator
from functools import cached_property


class Pattern:
    """The part of `re.Pattern` that the grammar uses."""

    def __init__(self, source: str) -> None:
        self.source = source

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.source)

    def search(self, words: str, start: int = 0, end: int | None = None) -> re.Match[str] | None:
        return self.compiled.search(words, start, len(words) if end is None else end)

    def match(self, words: str, start: int = 0) -> re.Match[str] | None:
        return self.compiled.match(words, start)

    def fullmatch(self, words: str) -> re.Match[str] | None:
        return self.compiled.fullmatch(words)

    def finditer(self, words: str, start: int = 0, end: int | None = None) -> Iterator[re.Match[str]]:
        return self.compiled.finditer(words, start, len(words) if end is None else end)

    def findall(self, words: str) -> list[str]:
        return [match[0] for match in self.compiled.finditer(words)]

    def split(self, words: str) -> list[str]:
        return self.compiled.split(words)

    def sub(self, by: str | Callable[[re.Match[str]], str], words: str) -> str:
        return self.compiled.sub(by, words)
