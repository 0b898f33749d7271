"""What holds for any words at all."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from haloop.desks.errands.words.reader import read
from haloop.desks.errands.words.reading import QUESTIONS_MAX, Reading, Span, Wish
from haloop.desks.errands.words.text import Text

PIECES = [
    *("book", "reserve", "a", "table", "for", "dinner", "two", "7", "around", "at", "next", "friday", "tomorrow", "to"),
    *("march", "2nd", "31st", "february", "no,", "actually", "not", "cancel", "my", "netflix", "subscription", "order"),
    *(
        "the",
        "usual",
        "coffee",
        "and",
        "3",
        "packs",
        "of",
        "milk",
        "luigi's",
        ".",
        "!",
        "-",
        "19:30",
        "pm",
        "half",
        "past",
    ),
    *(
        "½",
        "２",
        "ß",
        "İ",
        "“",
        "in",
        "an",
        "hour",
        "99999",
        "12/31",
        "2026-13-45",
        "24:61",
        "me",
        "wife",
        "between",
        "6",
        "8",
    ),
    *(
        "29",
        "0",
        "am",
        "midnight",
        "christmas",
        "last",
        "monday",
        "may",
        "week",
        "9999-12-31",
        "2027-03-28T02:30:00+01:00",
    ),
]
WORDS = st.one_of(st.text(max_size=120), st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join))
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]).map(
    ZoneInfo
)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(WORDS, INSTANTS, ZONES)
def test_any_words_are_read(words: str, now: datetime, zone: ZoneInfo) -> None:
    """Nothing raises, every span lies in the words, what is inferred is told, and two questions are most."""
    reading = read(words, now=now, zone=zone)
    for start, end in spans(reading):
        assert 0 <= start < end <= len(words)
    if isinstance(reading, Wish):
        assert len(reading.questions) <= QUESTIONS_MAX
        slots = [reading.day, reading.hours, reading.party, reading.place, reading.subject, *reading.items]
        assert all(slot.taken_for for slot in slots if slot and slot.inferred)
        assert reading.when is None or (reading.when.earliest <= reading.when.latest)
        assert reading.when is None or reading.when.latest >= now.replace(second=0, microsecond=0)


@given(WORDS, WORDS, INSTANTS, ZONES)
def test_a_replay_reads_the_same(first: str, second: str, now: datetime, zone: ZoneInfo) -> None:
    """The same words at the same instant, after the same words, mean the same."""

    def talk() -> Reading:
        before = read(first, now=now, zone=zone)
        return read(second, now=now, zone=zone, before=before if isinstance(before, Wish) else None)

    assert talk() == talk()


@given(st.text(max_size=200))
def test_every_letter_remembers_its_place(words: str) -> None:
    """However words are levelled, each plain letter points into the original, in order."""
    text = Text.of(words)
    assert len(text.words) == len(text.starts) == len(text.ends)
    assert list(text.starts) == sorted(text.starts)
    assert all(0 <= start < end <= len(words) for start, end in zip(text.starts, text.ends, strict=True))


def spans(reading: Reading) -> list[Span]:
    if not isinstance(reading, Wish):
        return []
    slots = (reading.day, reading.hours, reading.party, reading.place, reading.area, reading.name, reading.subject)
    return [span for slot in (*slots, *reading.items) if slot for span in slot.spans]
