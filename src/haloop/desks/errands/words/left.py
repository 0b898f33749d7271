"""What of somebody's words was not taken up: it is said to them, so that nothing is dropped in silence."""

from collections.abc import Iterable
from typing import Any

from haloop.desks.errands.words.pattern import Pattern
from haloop.desks.errands.words.reading import Slot, Span, Wish

_WORD = Pattern(r"[^\W_](?:[\w'’+-]*\w)?")
_SMALL = frozenset(
    "a an the this that these those it its it's there here of to for at in on by from around about as and then also so too"
    " i i'd i'm i'll we we'd we're we'll us me my our mine you your is are be am was were do does did will would can could may might should"
    " hi hello hey dear please pls kindly thanks thank cheers ok okay yes well just now maybe perhaps really sorry actually wait hmm"
    " want wants need needs like love wish hope hoping looking look let let's get give make have find see try go going help possible"
    " book books booking reserve reserving reservation reservations table tables seat seats spot dinner lunch brunch breakfast supper meal"
    " eat dine restaurant place somewhere out party people persons guests name order orders ordering reorder buy bought purchase restock again"
    " more some any another usual usuals same regular always last time before ran run running low almost nearly gone"
    " cancel cancelling cancellation unsubscribe end stop subscription subscriptions membership memberships plan anymore longer".split()
)
_TURNS = frozenset("with without or not no but if unless except only nor don't never".split())
"""Small words that change what the next ones ask for."""


def left_over(raw: str, wish: Wish, before: Wish | None) -> tuple[str, ...]:
    """The stretches of what was just said that no part of the wish comes from, as they were written."""
    return unread(raw, sorted(span for slot in _new(wish, before) for span in slot.spans))


def unread(raw: str, spans: Iterable[Span]) -> tuple[str, ...]:
    """What stands between these places, in their order, and matters."""
    return tuple(left for start, end in _between(spans, len(raw)) if (left := _weighty(raw[start:end])))


def _new(wish: Wish, before: Wish | None) -> Iterable[Slot[Any]]:
    known = [] if before is None else list(_slots(before))
    return (slot for slot in _slots(wish) if not any(slot is one for one in known))


def _slots(wish: Wish) -> Iterable[Slot[Any]]:
    each = (wish.day, wish.hours, wish.party, wish.place, wish.area, wish.name, wish.subject, *wish.items)
    return (slot for slot in each if slot is not None)


def _between(spans: Iterable[Span], end: int) -> Iterable[Span]:
    at = 0
    for span in spans:
        yield Span(at, max(at, span.start))
        at = max(at, span.end)
    yield Span(at, end)


def _weighty(words: str) -> str:
    """From the first word that matters to the last; a turn such as `without` belongs to what follows it."""
    said = list(_WORD.finditer(words))
    heavy = [at for at, word in enumerate(said) if not _is_small(word[0])]
    if not any(_is_heavy(said[at][0]) for at in heavy):
        return ""
    return words[said[heavy[0]].start() : said[heavy[-1]].end()]


def _is_small(word: str) -> bool:
    return word.lower().replace("’", "'") in _SMALL


def _is_heavy(word: str) -> bool:
    return not _is_small(word) and word.lower() not in _TURNS
