"""Read somebody's words: the built-in reader, deterministic, offline and quick.

The words are levelled, cut into clauses and searched for the cue of a verb; a second opinion that knows nothing of
the cues must not contradict it, or the verb itself becomes a question. Then the grammars take turns on the same
words, each reading what the ones before have left: days, hours, people, places. Nothing here looks at a clock: the
same words at the same instant are read the same way in every replay.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from haloop.desks.errands.words import hours as hours_of_day
from haloop.desks.errands.words.clauses import Clause, clauses, corrects, last_word
from haloop.desks.errands.words.cues import Cue, chosen, find_cues
from haloop.desks.errands.words.day import find_days, writes_month_first
from haloop.desks.errands.words.found import Found
from haloop.desks.errands.words.goods import find_goods
from haloop.desks.errands.words.hours import Signs, find_hours
from haloop.desks.errands.words.language import speaks
from haloop.desks.errands.words.moment import from_now, settle
from haloop.desks.errands.words.opinion import Opinion, SecondOpinion, second_opinion
from haloop.desks.errands.words.party import bare_number, find_parties
from haloop.desks.errands.words.pattern import Pattern
from haloop.desks.errands.words.place import find_where
from haloop.desks.errands.words.reading import (
    QUESTIONS_MAX,
    WHICH_ITEMS,
    WHICH_SUBSCRIPTION,
    About,
    Day,
    Hours,
    Kind,
    PastOrder,
    Question,
    Reading,
    Slot,
    Subject,
    T,
    Unsupported,
    Verb,
    When,
    Why,
    Wish,
)
from haloop.desks.errands.words.subject import find_subjects
from haloop.desks.errands.words.text import CHARACTERS_MAX, Text, taken
from haloop.desks.errands.words.told import asked

STRONG_MIN, LAID_MIN = 0.01, 0.15
"""How likely the second opinion must find the verb of a strong cue, and of a table said with when and for how many."""
WEAK_MIN = {Verb.BOOK: 0.80, Verb.CANCEL: 0.70, Verb.REORDER: 0.70}
"""The same of any other weak cue: restaurants are asked about more often than they are booked."""
DOUBT_MIN = 0.001
"""Below this even a strong cue is not worth a question."""

_SAYS = {
    Verb.BOOK: "Book a table",
    Verb.CANCEL: "Cancel a subscription",
    Verb.REORDER: "Order something again",
}
_MEAL = Pattern(r"\b(?P<meal>breakfast|brunch|lunch|dinner|supper|drinks)\b")
_INSTANT = Pattern(r"\b\d{4}-\d\d-\d\dt\d\d:\d\d(?::\d\d)?(?:[+-]\d\d:\d\d|z)")


def read(
    raw: str,
    *,
    now: datetime,
    zone: ZoneInfo,
    history: Sequence[PastOrder] = (),
    subscriptions: Sequence[str] = (),
    before: Wish | None = None,
    second: SecondOpinion | None = None,
) -> Reading:
    """Make a wish of somebody's words, or say that they ask for nothing this desk does.

    `now` is when they were said, `before` the wish that they may add to or correct;
    `second` is another second opinion than the one that ships.
    """
    if len(raw) > CHARACTERS_MAX:
        return _unsupported(
            Why.TOO_LONG, f"That is more than the {CHARACTERS_MAX} characters read at once. Say it shorter."
        )
    text = Text.of(raw)
    if not text.words.strip():
        return _unsupported(Why.EMPTY, "Nothing was said.")
    if not speaks(text.words):
        return _unsupported(Why.LANGUAGE, "Only English is understood here.")
    here = _Here(now.astimezone(zone), zone, tuple(history), tuple(subscriptions))
    cue, doubt = _verb(text, here, second)
    if cue is not None and not (before and doubt):
        return _wish(text, cue, doubt, here, before if before and before.verb is cue.verb and not doubt else None)
    if before is not None:
        return _followed(text, before, here)
    return _unsupported(Why.OTHER, "That is nothing the errands desk can do.")


@dataclass(frozen=True, slots=True)
class _Here:
    """Who asks: when, where, and what they had before."""

    now: datetime
    zone: ZoneInfo
    history: tuple[PastOrder, ...]
    subscriptions: tuple[str, ...]


def _unsupported(why: Why, sentence: str) -> Unsupported:
    return Unsupported(
        why=why, sentence=f"{sentence} It can book a table, cancel a subscription, or order something again."
    )


def _verb(text: Text, here: _Here, second: SecondOpinion | None) -> tuple[Cue | None, Question | None]:
    """The verb that rules and second opinion agree on; a doubt if they do not, and neither if it is not worth one."""
    second = second or second_opinion()
    overall = second.of(text.words)
    parts, wished = clauses(text.words), asked(text.words)
    cues = [
        best
        for part in parts
        if (
            best := _likeliest(part, wished, text.words, overall if len(parts) == 1 else second.of(part.words), overall)
        )
    ]
    settled = [cue for cue, likely in cues if _agreed(cue, likely, text, here)]
    cue = chosen(settled, text.words)
    if cue is None:
        doubtful = [cue for cue, likely in cues if cue.strong and likely >= DOUBT_MIN]
        return (doubtful[-1], _which_first([doubtful[-1].verb])) if doubtful else (None, None)
    others = {one.verb for one in settled if one.strong} - {cue.verb}
    if others and cue.strong and not corrects(text.words, settled[0].at, cue.clause.end):
        return cue, _which_first([*sorted(others), cue.verb])
    return cue, None


def _agreed(cue: Cue, likely: float, text: Text, here: _Here) -> bool:
    """Whether the second opinion is as sure as this cue needs."""
    if cue.strong:
        return likely >= STRONG_MIN
    return likely >= WEAK_MIN[cue.verb] or (cue.verb is Verb.BOOK and likely >= LAID_MIN and _is_laid(text, here))


def _is_laid(text: Text, here: _Here) -> bool:
    """Whether the words say an hour and how many people: who says both hardly means anything but a table."""
    _, hours, party, _ = _numbers(text, here, set(), 0)
    return hours is not None and not hours.value.is_part and party is not None


def _likeliest(clause: Clause, wished: str, words: str, alone: Opinion, overall: Opinion) -> tuple[Cue, float] | None:
    """The cue of a clause that the second opinion finds likeliest, by the clause or by all that was said."""
    found = find_cues(clause, wished[clause.start : clause.end], words[: clause.start])
    cues = [(cue, max(alone[cue.verb], overall[cue.verb])) for cue in found]
    return max(cues, key=lambda cue: cue[1] + (1 if cue[0].strong and cue[1] >= STRONG_MIN else 0), default=None)


def _which_first(verbs: list[Verb]) -> Question:
    choices = tuple(_SAYS[verb] for verb in verbs)
    asks = "Is this what you want?" if len(verbs) == 1 else "One thing at a time: which first?"
    return Question(about=About.VERB, asks=asks, choices=choices)


def _wish(text: Text, cue: Cue, doubt: Question | None, here: _Here, before: Wish | None) -> Wish:
    if cue.verb is Verb.BOOK:
        wish = _booking(text, here, before, cue.clause.start)
    elif cue.verb is Verb.REORDER:
        wish = _reorder(text, cue, here)
    else:
        wish = _cancellation(text, cue, here)
    return replace(wish, questions=(doubt, *wish.questions)[:QUESTIONS_MAX]) if doubt else wish


def _followed(text: Text, before: Wish, here: _Here) -> Reading:
    """Words without a verb go on with what was said before."""
    everything = Cue(before.verb, Clause(0, len(text.words), text.words), 0, strong=True)
    if before.verb is Verb.BOOK:
        return _booking(text, here, before, everything.clause.start)
    if before.verb is Verb.REORDER:
        goods = find_goods(text, everything, here.history)
        return _asked_about_items(replace(before, items=goods.items or before.items))
    subjects = find_subjects(text, everything, here.subscriptions)
    return _asked_about_subject(
        before, subjects if subjects[0].value.name or before.subject is None else (before.subject,), here
    )


def _booking(text: Text, here: _Here, before: Wish | None, asked_from: int) -> Wish:
    asked = {question.about for question in before.questions} if before else set()
    instant = _INSTANT.search(text.words)
    if instant and before and (picked := _at_an_instant(before, instant, text, here.zone)):
        return _asked_for_how_many(picked, ())
    found_day, found_hours, party, words = _numbers(text, here, asked, asked_from)
    where = find_where(text, taken(words, party.start, party.end) if party else words)
    wish = Wish(
        verb=Verb.BOOK,
        day=_slot(text, found_day) or (before.day if before else None),
        hours=_slot(text, found_hours) or (before.hours if before else None) or _meal_hours(text),
        party=_slot(text, party) or (before.party if before else None),
        place=_slot(text, where.place) or (before.place if before else None),
        area=_slot(text, where.area) or (before.area if before else None),
        name=_slot(text, where.under) or (before.name if before else None),
    )
    return _asked_about_table(wish, here)


def _numbers(
    text: Text, here: _Here, asked: set[About], asked_from: int
) -> tuple[Found[Day] | None, Found[Hours] | None, Found[int] | None, str]:
    """The day, the hours and the people that count, and the words without any day or hours."""
    day, hours, words = _time(text, here, asked_from)
    party = last_word(_wished(find_parties(words), asked_from), words)
    if hours is None and About.WHEN in asked:
        hours, words = _bare_hour(text, taken(words, party.start, party.end) if party else words)
    if party is None and About.PARTY in asked:
        party = bare_number(words)
    return day, hours, party, words


def _wished(findings: list[Found[T]], asked_from: int) -> list[Found[T]]:
    """What stands where the request begins or behind it; what was told before counts where that says nothing."""
    return [found for found in findings if found.start >= asked_from] or findings


def _time(text: Text, here: _Here, asked_from: int) -> tuple[Found[Day] | None, Found[Hours] | None, str]:
    """The day and the hours that count, and the words without any of them."""
    words = text.words
    ahead = from_now(words, here.now)
    if ahead is not None:
        words = taken(words, ahead.start, ahead.end)
    days, words = find_days(words, here.now.date(), month_first=writes_month_first(here.zone.key))
    found, words = find_hours(words, Signs.of(text.words))
    days, found = _wished(days, asked_from), _wished(found, asked_from)
    precise = [one for one in found if one.value.at or one.value.among or not one.inferred] or found
    day, hours = last_word(days, text.words), last_word(precise, text.words)
    if ahead is None:
        return day, hours, words
    at_once = Found(ahead.start, ahead.end, ahead.value[0], ahead.inferred, ahead.taken_for)
    return (
        day or at_once,
        hours or Found(ahead.start, ahead.end, ahead.value[1], ahead.inferred, ahead.taken_for),
        words,
    )


def _bare_hour(text: Text, words: str) -> tuple[Found[Hours] | None, str]:
    """A number alone is an hour if the time was asked."""
    match = hours_of_day.ALONE.search(words)
    found = hours_of_day.bare_hour(match, Signs.of(text.words)) if match else None
    return (found, taken(words, found.start, found.end)) if found else (None, words)


def _slot(text: Text, found: Found[T] | None) -> Slot[T] | None:
    if found is None:
        return None
    span = text.span(found.start, found.end)
    return Slot(value=found.value, spans=(span,), inferred=found.inferred, taken_for=found.taken_for)


def _meal_hours(text: Text) -> Slot[Hours] | None:
    """Dinner is in the evening, if nothing else says when."""
    match = _MEAL.search(text.words)
    if match is None:
        return None
    hours = hours_of_day.part_of_day(match["meal"])
    told = f'"{match["meal"]}" was taken for {hours.earliest:%H:%M} to {hours.latest:%H:%M}.'
    return Slot(value=hours, spans=(text.span(*match.span()),), inferred=True, taken_for=told)


def _at_an_instant(before: Wish, match: re.Match[str], text: Text, zone: ZoneInfo) -> Wish | None:
    """One of two hours of the same name, picked."""
    try:
        at = datetime.fromisoformat(match[0].upper()).astimezone(zone)
    except (ValueError, OverflowError):
        return None  # it has the form of an instant and is none
    spans = (text.span(*match.span()),)
    hours = Hours(at=at.time(), earliest=at.time(), latest=at.time())
    day = Slot(value=Day(on=at.date()), spans=spans)
    return replace(before, day=day, hours=Slot(value=hours, spans=spans), when=When(at=at, earliest=at, latest=at))


def _asked_about_table(wish: Wish, here: _Here) -> Wish:
    settled = settle(wish.day, wish.hours, here.now, here.zone)
    wish = replace(wish, day=settled.day or wish.day, hours=settled.hours or wish.hours, when=settled.when)
    return _asked_for_how_many(wish, (settled.question,) if settled.question else ())


def _asked_for_how_many(wish: Wish, questions: tuple[Question, ...]) -> Wish:
    if wish.party is None:
        choices = ("for 2", "for 4", "for 6")
        questions += (Question(about=About.PARTY, asks="For how many people?", choices=choices),)
    return replace(wish, questions=questions[:QUESTIONS_MAX])


def _reorder(text: Text, cue: Cue, here: _Here) -> Wish:
    goods = find_goods(text, cue, here.history)
    return _asked_about_items(Wish(verb=Verb.REORDER, items=goods.items, usual=goods.usual))


def _asked_about_items(wish: Wish) -> Wish:
    if wish.items or wish.usual:
        return replace(wish, questions=())
    return replace(wish, questions=(WHICH_ITEMS,))


def _cancellation(text: Text, cue: Cue, here: _Here) -> Wish:
    wish = Wish(verb=Verb.CANCEL)
    subjects = find_subjects(text, cue, here.subscriptions)
    if cue.kind is Kind.SUBSCRIPTION:
        return _asked_about_subject(wish, subjects, here)
    day, hours, party, words = _numbers(text, here, set(), cue.clause.start)
    where = find_where(text, taken(words, party.start, party.end) if party else words)
    return replace(
        wish,
        subject=subjects[0],
        day=_slot(text, day),
        hours=_slot(text, hours),
        party=_slot(text, party),
        place=_slot(text, where.place),
        name=_slot(text, where.under),
    )


def _asked_about_subject(wish: Wish, subjects: tuple[Slot[Subject], ...], here: _Here) -> Wish:
    subject = subjects[0].value
    if len(subjects) == 1 and (subject.name or subject.kind is not Kind.SUBSCRIPTION):
        return replace(wish, subject=subjects[0], questions=())
    which = replace(WHICH_SUBSCRIPTION, choices=here.subscriptions)
    if len(subjects) > 1:
        names = tuple(one.value.name for one in subjects)
        which = Question(about=About.SUBJECT, asks="One at a time: which should end first?", choices=names)
    return replace(wish, subject=None, questions=(which,))
