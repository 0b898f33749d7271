"""At what time of day: 7, half past seven, around 19:30, between 6 and 8, in the evening, in an hour.

A bare hour is read by what surrounds it: dinner is in the evening, breakfast in the morning, and 1 to 9 is after
noon for whoever books a table; of an appointment, 1 to 7. That is inferred, and says so. What is left of 8 to 11 may
be either, so both are kept, to be asked about. "Around" opens a window of half an hour to each side.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import time, timedelta

from haloop.desks.errands.words.cues import AN_APPOINTMENT
from haloop.desks.errands.words.found import Found, Rule, apply
from haloop.desks.errands.words.number import NUMBER, UNIT_WORDS, number
from haloop.desks.errands.words.pattern import Pattern
from haloop.desks.errands.words.reading import Hours

AROUND = timedelta(minutes=30)
FIRST, LAST = time(0), time(23, 59)
_MINUTES = {"a quarter": 15, "quarter": 15, "half": 30}
_HOUR_WORD = rf"(?:{UNIT_WORDS}|ten|eleven|twelve)"
_HOUR = rf"(?P<hour>2[0-3](?!\d)|1\d(?!\d)|0?\d(?!\d)|{_HOUR_WORD}\b)"
_HALF_OF_DAY = r"(?:\s?(?P<half>[ap])(?:\.?\s?m\b\.?|\b(?!['-])))"
_PART = r"(?:,? (?P<part>(?:in the|at|this) ?(?:early |late )?(?:morning|afternoon|evening|night)|(?:a|p)m))?"
_AFTER = rf"(?:{_HALF_OF_DAY}|{_PART})"
_MINUTE_WORDS = {
    "fifteen": 15,
    "thirty": 30,
    "forty five": 45,
    "forty-five": 45,
    "ten": 10,
    "twenty": 20,
    "forty": 40,
    "fifty": 50,
    "oh five": 5,
    "o five": 5,
    "twenty five": 25,
    "thirty five": 35,
    "fifty five": 55,
}
_MINUTE_WORD = "|".join(sorted(_MINUTE_WORDS, key=len, reverse=True))
_NOT_AN_HOUR = (
    r"(?!\s*(?:people|persons?|pax|guests?|of us|adults?|kids?|children|friends|others?|ppl|seats?|tables?|heads|[%$€£/x*]|-?\d|[:.]\d|,\d"
    r"|dollars|euros|bucks|minutes?|mins?|hours?|days?|weeks?|months?|years?|bags?|bottles?|packs?|boxes|cans?|st\b|nd\b|rd\b|th\b|stars?|miles?|km\b))"
)
_PARTS: dict[str, tuple[time, time]] = {
    "morning": (time(8), time(11, 30)),
    "breakfast": (time(8), time(10)),
    "brunch": (time(10, 30), time(13)),
    "lunch": (time(12), time(14)),
    "afternoon": (time(13), time(17)),
    "tea": (time(15), time(17)),
    "evening": (time(18), time(21)),
    "dinner": (time(18), time(21)),
    "supper": (time(18), time(21)),
    "drinks": (time(18), time(21)),
    "night": (time(19), time(22)),
}
_PM_SIGNS = Pattern(r"\b(?:dinner|supper|tonight|evening|night|afternoon|drinks|date night|cocktails?|happy hour|pm)\b")
_AM_SIGNS = Pattern(r"\b(?:breakfast|(?<!good )morning|(?<!\bi )am)\b")
_LUNCH_SIGNS = Pattern(r"\b(?:lunch|brunch|noon|midday)\b")
_BEFORE_ABOUT = Pattern(
    r"(?:\b(?:around|about|roughly|approximately|approx|circa|near|nearly|say|like|ca|some ?time around)\.?|~) ?(?:at )?$"
)
_BEFORE_FROM = Pattern(
    r"\b(?:after|not before|no earlier than|any ?time after|starting (?:at|from)|earliest(?: at)?|past) ?$"
)
_BEFORE_UNTIL = Pattern(r"\b(?:before|by|until|till|no later than|not after|latest(?: at)?) ?$")
_AFTER_ABOUT = Pattern(r"(?: ?-?ish\b| or so\b| or thereabouts\b|,? give or take)")
_AFTER_FROM = Pattern(r" (?:or|and) (?:later|after|onwards?)\b|\+| onwards?\b")
_AFTER_UNTIL = Pattern(r" (?:or|and) (?:earlier|before)\b| at the latest\b")
_NOON, _HALF_DAY, _DAY = 12, 12, 24


@dataclass(frozen=True, slots=True)
class Signs:
    """What the rest of the words tell about which half of the day is meant."""

    afternoon: bool
    morning: bool
    midday: bool
    appointment: bool

    @classmethod
    def of(cls, words: str) -> "Signs":
        found = (bool(one.search(words)) for one in (_PM_SIGNS, _AM_SIGNS, _LUNCH_SIGNS, AN_APPOINTMENT))
        return cls(*found)


def find_hours(words: str, signs: Signs) -> tuple[list[Found[Hours]], str]:
    """Every time of day that the words name, and the words without them."""
    return apply(_rules(signs), words)


def part_of_day(word: str) -> Hours:
    """The window that the name of a meal or of a part of the day stands for."""
    earliest, latest = _PARTS[word]
    return Hours(at=None, earliest=earliest, latest=latest, is_part=True)


def window(at: time) -> Hours:
    """A time that somebody is not strict about."""
    return Hours(at=at, earliest=_shifted(at, -AROUND), latest=_shifted(at, AROUND))


def exactly(at: time) -> Hours:
    return Hours(at=at, earliest=at, latest=at)


def bare_hour(match: re.Match[str], signs: Signs) -> Found[Hours] | None:
    """A number that can only be an hour, where a time was asked for."""
    return _Reader(signs).plain(match)


ALONE = Pattern(rf"{_HOUR}(?P<minute>)(?P<half>)(?P<part>)")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Every method is one way of telling the time."""

    signs: Signs

    def plain(self, match: re.Match[str]) -> Found[Hours] | None:
        hour, minute = number(match["hour"]), int(match["minute"] or 0)
        return None if hour is None else self._told(match, hour, minute)

    def compact(self, match: re.Match[str]) -> Found[Hours] | None:
        """930pm, 1815."""
        digits = match["digits"]
        return self._told(match, int(digits[:-2]), int(digits[-2:]))

    def spoken(self, match: re.Match[str]) -> Found[Hours] | None:
        """Seven thirty."""
        return self._told(match, number(match["hour"]) or 0, _MINUTE_WORDS[match["minute_word"]])

    def past(self, match: re.Match[str]) -> Found[Hours] | None:
        """Half past seven, ten to eight."""
        hour, said = {"noon": 12, "midnight": 0}.get(match["hour"], number(match["hour"])), match["minutes"]
        minutes = _MINUTES.get(said) or number(said)
        if hour is None or minutes is None or not 0 < minutes < 60:
            return None
        if match["way"] in ("past", "after"):
            return self._told(match, hour, minutes)
        return self._told(match, hour, 0, back=minutes)

    def half(self, match: re.Match[str]) -> Found[Hours] | None:
        """Half seven: half past, as the British say it."""
        return self._told(match, number(match["hour"]) or 0, 30, must_tell=True)

    def named(self, match: re.Match[str]) -> Found[Hours] | None:
        if match["named"] == "midnight":
            return self._qualified(match, time(0), inferred=False, told="")
        return self._qualified(match, time(12), inferred=False, told="")

    def between(self, match: re.Match[str]) -> Found[Hours] | None:
        """From 6 to 8, 7 or 7:30."""
        second = self._hour_of(match["hour2"], match["minute2"], match["half2"])
        first = self._hour_of(match["hour"], match["minute"], match["half"] or match["half2"])
        if first is None or second is None:
            return None
        told = not (match["half"] or match["half2"])
        if first > second and not match["half"]:
            first = self._hour_of(match["hour"], match["minute"], "")
        if first is None or first >= second:
            return None
        if match["join"].strip() == "or":
            return Found(
                match.start(), match.end(), Hours(at=None, earliest=first, latest=second, among=(first, second))
            )
        hours = Hours(at=None, earliest=first, latest=second)
        return Found(match.start(), match.end(), hours, told, _told_for(match[0], hours) if told else "")

    def part(self, match: re.Match[str]) -> Found[Hours] | None:
        word, shade = match["word"], match["shade"] or ""
        hours = part_of_day(word.removesuffix("time"))
        if shade == "early":
            hours = Hours(
                at=None,
                earliest=_shifted(hours.earliest, -timedelta(hours=1)),
                latest=_shifted(hours.latest, -timedelta(hours=2)),
            )
        if shade == "late":
            hours = Hours(
                at=None,
                earliest=_shifted(hours.earliest, timedelta(hours=1)),
                latest=_shifted(hours.latest, timedelta(hours=1)),
            )
        return Found(match.start(), match.end(), hours, inferred=True, taken_for=_told_for(match[0], hours))

    def _told(
        self, match: re.Match[str], hour: int, minute: int, *, back: int = 0, must_tell: bool = False
    ) -> Found[Hours] | None:
        if hour >= _DAY or minute >= 60:
            return None
        half, part = match["half"] or "", match["part"] or ""
        half = half or ("a" if "morning" in part or part == "am" else "p" if part else "")
        first_digit = match[0][:1]
        fixed = half or hour > _NOON or hour == 0 or (first_digit == "0" and not self.signs.afternoon and hour < 6)
        readings = [_of_half(hour, half)] if fixed else self._halves(hour)
        times = [_shifted(time(reading, minute), -timedelta(minutes=back)) for reading in readings]
        if len(times) > 1:
            hours = Hours(at=None, earliest=min(times), latest=max(times), among=tuple(times))
            return Found(match.start(), match.end(), hours)
        inferred = must_tell or not fixed
        return self._qualified(
            match,
            times[0],
            inferred=inferred,
            told=f'"{match[0].strip()}" was taken for {times[0]:%H:%M}.' if inferred else "",
        )

    def _halves(self, hour: int) -> list[int]:
        """The hours of the day that a bare hour may be."""
        before, after = hour % _HALF_DAY, hour % _HALF_DAY + _HALF_DAY
        if hour == _NOON:
            return [_NOON]
        if self.signs.midday and not self.signs.afternoon:
            return [before] if hour >= 9 else [after]
        if self.signs.afternoon != self.signs.morning:
            return [after] if self.signs.afternoon else [before]
        return [after] if hour <= (7 if self.signs.appointment else 9) else [before, after]

    def _hour_of(self, hour: str, minute: str | None, half: str | None) -> time | None:
        if hour == "noon":
            return time(12)
        told, minutes = number(hour), int(minute or 0)
        if told is None or told >= _DAY or minutes >= 60:
            return None
        if half or told > _NOON:
            return time(_of_half(told, half or ""), minutes)
        return time(self._halves(told)[-1], minutes)

    def _qualified(self, match: re.Match[str], at: time, *, inferred: bool, told: str) -> Found[Hours]:
        """The time with what stands around it: around, after, or later, -ish."""
        before, after = (
            match.string[max(0, match.start() - 24) : match.start()],
            match.string[match.end() : match.end() + 24],
        )
        end = match.end()
        if _BEFORE_ABOUT.search(before):
            hours = window(at)
        elif about := _AFTER_ABOUT.match(after):
            hours, end = window(at), end + (about.end() if about[0].strip("- ") == "ish" else 0)
        elif _BEFORE_FROM.search(before) or _AFTER_FROM.match(after):
            hours = Hours(at=None, earliest=at, latest=LAST)
        elif _BEFORE_UNTIL.search(before) or _AFTER_UNTIL.match(after):
            hours = Hours(at=None, earliest=FIRST, latest=at)
        else:
            hours = exactly(at)
        return Found(match.start(), end, hours, inferred, told)


