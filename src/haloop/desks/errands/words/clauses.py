"""Sentences and their parts, and which of two things said last counts.

People correct themselves ("Friday, no, Saturday"; "make it three") and exclude ("not Tidal"). What a correction
replaces is dropped; what follows it stays.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from haloop.desks.errands.words.found import Found
from haloop.desks.errands.words.pattern import Pattern

T = TypeVar("T")

_END = Pattern(
    r"[.!?;\n]+(?=\s|$)(?<!\b[ap]\.m\.)(?<!\bst\.)(?<!\bmr\.)(?<!\bdr\.)| - | -- |\.\.\."
    r"|, so (?!that\b|as\b|much\b|many\b|far\b|long\b)|, (?=(?:can|could|would) you\b)|,? (?:so|and|but) (?=please\b|can you\b|could you\b|would you\b|let's\b)"
)
_CORRECTION = Pattern(
    r"\b(?:no wait|wait|actually|rather|i mean(?:t)?|sorry|scratch that|make (?:it|that)|change (?:it|that|my|the) |on second thought|correction|let's (?:do|say|make)"
    r"|instead|better|oops|or rather|hold on)\b|(?:^|[,.;-] ?|\b(?:oh|or|and|but) )no\b,?(?! (?:later|earlier|more|one|need|longer))"
)
_EXCLUDED = Pattern(
    r"\b(?:not(?! (?:later|earlier|before|after))|instead of|rather than|other than|except(?: for)?|never)(?: the| my| on| at| for)* ?$"
)
_CORRECTS_FROM = Pattern(r"\bfrom(?: the| on| at)* ?$")


class Clause(NamedTuple):
    start: int
    end: int
    words: str


def clauses(words: str) -> list[Clause]:
    """The words, cut where a sentence ends or breaks off."""
    found: list[Clause] = []
    start = 0
    for match in _END.finditer(words):
        found.append(Clause(start, match.start(), words[start : match.start()]))
        start = match.end()
    found.append(Clause(start, len(words), words[start:]))
    return [clause for clause in found if clause.words.strip()]


def corrects(words: str, start: int, end: int) -> bool:
    """Whether somebody changes their mind between the two places."""
    return bool(_CORRECTION.search(words, start, end))


def excluded(words: str, at: int) -> bool:
    """Whether what begins here was named only to say that it is not meant."""
    return bool(_EXCLUDED.search(words, max(0, at - 24), at))


def last_word(findings: Sequence[Found[T]], words: str) -> Found[T] | None:
    """The finding that counts: the last one if it corrects the others, otherwise what was said plainly, first."""
    meant = [found for found in findings if not excluded(words, found.start)]
    if len(meant) > 1:  # from 8 to 9 people: the first is what it was
        meant = [found for found in meant[:-1] if not _CORRECTS_FROM.search(words, 0, found.start)] + meant[-1:]
    if not meant:
        return None
    last = meant[-1]
    if len(meant) > 1 and corrects(words, meant[0].end - 1, last.start):
        return last
    plain = [found for found in meant if not found.inferred]
    return (plain or meant)[0]
