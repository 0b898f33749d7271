"""What the errands desk hears: a table, for how many, where and when, in English.

Small on purpose. Words are taken to the last one or not at all, so what this does not know is unsupported and never
half understood; what is missing, or could be two days, is asked.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias

from haloop.desks.errands.book_table import book_table
from haloop.kernel.desk import Asks, Context, Heard, Question
from haloop.kernel.hearing import QUESTIONS_MAX
from haloop.ports.booking import TableWish

_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_NUMBERS = "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_JOINS = "a|about|and|around|at|but|by|for|from|if|in|near|next|no|not|on|or|please|then|this|to|with|without"
_NO_NAME = f"{_JOINS}|noon|today|tonight|tomorrow|{_DAYS}|{_NUMBERS}"
_NOON, _PARTY_MAX = 12, 20
_TIMES = ("at 7 pm", "at 8 pm")
_LETTERS = re.IGNORECASE | re.ASCII  # or a dotless i would be an i

_NUMBER = rf"(?:[0-9]{{1,2}}|{_NUMBERS})"
_CLOCK = rf"(?P<hour>{_NUMBER})(?::(?P<minute>[0-5][0-9]))?(?: ?(?P<half>[ap])\.?m\.?)?(?: o'clock)?"
_DATE = rf"(?P<date>[0-9]{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<month>{_MONTHS})(?:,? (?P<year>20[0-9]{{2}}))?"
_NAME = rf"(?!(?:{_NO_NAME})\b)(?u:&|[^\W\d_][\w'&.-]{{0,30}})"
_WAYS = (
    ("time", rf"(?:(?:at|around|about) ){{1,2}}{_CLOCK}"),
    ("time", rf"(?:for )?(?={_NUMBER}(?::| ?[ap]\.?m)){_CLOCK}"),
    ("day", r"(?:on |for )?(?P<near>today|tonight|tomorrow)(?: night| evening)?"),
    ("day", rf"(?:on |for |this )?(?P<next>next )?(?P<weekday>{_DAYS})(?: night| evening)?"),
    ("day", rf"(?:on |for )?(?:the )?{_DATE}"),
    ("party", rf"for (?:the |a party of )?(?P<party>{_NUMBER})(?: people| persons| guests| of us)?"),
    ("place", r'(?:at|in) "(?P<place>[^"]{1,80})"'),
    *(("place", rf"(?:at|in the|in) (?P<place>{_NAME}(?: {_NAME}){{{more}}})") for more in range(4)),
)
_SLOTS = [(slot, re.compile(rf"{way}(?=[ ,]|$)", _LETTERS)) for slot, way in _WAYS]
_OPENING = re.compile(
    r"(?:(?:hi|hello|hey|please|(?:can|could|would|will) you|i(?:'d| would) like (?:you )?to|i (?:want|need) to),? )*"
    r"(?:(?:book|reserve|get)(?: me| us)?|(?:i|we)(?: need| want|'d like| would like)) (?:a table|dinner)(?=[ ,]|$)",
    _LETTERS,
)
_ENDING = re.compile(r"(?:[ ,.!?]|\b(?:please|thanks|thank you)(?=[ ,.!?]|$))+$", _LETTERS)

_Slots: TypeAlias = Mapping[str, Mapping[str, str]]
"""By slot, what its way of saying it found."""
_Open: TypeAlias = Mapping[str, Question]
"""By slot, what to ask for it."""


class BookingHearing:
    """Hears that somebody wants a table."""

    examples = (
        "Book a table at Zum Anker for 2 tomorrow at 7 pm",
        "Please reserve a table in the Harbour for four tomorrow around 8",
    )

    def hear(self, said: Sequence[str], context: Context) -> Heard | Asks | None:
        """The wish, once it is whole. An answer fills what is open; one that does not is asked for again."""
        first, *answers = (_plain(words) for words in said)
        opening = _OPENING.match(first)
        slots = _whole(first[opening.end() :]) if opening else None
        if slots is None or not context.language.startswith("en"):
            return None
        heard = _understood(slots, context)
        for answer in answers:
            if isinstance(heard, Heard):
                return None
            slots = {**slots, **_answered(answer, heard)}
            heard = _understood(slots, context)
        return heard if isinstance(heard, Heard) else Asks(questions=tuple(_asked(heard)))


def _understood(slots: _Slots, context: Context) -> Heard | _Open:
    """What the slots come to at a moment; else what is missing of it, or cannot be."""
    still: dict[str, Question] = {} if "place" in slots else {"place": Question(asks="Where?")}
    party = _number(slots.get("party", {}))
    if not 1 <= party <= _PARTY_MAX:
        still["party"] = Question(asks=f"For how many, 1 to {_PARTY_MAX}?", choices=("for 2", "for 4"))
    days = _days(slots.get("day", {}), context.now.astimezone(context.zone).date())
    if len(days) != 1:
        choices = tuple(f"on {_spelled(day)}" for day in days) or ("today", "tomorrow")
        still["day"] = Question(asks="On which day?", choices=choices)
    clock, taken = _clock(slots.get("time", {}))
    if clock is None:
        still["time"] = Question(asks="At what time?", choices=_TIMES)
    if clock is None or len(days) != 1:
        return still
    at = datetime.combine(days[0], clock, context.zone)
    if at.astimezone(UTC).astimezone(context.zone).time() != clock:
        skipped = f"The clocks in {context.zone.key} skip {clock:%H:%M} on that day. At what time instead?"
        return {**still, "time": Question(asks=skipped, choices=_TIMES)}
    if at <= context.now:
        over = Question(asks="That is over already. When instead?", choices=("tomorrow at 7 pm", "tomorrow at 8 pm"))
        return {**still, "day": over, "time": over}
    if still:
        return still
    if not slots["day"].keys() & {"near", "year"}:
        taken = (f"The day was taken as {_spelled(days[0])}.", *taken)
    if at.utcoffset() != at.replace(fold=1).utcoffset():
        taken = (*taken, f"The clocks show {clock:%H:%M} twice on that day; the first was taken.")
    wish = TableWish(place=slots["place"]["place"], party=party, at=at)
    return Heard(request=book_table.of(wish), taken=taken)


def _plain(words: str) -> str:
    """The words in the one form in which they are read, without the politeness at their end."""
    quotes = str.maketrans({"\u2019": "'", "\u201c": '"', "\u201d": '"'})
    return _ENDING.sub("", " ".join(unicodedata.normalize("NFKC", words).translate(quotes).split()))


def _whole(text: str) -> _Slots | None:
    """The slots that these words fill to the last one, each once."""
    return next(_readings(text, {}), None)


def _readings(text: str, found: _Slots) -> Iterator[_Slots]:
    rest = text.lstrip(" ,")
    if not rest:
        yield found
    for slot, way in _SLOTS if rest else ():
        said = None if slot in found else way.match(rest)
        if said is not None:
            filled = {name: value for name, value in said.groupdict().items() if value is not None}
            yield from _readings(rest[said.end() :], {**found, slot: filled})


def _asked(still: _Open) -> list[Question]:
    return list(dict.fromkeys(still.values()))[:QUESTIONS_MAX]


def _answered(answer: str, still: _Open) -> _Slots:
    """What an answer fills of what is open; a bare one (`2`) only where it answers one question and no other."""
    slots = _whole(answer)
    if slots is not None and slots.keys() <= still.keys():
        return slots
    asked = {slot for slot, question in still.items() if question in _asked(still)}
    bare = [slots for way in ("at", "for") if (slots := _whole(f"{way} {answer}")) and slots.keys() <= asked]
    return bare[0] if len(bare) == 1 else {}


def _clock(said: Mapping[str, str]) -> tuple[time | None, tuple[str, ...]]:
    """The time of day; a bare hour up to 12 is in the afternoon, which is said."""
    hour, minute, half = _number(said), int(said.get("minute", 0)), said.get("half", "").casefold()
    if "hour" not in said or hour >= 2 * _NOON or (half and not 1 <= hour <= _NOON):
        return None, ()
    if not half and (hour == 0 or hour > _NOON or said["hour"].startswith("0")):
        return time(hour, minute), ()
    spelled = f"{hour}:{minute:02}" if minute else str(hour)
    taken = () if half else (f"{spelled} was taken as {spelled} pm.",)
    return time(hour % _NOON + (0 if half == "a" else _NOON), minute), taken


def _days(said: Mapping[str, str], today: date) -> list[date]:
    """The days that may be meant, the next first."""
    match {name: value.casefold() for name, value in said.items()}:
        case {"near": near}:
            return [today + timedelta(days=near == "tomorrow")]
        case {"weekday": weekday, **more}:
            coming = today + timedelta(days=(_DAYS.split("|").index(weekday) - today.weekday()) % 7)
            return [coming, coming + timedelta(days=7)] if coming == today or "next" in more else [coming]
        case {"date": number, "month": month, **more}:
            years = [int(more["year"])] if "year" in more else [today.year, today.year + 1]
            with suppress(ValueError):  # there is no 31 February
                found = [date(year, _MONTHS.split("|").index(month) + 1, int(number)) for year in years]
                return [day for day in found if "year" in more or day >= today][:1]
    return []


def _spelled(day: date) -> str:
    return f"{day.day} {_MONTHS.split('|')[day.month - 1].title()} {day.year}"


def _number(said: Mapping[str, str]) -> int:
    """A slot's number, in digits or letters; 0 for none."""
    word = (said.get("party") or said.get("hour") or "0").casefold()
    return int(word) if word.isdecimal() else _NUMBERS.split("|").index(word)
