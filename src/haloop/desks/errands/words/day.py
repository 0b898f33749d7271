"""Which day somebody means: tomorrow, Friday, the 5th, 12 December, in two weeks.

A day without a year is the next one to come. Where people disagree about what the words mean ("next Friday"), or
where the words disagree with each other ("Friday 28 November" when the 28th is a Saturday), all the days that may
be meant are kept, to be asked about.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from haloop.desks.errands.words.found import Found, Rule, apply
from haloop.desks.errands.words.number import NUMBER, ORDINAL_WORD, number, ordinal
from haloop.desks.errands.words.pattern import Pattern
from haloop.desks.errands.words.reading import Day

_WEEKDAYS = {
    name: n
    for n, names in enumerate(
        (
            "mon monday mondays",
            "tue tues tuesday",
            "wed weds wednesday",
            "thu thur thurs thursday",
            "fri friday",
            "sat saturday",
            "sun sunday",
        )
    )
    for name in names.split()
}
_MONTHS = {
    name: n
    for n, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"), 1,
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAY = r"(?P<weekday>(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tues?|weds?|thur?s?|fri|sat|sun)\b\.?"
_MONTH = (
    r"(?P<month>january|february|march|april|may|june|july|august|september|october|november|december"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?"
)
_DAY = rf"(?:the )?(?P<day>\d{{1,2}}(?:st|nd|rd|th)?(?![\d:])|{ORDINAL_WORD})(?: of)?"
_YEAR = r"(?:(?:,|,? of)? ?(?P<year>(?:19|20)\d\d)\b)?"
_AMERICAN_ZONES = ("America/", "US/", "Etc/", "UTC", "GMT", "Pacific/Honolulu")
_FIXED = {
    "christmas eve": (12, 24),
    "christmas day": (12, 25),
    "christmas": (12, 25),
    "xmas": (12, 25),
    "boxing day": (12, 26),
    "new year's eve": (12, 31),
    "new years eve": (12, 31),
    "nye": (12, 31),
    "new year's day": (1, 1),
    "new years day": (1, 1),
    "valentine's day": (2, 14),
    "valentines day": (2, 14),
    "valentine's": (2, 14),
    "valentines": (2, 14),
    "halloween": (10, 31),
}
_MONTHS_IN_A_YEAR = 12
_DAYS = {"day": 1, "night": 1, "week": 7, "fortnight": 14}
_WEEK = 7


def writes_month_first(zone: str) -> bool:
    """Whether 3/5 is the fifth of March where this zone's people live."""
    return zone.startswith(_AMERICAN_ZONES)


def find_days(words: str, today: date, *, month_first: bool) -> tuple[list[Found[Day]], str]:
    """Every day that the words name, and the words without them."""
    return apply(_rules(today, month_first), words)


def say_day(day: date, today: date) -> str:
    """The day for a person to read, with its year whenever that is not the current one."""
    year = f" {day.year}" if day.year != today.year else ""
    return f"{day:%A} {day.day} {day:%B}{year}"


@lru_cache(maxsize=8)
def _rules(today: date, month_first: bool) -> tuple[Rule[Day], ...]:  # noqa: FBT001
    c = _Calendar(today, month_first)
    return tuple(Rule(pattern, _in_the_calendar(c, reader)) for pattern, reader in _READERS)


def _in_the_calendar(c: "_Calendar", reader: "_Reader") -> "Callable[[re.Match[str]], Found[Day] | None]":
    def means(match: re.Match[str]) -> Found[Day] | None:
        try:
            return reader(c, match)
        except OverflowError:
            return None  # beyond the year 9999
        except ValueError:  # 30 February: read as nothing, a part of it would be taken for another day
            return Found(match.start(), match.end(), Day(on=None)) if _SURELY_A_DAY.search(match[0]) else None

    return means


