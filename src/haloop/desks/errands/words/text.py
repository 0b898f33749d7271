"""Somebody's words made plain enough to be matched, without losing where each letter stood.

Case, quotes, dashes, odd spaces and full-width letters are levelled; known abbreviations and misspellings of the
words that the grammar needs are replaced. Each letter of the plain text remembers the place it came from, so that
whatever is found in it can be shown in the original.
"""

import unicodedata
from dataclasses import dataclass

from haloop.desks.errands.words.pattern import Pattern
from haloop.desks.errands.words.reading import Span
from haloop.desks.errands.words.spelling import corrected

CHARACTERS_MAX = 1_000
"""What somebody says in one go; ten times the longest wish in any set we know."""

TAKEN = "\x1f"
"""Stands for letters that one part of the grammar has used, so that no other part reads them again."""

_QUOTES_AND_DASHES = str.maketrans(
    {**dict.fromkeys("‘’ʼ`´", "'"), **dict.fromkeys("“”„«»", '"'), **dict.fromkeys("‐‑‒–—−", "-")}
)
_PLAIN = Pattern(r"[!-~]*(?: [!-~]+)* ?")
_WORD = Pattern(r"[a-z0-9][a-z0-9'+]*")


@dataclass(frozen=True, slots=True)
class Text:
    """Plain words, and where each of their letters stood."""

    raw: str
    words: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, raw: str) -> "Text":
        letters, starts, ends = _levelled(raw)
        return cls(raw, *_spelled(letters, starts, ends))

    def span(self, start: int, end: int) -> Span:
        """Where the plain words from start to end stood."""
        return Span(self.starts[start], self.ends[end - 1])

    def said(self, start: int, end: int) -> str:
        """The same words as they were written."""
        span = self.span(start, end)
        return self.raw[span.start : span.end]


def taken(words: str, start: int, end: int) -> str:
    """The words with a stretch marked as used."""
    return words[:start] + TAKEN * (end - start) + words[end:]


def _levelled(raw: str) -> tuple[str, list[int], list[int]]:
    if raw.isascii() and _PLAIN.fullmatch(raw):
        return raw.lower().replace("`", "'"), list(range(len(raw))), list(range(1, len(raw) + 1))
    letters: list[str] = []
    starts: list[int] = []
    for at, letter in enumerate(raw):
        category = unicodedata.category(letter)
        if category in ("Cf", "Cs", "Mn"):
            continue
        plain = " " if category[0] in "CZ" else unicodedata.normalize("NFKC", letter).lower()
        if plain == " " and letters[-1:] == [" "]:
            continue
        for one in plain.translate(_QUOTES_AND_DASHES):
            letters.append(one)
            starts.append(at)
    return "".join(letters), starts, [at + 1 for at in starts]


def _spelled(letters: str, starts: list[int], ends: list[int]) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    out: list[str] = []
    new_starts: list[int] = []
    new_ends: list[int] = []
    done = 0
    for match in _WORD.finditer(letters):
        better = corrected(match[0])
        if better is None:
            continue
        start, end = match.span()
        out += (letters[done:start], better)
        new_starts += starts[done:start] + [starts[start]] * len(better)
        new_ends += ends[done:start] + [ends[end - 1]] * len(better)
        done = end
    out.append(letters[done:])
    new_starts += starts[done:]
    new_ends += ends[done:]
    return "".join(out), tuple(new_starts), tuple(new_ends)