def _rules(signs: Signs) -> Iterable[Rule[Hours]]:
    reader = _Reader(signs)
    for pattern, read in _READERS:
        yield Rule(pattern, _bound(reader, read))


def _bound(reader: _Reader, read: "_Read") -> Callable[[re.Match[str]], Found[Hours] | None]:
    return lambda match: read(reader, match)


_Read = Callable[[_Reader, re.Match[str]], Found[Hours] | None]
_ONE = rf"(?P<hour>\d{{1,2}}|{_HOUR_WORD}|noon)(?:[:.](?P<minute>[0-5]\d))?\s?(?:(?P<half>[ap])\.?m?\b\.?)?"
_TWO = rf"(?P<hour2>\d{{1,2}}|{_HOUR_WORD}|noon)(?:[:.](?P<minute2>[0-5]\d))?\s?(?:(?P<half2>[ap])\.?m?\b\.?)?{_NOT_AN_HOUR}"
_READERS: tuple[tuple[Pattern, _Read], ...] = tuple(
    (Pattern(pattern), reader)
    for pattern, reader in (
        (rf"\b(?:between|from)\s{_ONE}(?P<join> and | to | until | till | ?- ?){_TWO}", _Reader.between),
        (rf"(?<![\d:./$-])\b{_ONE}(?P<join> or | to | ?- ?)(?=(?:\d{{1,2}}|{_HOUR_WORD})(?:[:.]\d|\s?[ap]\.?m?\b)){_TWO}", _Reader.between),
        (rf"(?<![\d:.$€£,]){_HOUR} ?[:h] ?(?P<minute>[0-5]\d)(?::[0-5]\d)?(?!\d){_AFTER}", _Reader.plain),
        (rf"(?<![\d:.$€£,]){_HOUR}\.(?P<minute>[0-5]\d)(?![\d.])(?!\s?(?:%|dollars|euros|kg|l\b|usd|eur)){_AFTER}", _Reader.plain),
        (rf"\b(?P<minutes>half|a quarter|quarter|{NUMBER})(?: minutes?| mins?)?[ -](?P<way>past|after|to|till|til|before)[ -]?{_HOUR}{_AFTER}(?!\d|:)", _Reader.past),
        (rf"(?<![\d:.$€£,/])\b{_HOUR}(?P<minute>)\s?o'? ?clock{_AFTER}", _Reader.plain),
        (rf"(?<![\d:.$€£,/])\b(?P<hour>{_HOUR_WORD})[ -](?P<minute_word>{_MINUTE_WORD})\b{_AFTER}", _Reader.spoken),
        (rf"(?<![\d:.$€£,/])\b{_HOUR}(?P<minute>){_HALF_OF_DAY}(?P<part>)", _Reader.plain),
        (rf"(?<![\d:.$€£,/])\b(?P<digits>1[0-2][0-5]\d|[1-9][0-5]\d|0\d[0-5]\d){_HALF_OF_DAY}(?P<part>)", _Reader.compact),
        (r"(?:(?<=\bat )|(?<=\baround )|(?<=\bby )|(?<=\babout )|(?<=\bapproximately )|(?<=\btonight )|(?<=@)|(?<=\x1f )|^)(?P<digits>(?:[01]?\d|2[0-3])[0-5]\d)(?![\d/-])(?: ?(?:hours|hrs|h)\b)?(?P<half>)(?P<part>)", _Reader.compact),
        (rf"\bhalf (?P<hour>[1-9]|1[0-2]|{_HOUR_WORD})\b(?! dozen){_AFTER}", _Reader.half),
        (r"\b(?P<minutes>half|a quarter|quarter|\d\d?)(?: minutes?)? (?P<way>past|after|to|before) (?P<hour>noon|midnight)\b(?P<half>)(?P<part>)", _Reader.past),
        (r"(?<![\d:.$€£,/])\b(?<!for )(?<!of )(?<!us )(?<!table 4 )(?<!just )(?<!be )(?<!are )(?P<hour>\d{1,2})(?P<minute>)(?P<half>)(?P<part>)(?= \x1f{5})", _Reader.plain),
        (r"\b(?:12 )?(?P<named>noon|midday|midnight)\b", _Reader.named),
        (rf"(?<![\d:.$€£,/])\b{_HOUR}(?P<minute>) ?(?=-?ish\b)(?P<half>)(?P<part>)", _Reader.plain),
        (rf"(?:(?<=\bat )|(?<=\baround )|(?<=\babout )|(?<=\bby )|(?<=\bafter )|(?<=\bbefore )|(?<=\buntil )|(?<=\btill )|(?<=@)|(?<=@ )|(?<=~)|(?<=\bby about )|(?<=\bat about )|(?<=\blike )){_HOUR}(?P<minute>)(?P<half>)(?P<part>)\b{_NOT_AN_HOUR}(?! (?:{_HOUR_WORD}|more|cans?|of)\b)(?:,? (?:in the|at) (?:morning|afternoon|evening|night))?", _Reader.plain),
        (rf"(?<=\x1f) ?,? ?{_HOUR}(?P<minute>)(?P<half>)(?P<part>)(?=$|[,.!?]| for| at| in the| please| works| instead| would| then| in the| \x1f){_NOT_AN_HOUR}", _Reader.plain),
        (rf"(?<![\d:.$€£,/])\b{_HOUR}(?P<minute>)(?P<half>),? (?P<part>(?:in the|at|this) ?(?:morning|afternoon|evening|night))", _Reader.plain),
        (r"\b(?:in the |at |this )?(?:(?P<shade>early|late) (?:in the )?)?(?<!\bgood )(?P<word>morning|afternoon|evening|night|lunchtime)\b(?! club)", _Reader.part),
        (r"\b(?:at |for |around )?(?P<shade>early|late)? ?(?P<word>breakfast|brunch|lunch|dinner|supper|tea)[ -]?time\b", _Reader.part),
    )
)  # fmt: skip


def _of_half(hour: int, half: str) -> int:
    if half == "p" and hour < _NOON:
        return hour + _HALF_DAY
    return 0 if half == "a" and hour == _NOON else hour


def _shifted(at: time, by: timedelta) -> time:
    """The time so much later or earlier, on the same day."""
    minutes = at.hour * 60 + at.minute + by // timedelta(minutes=1)
    return FIRST if minutes < 0 else LAST if minutes >= _DAY * 60 else time(minutes // 60, minutes % 60)


def _told_for(words: str, hours: Hours) -> str:
    return f'"{words.strip()}" was taken for {hours.earliest:%H:%M} to {hours.latest:%H:%M}.'