@dataclass(frozen=True, slots=True)
class _Calendar:
    """Today, and how the person writes days; every reader below is one way of naming a day."""

    today: date
    month_first: bool

    def found(self, match: re.Match[str], *days: date, inferred: bool = False, why: str = "") -> Found[Day]:
        """One day, or several that may be meant."""
        days = tuple(dict.fromkeys(days))
        if len(days) > 1:
            return Found(match.start(), match.end(), Day(on=None, among=days))
        told = f'"{match[0].strip()}" was taken for {say_day(days[0], self.today)}{why}.' if inferred else ""
        return Found(match.start(), match.end(), Day(on=days[0]), inferred, told)

    def iso(self, match: re.Match[str]) -> Found[Day] | None:
        return self.found(match, date(int(match["y"]), int(match["m"]), int(match["d"])))

    def numeric(self, match: re.Match[str]) -> Found[Day] | None:
        one, other, year = int(match["one"]), int(match["other"]), match["y"]
        may_swap = one <= _MONTHS_IN_A_YEAR and other <= _MONTHS_IN_A_YEAR and one != other
        month_first = other > _MONTHS_IN_A_YEAR or (self.month_first and one <= _MONTHS_IN_A_YEAR)
        month, day = (one, other) if month_first else (other, one)
        on = date(self._full_year(year), month, day) if year else self._coming(month, day)
        return self.found(
            match, on, inferred=may_swap or not year, why=", not the day and month swapped" if may_swap else ""
        )

    def of_a_month(self, match: re.Match[str]) -> Found[Day] | None:
        month, day = _MONTHS[match["month"].rstrip(".")], ordinal(match["day"]) or number(match["day"])
        if day is None:
            return None
        year = match["year"]
        on = date(int(year), month, day) if year else self._coming(month, day)
        named = match["weekday"]
        if named and on.weekday() != _WEEKDAYS[named.rstrip(".")]:
            return self.found(match, on, self._weekday_on_or_after(on - timedelta(days=3), named))
        return self.found(match, on, inferred=not year and on.year != self.today.year)

    def of_some_month(self, match: re.Match[str]) -> Found[Day] | None:
        """The 5th: of this month, or of the next that has one."""
        day, named = ordinal(match["day"]), match["weekday"]
        if day is None or not 1 <= day <= 31:
            return None
        start = date(int(match["year"]), 1, 1) if match["year"] else self.today
        for ahead in range(_MONTHS_IN_A_YEAR + 1):
            year, month = divmod(start.year * _MONTHS_IN_A_YEAR + start.month - 1 + ahead, _MONTHS_IN_A_YEAR)
            if day > _days_of(year, month + 1) or (on := date(year, month + 1, day)) < start:
                continue
            if not named or on.weekday() == _WEEKDAYS[named.rstrip(".")]:
                return self.found(match, on, inferred=True)
        return None

    def weekday(self, match: re.Match[str]) -> Found[Day] | None:
        named, which, week_on = match["weekday"], match["which"] or "", match["on"] or ""
        coming = self._weekday_on_or_after(self.today + timedelta(days=1), named)
        week = timedelta(days=_WEEK)
        next_monday = self.today + timedelta(days=_WEEK - self.today.weekday())
        in_next_week = self._weekday_on_or_after(next_monday, named)
        if which.startswith("last"):
            return self.found(match, coming - week, inferred=True)
        if "week" in which:
            return self.found(match, in_next_week)
        if which.startswith("week") or "week" in week_on or "a week" in which:
            return self.found(match, coming + week, inferred=True)
        if "after next" in week_on:
            return self.found(match, in_next_week + week, in_next_week)
        if which.startswith(("next", "following")):
            return self.found(match, coming, in_next_week, inferred=True)
        if coming - self.today == week:  # it is that day today
            return self.found(match, self.today, coming)
        return self.found(match, coming)

    def nth_weekday(self, match: re.Match[str]) -> Found[Day] | None:
        """The second Friday of May."""
        month = _MONTHS[match["month"].rstrip(".")]
        year = int(match["year"]) if match["year"] else self._coming(month, 28).year
        if match["nth"] == "last":
            last = date(year, month, _days_of(year, month))
            return self.found(match, self._weekday_on_or_after(last - timedelta(days=6), match["weekday"]))
        first = self._weekday_on_or_after(date(year, month, 1), match["weekday"])
        return self.found(match, first + timedelta(days=_WEEK * ((ordinal(match["nth"]) or 1) - 1)))

    def near(self, match: re.Match[str]) -> Found[Day] | None:
        words = match[0]
        ahead = 2 if "day after" in words else 1 if words.startswith("tom") else -1 if "yesterday" in words else 0
        return self.found(match, self.today + timedelta(days=ahead))

    def ahead(self, match: re.Match[str]) -> Found[Day] | None:
        count, unit = number(match["count"]) if match["count"] else 1, match["unit"]
        if count is None:
            return None
        origin = self.today + timedelta(days=1 if "tomorrow" in match[0] else 0)
        if unit.startswith("month"):
            on = self._months_on(origin, count)
        elif unit.startswith("year"):
            on = self._months_on(origin, _MONTHS_IN_A_YEAR * count)
        else:
            on = origin + timedelta(days=_DAYS[unit.rstrip("s")] * count)
        return self.found(match, on)

    def weekend(self, match: re.Match[str]) -> Found[Day] | None:
        saturday = self.today + timedelta(days=(5 - self.today.weekday()) % _WEEK)
        if "next" in match[0]:
            saturday += timedelta(days=_WEEK)
        return self.found(match, saturday, saturday + timedelta(days=1))

    def next_week(self, match: re.Match[str]) -> Found[Day] | None:
        monday = self.today + timedelta(days=_WEEK - self.today.weekday())
        return self.found(match, *(monday + timedelta(days=n) for n in range(_WEEK)))

    def named(self, match: re.Match[str]) -> Found[Day] | None:
        return self.found(match, self._coming(*_FIXED[match["holiday"]]), inferred=True)

    def _coming(self, month: int, day: int) -> date:
        """The next such day; a past one rolls to the next year that has it."""
        for year in range(self.today.year, self.today.year + 9):
            if day <= _days_of(year, month) and date(year, month, day) >= self.today:
                return date(year, month, day)
        raise ValueError(f"no day {day} in month {month}")

    def _full_year(self, year: str) -> int:
        return int(year) if len(year) > 2 else self.today.year // 100 * 100 + int(year)

    def _weekday_on_or_after(self, day: date, named: str) -> date:
        return day + timedelta(days=(_WEEKDAYS[named.rstrip(".")] - day.weekday()) % _WEEK)

    def _months_on(self, day: date, months: int) -> date:
        year, month = divmod(day.year * _MONTHS_IN_A_YEAR + day.month - 1 + months, _MONTHS_IN_A_YEAR)
        return date(year, month + 1, min(day.day, _days_of(year, month + 1)))


