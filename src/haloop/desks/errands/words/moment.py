"""Day and hours together, in the person's zone: instants, and what to ask where there is none or more than one.

Where clocks go forward an hour of the night does not exist, and a time in it is refused; where they go back an hour
comes twice, and which is asked. What has already passed is never offered.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from haloop.desks.errands.words.day import say_day
from haloop.desks.errands.words.found import Found
from haloop.desks.errands.words.number import NUMBER, number
from haloop.desks.errands.words.pattern import Pattern
from haloop.desks.errands.words.reading import About, Day, Hours, Question, Slot, When

_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Settled:
    """The instants, or the one question about them, or neither if nothing was said."""

    when: When | None = None
    day: Slot[Day] | None = None
    hours: Slot[Hours] | None = None
    question: Question | None = None


def from_now(words: str, now: datetime) -> Found[tuple[Day, Hours]] | None:
    """In an hour, in 20 minutes, right now: a day and a time at once."""
    for pattern in _AHEAD:
        match = pattern.search(words)
        if match:
            at = (now + _length(match)).replace(second=0, microsecond=0)
            hours = Hours(at=at.time(), earliest=at.time(), latest=at.time())
            told = f'"{match[0].strip()}" was taken for {say_day(at.date(), now.date())} at {at:%H:%M}.'
            return Found(match.start(), match.end(), (Day(on=at.date()), hours), inferred=True, taken_for=told)
    return None


_AHEAD = (
    Pattern(r"\bin (?:about |around |approximately )?(?P<half>half an hour)\b"),
    Pattern(rf"\bin (?:about |around |approximately |like )?(?P<count>{NUMBER}|an?)(?P<half> and a half)? (?P<unit>hour|minute|min|hr|second|sec)s?(?P<more> and a half)?(?: time)?(?: from now)?\b"),
    Pattern(rf"\b(?P<count>{NUMBER}|an?)(?P<half> and a half)? (?P<unit>hour|minute|min|hr|second|sec)s?(?P<more> and a half)? from now\b"),
    Pattern(r"\b(?:right now|straight away|immediately|asap|as soon as possible|(?<!no )(?<!until )(?<!from )now(?=[.!?]?$| for ))\b"),
)  # fmt: skip


def _length(match: re.Match[str]) -> timedelta:
    parts = match.groupdict()
    if "unit" not in parts:
        return _HOUR / 2 if "half" in parts else timedelta(0)
    count = number(parts["count"]) or 0
    unit = {"h": _HOUR, "m": _MINUTE, "s": timedelta(seconds=1)}[parts["unit"][0]]
    return count * unit + (unit / 2 if parts["half"] or parts["more"] else timedelta(0))


def settle(day: Slot[Day] | None, hours: Slot[Hours] | None, now: datetime, zone: ZoneInfo) -> Settled:
    """Make instants of a day and a time, or say what to ask."""
    if day is None and hours is None:
        return Settled(question=Question(about=About.WHEN, asks="When should it be?", choices=_suggestions(now)))
    if hours is not None and not hours.value.among:
        day = day or _next_day_for(hours.value, now)
    if day is not None and hours is not None:
        hours = _still_ahead(day.value, hours, now)
    question = _which_day(day, hours, now) or _which_hours(day, hours, now)
    if question is not None or day is None or hours is None or day.value.on is None:
        return Settled(day=day, hours=hours, question=question or _which_time(day, now))
    when, question = _instants(day.value.on, hours.value, now, zone)
    return Settled(when, day, hours, question)


def _next_day_for(hours: Hours, now: datetime) -> Slot[Day]:
    """Without a day, today is meant if the time is still to come."""
    today = now.date()
    last = hours.at or hours.latest
    on = today if last > now.time() else today + timedelta(days=1)
    told = f"No day was said: {say_day(on, today)} was taken, the next time it is {last:%H:%M}."
    return Slot(value=Day(on=on), spans=(), inferred=True, taken_for=told)


def _still_ahead(day: Day, hours: Slot[Hours], now: datetime) -> Slot[Hours]:
    """Of two times that may be meant today, one that has passed is not."""
    ahead = [at for at in hours.value.among if at > now.time()]
    if day.on != now.date() or len(ahead) != 1:
        return hours
    told = f"{ahead[0]:%H:%M} was taken, because the other has passed."
    return Slot(
        value=Hours(at=ahead[0], earliest=ahead[0], latest=ahead[0]), spans=hours.spans, inferred=True, taken_for=told
    )


def _which_day(day: Slot[Day] | None, hours: Slot[Hours] | None, now: datetime) -> Question | None:
    today = now.date()
    if day is None:
        at = "" if hours is None or hours.value.at is None else f" at {hours.value.at:%H:%M}"
        return Question(
            about=About.WHEN, asks=f"On which day{at}?", choices=_days((today, today + timedelta(days=1)), today)
        )
    if day.value.among:
        return Question(about=About.WHEN, asks="Which day do you mean?", choices=_days(day.value.among, today))
    if day.value.on is None:
        return Question(about=About.WHEN, asks="There is no such day. Which day do you mean?")
    if day.value.on < today:
        return Question(about=About.WHEN, asks=f"{say_day(day.value.on, today)} has passed. Which day do you mean?")
    return None


def _which_hours(day: Slot[Day] | None, hours: Slot[Hours] | None, now: datetime) -> Question | None:
    if hours is None or not hours.value.among:
        return None
    asks = (
        "At which time?"
        if day is None or day.value.on is None
        else f"At which time on {say_day(day.value.on, now.date())}?"
    )
    return Question(about=About.WHEN, asks=asks, choices=_times(hours.value.among))


def _which_time(day: Slot[Day] | None, now: datetime) -> Question:
    on = "" if day is None or day.value.on is None else f" on {say_day(day.value.on, now.date())}"
    return Question(about=About.WHEN, asks=f"At what time{on}?", choices=_times((time(12, 30), time(19), time(20))))


def _instants(on: date, hours: Hours, now: datetime, zone: ZoneInfo) -> tuple[When | None, Question | None]:
    latest = _first_instant(on, hours.latest, zone)
    earliest = max(_first_instant(on, hours.earliest, zone), min(now, latest))
    if hours.at is None:
        return (
            (When(at=None, earliest=earliest, latest=latest), None)
            if latest >= now
            else (None, _passed(on, hours.latest, now))
        )
    at = _first_instant(on, hours.at, zone)
    if not _exists(at):
        around = (at.astimezone(UTC) - _HOUR).astimezone(zone), at.astimezone(UTC).astimezone(zone)
        asks = f"There is no {hours.at:%H:%M} on {say_day(on, now.date())}: the clocks go forward. Which time instead?"
        return None, Question(about=About.WHEN, asks=asks, choices=_times(tuple(one.time() for one in around)))
    if at.utcoffset() != at.replace(fold=1).utcoffset():
        asks = f"{hours.at:%H:%M} comes twice on {say_day(on, now.date())}: the clocks go back. Which one?"
        twice = (at, at.replace(fold=1))
        return None, Question(
            about=About.WHEN,
            asks=asks,
            choices=tuple(one.isoformat() for one in twice),
        )
    if at < now.replace(second=0, microsecond=0):
        return None, _passed(on, hours.at, now)
    return When(at=at, earliest=min(earliest, at), latest=latest), None


def _first_instant(on: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, at, tzinfo=zone)


def _exists(at: datetime) -> bool:
    return at.astimezone(UTC).astimezone(at.tzinfo).replace(tzinfo=None) == at.replace(tzinfo=None)


def _passed(on: date, at: time, now: datetime) -> Question:
    return Question(
        about=About.WHEN,
        asks=f"{at:%H:%M} on {say_day(on, now.date())} has passed. When should it be?",
        choices=_suggestions(now),
    )


def _suggestions(now: datetime) -> tuple[str, ...]:
    tomorrow = now.date() + timedelta(days=1)
    return tuple(f"{say_day(tomorrow, now.date())}, {at:%H:%M}" for at in (time(19), time(20)))


def _days(days: tuple[date, ...], today: date) -> tuple[str, ...]:
    return tuple(say_day(day, today) for day in days)


def _times(times: tuple[time, ...]) -> tuple[str, ...]:
    return tuple(f"{at:%H:%M}" for at in times)