def _days_of(year: int, month: int) -> int:
    return (date(year + month // _MONTHS_IN_A_YEAR, month % _MONTHS_IN_A_YEAR + 1, 1) - date(year, month, 1)).days


_SURELY_A_DAY = Pattern(rf"\b{_MONTH}|\d{{4}}")
_Reader = Callable[[_Calendar, re.Match[str]], Found[Day] | None]
_SOME_WEEKDAY = rf"(?:{_WEEKDAY},? ?(?:on )?(?:the )?)?"
_READERS: tuple[tuple[Pattern, _Reader], ...] = tuple(
    (Pattern(pattern), reader)
    for pattern, reader in (
        (r"\b(?P<y>(?:19|20)\d\d)[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})\b", _Calendar.iso),
        (r"(?<![\d/$.:])(?P<one>\d{1,2})(?P<sep>[/.-])(?P<other>\d{1,2})(?P=sep)(?P<y>(?:19|20)?\d\d)(?![\d/:])", _Calendar.numeric),
        (r"(?<![\d/$])(?P<one>\d{1,2}) ?/ ?(?P<other>\d{1,2})(?P<y>)(?![\d/:])", _Calendar.numeric),
        (rf"\b{_SOME_WEEKDAY}{_DAY},? ?-?{_MONTH}{_YEAR}", _Calendar.of_a_month),
        (rf"\b{_SOME_WEEKDAY}{_MONTH} ?-?{_DAY}(?![a-z]){_YEAR}", _Calendar.of_a_month),
        (rf"\b(?:the )?(?P<nth>first|second|third|fourth|last|1st|2nd|3rd|4th) {_WEEKDAY} (?:of|in) {_MONTH}{_YEAR}", _Calendar.nth_weekday),
        (rf"\b{_WEEKDAY} (?:of )?(?P<which>next week)(?P<on>)", _Calendar.weekday),
        (r"\b(?:the )?day after tomorrow\b|\btomorrow\b|\btoday\b|\btonight\b|\bthis (?:evening|afternoon|morning)\b|\byesterday\b", _Calendar.near),
        (rf"\bin (?:about |around |another )?(?P<count>{NUMBER}|an?)(?: more)? (?P<unit>(?:day|week|month|year|night|fortnight)s?)(?:'? time)?\b(?: from (?:now|today|tomorrow))?", _Calendar.ahead),
        (rf"\b(?P<count>{NUMBER}|an?)(?: more)? (?P<unit>(?:day|week|month|year|fortnight)s?) (?:from (?:now|today|tomorrow)|later|hence|time)\b", _Calendar.ahead),
        (rf"\b(?:the )?(?P<which>next week(?: on)?,?|(?:a )?week (?:on|from)|next|following|this coming|this|coming|last)?(?(which) )(?:on )?{_WEEKDAY},? (?:the )?(?P<day>\d{{1,2}}(?:st|nd|rd|th))\b{_YEAR}", _Calendar.of_some_month),
        (rf"\b(?:the )?(?P<which>next week(?: on)?,?|(?:a )?week (?:on|from)|next|following|this coming|this|coming|last)?(?(which) )(?:on )?(?<!we )(?<!i ){_WEEKDAY}(?P<on> (?:week|next week|after next))?(?![a-z'])", _Calendar.weekday),
        (rf"\b(?P<weekday>)(?:on )?the (?P<day>\d{{1,2}}(?:st|nd|rd|th)?|{ORDINAL_WORD})(?= of this month\b|[,.!?]|$)(?: of this month)?(?P<year>)", _Calendar.of_some_month),
        (r"\b(?P<weekday>)(?:the )?(?P<day>\d{1,2}(?:st|nd|rd|th))\b(?! (?:st|street|ave|avenue|floor|birthday|anniversary|year))(?P<year>)", _Calendar.of_some_month),
        (r"\b(?:this|next|the|coming)(?: coming)? weekend\b", _Calendar.weekend),
        (r"\b(?:some ?time )?next week\b", _Calendar.next_week),
        (rf"\b(?P<holiday>{'|'.join(_FIXED)})\b", _Calendar.named),
    )
)  # fmt: skip
