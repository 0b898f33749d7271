"""The sets that the reader of words is measured on: our own, and public ones if their folder is there.

The public ones are others' data and stay where they are (`HALOOP_LANGUAGE_DATA` or `--data`). Which of their
intents means one of our verbs is said here and nowhere else; intents that a person could take either way are left
out of the count.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from haloop.desks.errands.words.reading import About, Question, Span, Verb, Wish

OWN = Path(__file__).parent / "own"
UTC = ZoneInfo("UTC")
OWN_NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
CLINC_VERBS = {"restaurant_reservation": Verb.BOOK, "cancel_reservation": Verb.CANCEL, "order": Verb.REORDER}
CLINC_EITHER = {"accept_reservations", "order_checks", "confirm_reservation", "cancel", "shopping_list_update"}
_HELD_OUT_OF = 5


@dataclass(frozen=True, slots=True)
class Gold:
    """One thing that the words are known to say."""

    slot: str
    span: Span | None
    matches: "Callable[[object], bool] | None" = None
    """Whether a value is the right one; None where the set does not tell."""


@dataclass(frozen=True, slots=True)
class Case:
    text: str
    verb: Verb | None
    now: datetime = OWN_NOW
    before: Wish | None = None
    gold: tuple[Gold, ...] = ()
    scores_verb: bool = True
    slots: frozenset[str] = field(default_factory=frozenset)
    """The slots that this set marks wherever they stand."""

    @property
    def held_out(self) -> bool:
        """A fifth of every set is never looked at while rules are written, nor trained on."""
        return zlib.crc32(self.text.encode()) % _HELD_OUT_OF == 0


def own() -> dict[str, list[Case]]:
    """Our own, which are committed."""
    return {f"own-{name}": list(_own(name)) for name in ("book", "cancel", "reorder", "unsupported", "talk", "styles")}


def public(folder: Path) -> dict[str, list[Case]]:
    """The public sets that the folder holds."""
    readers: dict[str, Callable[[dict[str, object]], Case | None]] = {
        "clinc150-train": _clinc,
        "clinc150-val": _clinc,
        "snips-train": _snips,
        "restaurant8k-train": _restaurant,
        "duckling-time-en": _duckling,
    }
    found = {}
    for name, reader in readers.items():
        path = folder / f"{name}.jsonl"
        if path.exists():
            rows = (json.loads(line) for line in path.read_text().splitlines())
            found[name] = [case for row in rows if (case := reader(row)) is not None]
    return found


def _own(name: str) -> Iterator[Case]:
    for line in (OWN / f"{name}.txt").read_text().splitlines():
        text, _, value = line.partition(" => ")
        if name in ("talk", "styles"):
            verb, _, said = text.partition(" ")
            gold = tuple(_own_gold(part) for part in value.split("; ") if part)
            yield Case(said, None if verb == "-" else Verb(verb), gold=gold)
        elif name == "unsupported":
            yield Case(text, None)
        elif name == "cancel":
            yield Case(
                text, Verb.CANCEL, gold=(Gold("subject", None, _same_words(value.strip())),) if value.strip() else ()
            )
        elif name == "reorder":
            yield Case(text, Verb.REORDER, gold=(_own_gold(f"items={value.strip()}"),))
        else:
            yield Case(text, Verb.BOOK, gold=tuple(_own_gold(part) for part in value.split("; ")))


def _own_gold(part: str) -> Gold:
    slot, _, value = part.partition("=")
    if slot == "when":
        at = datetime.fromisoformat(value).replace(tzinfo=UTC)
        return Gold("when", None, lambda when: when == at)
    if slot == "day":
        return Gold("day", None, lambda day: day == date.fromisoformat(value))
    if slot == "items":
        return Gold("items", None, _same_items(value))
    return Gold(slot, None, (lambda count: count == int(value)) if slot == "party" else _same_words(value))


def _same_words(wanted: str) -> Callable[[object], bool]:
    return lambda said: _plain(str(said)) == _plain(wanted)


def _same_items(value: str) -> Callable[[object], bool]:
    if value == "usual":
        return lambda items: items == []
    wanted = []
    for one in re.split("[;,] ", value):
        match = re.fullmatch(r"(?:(\d+) )?(.+)", one)
        wanted.append((int(match[1] or 1), _plain(match[2])))  # type: ignore[index]
    return lambda items: [(one.quantity, _plain(one.name)) for one in items] == wanted  # type: ignore[attr-defined]


def _plain(words: str) -> str:
    return re.sub(r"^the |\bs\b|[^a-z0-9+ .]", "", words.lower()).strip(" .")


def _clinc(row: dict[str, object]) -> Case | None:
    intent = str(row["intent"])
    return None if intent in CLINC_EITHER else Case(str(row["text"]), CLINC_VERBS.get(intent))


def _snips(row: dict[str, object]) -> Case | None:
    verb = Verb.BOOK if row["intent"] == "BookRestaurant" else None
    names = {
        "party_size_number": "party",
        "party_size_description": "party",
        "restaurant_name": "place",
        "timeRange": "time",
    }
    gold = tuple(_gold(names[slot["slot"]], slot) for slot in row["slots"] if verb and slot["slot"] in names)  # type: ignore[attr-defined]
    return Case(str(row["text"]), verb, gold=gold, slots=frozenset({"party", "place"} if verb else ()))


def _restaurant(row: dict[str, object]) -> Case | None:
    """A turn of a talk about a booking; what was just asked is known."""
    abouts = {"people": About.PARTY, "time": About.WHEN, "date": About.WHEN}
    asked = dict.fromkeys(abouts[slot] for slot in row["requested"] if slot in abouts)  # type: ignore[attr-defined]
    before = Wish(verb=Verb.BOOK, questions=tuple(Question(about=about, asks="?") for about in asked))
    names = {"people": "party", "time": "hours", "date": "day"}
    gold = tuple(_gold(names[slot["slot"]], slot) for slot in row["slots"] if slot["slot"] in names)  # type: ignore[attr-defined]
    now = datetime(2018, 7, 30, 10, tzinfo=UTC)
    return Case(
        str(row["text"]), Verb.BOOK, now, before, gold, scores_verb=False, slots=frozenset({"party", "hours", "day"})
    )


def _duckling(row: dict[str, object]) -> Case | None:
    """Only what a person could book at: a day or a time to come."""
    if row["kind"] != "datetime" or row.get("dir") or row.get("grain") not in ("day", "hour", "minute"):
        return None
    now, start = (datetime.fromisoformat(str(row[key])).replace(tzinfo=UTC) for key in ("ref", "start"))
    if start.date() < now.date():
        return None
    about = Wish(verb=Verb.BOOK, questions=(Question(about=About.WHEN, asks="?"),))
    gold = (
        [Gold("day", None, lambda day: day == start.date())]
        if row["grain"] == "day"
        else [Gold("clock", None, lambda at: at == start)]
    )
    return Case(str(row["text"]), Verb.BOOK, now, about, tuple(gold), scores_verb=False)


def _gold(slot: str, row: dict[str, object]) -> Gold:
    value = str(row["value"])
    span = Span(int(str(row["start"])), int(str(row["end"])))
    if slot == "time":
        reader = _plain_time(value)
        return Gold("hours" if reader else "time", span, reader)
    return Gold(
        slot, span, {"party": _plain_count, "hours": _plain_time, "day": _plain_day}.get(slot, lambda _: None)(value)
    )


_COUNTS = {
    w: n
    for n, w in enumerate(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
        ],
        1,
    )
}
_MONTHS = {
    m: n for n, m in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}


def _plain_count(value: str) -> Callable[[object], bool] | None:
    """What a party's words mean, where nobody can take them otherwise; written apart from the grammar on purpose."""
    match = re.fullmatch(
        r"(?:the )?(\d+|[a-z]+)(?: (?:people|persons?|guests?|adults?|of us|seats))?\.?", value.lower().strip()
    )
    count = match and (int(match[1]) if match[1].isdigit() else _COUNTS.get(match[1]))
    if not count:
        both = re.fullmatch(r"(\d+) adults? and (\d+|a) (?:kids?|child|children|seniors?)", value.lower())
        count = both and int(both[1]) + (1 if both[2] == "a" else int(both[2]))
    return (lambda party: party == count) if count else None


def _plain_time(value: str) -> Callable[[object], bool] | None:
    match = re.fullmatch(r"(\d{1,2})(?:[:.](\d\d))?(?::\d\d)? ?([ap])?\.?(?:m\.?)?(?:ish)?\.?", value.lower().strip())
    if match is None or int(match[1]) > 23:
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3]

    def right(at: object) -> bool:
        told = (getattr(at, "hour", -1), getattr(at, "minute", -1))
        if half:
            return told == (hour % 12 + (12 if half == "p" else 0) if hour <= 12 else hour, minute)
        return told[1] == minute and told[0] % 12 == hour % 12

    return right


def _plain_day(value: str) -> Callable[[object], bool] | None:
    words = value.lower()
    ahead = {"today": 0, "tonight": 0, "this evening": 0, "tomorrow": 1}.get(words)
    if match := re.fullmatch(r"in (\d+) (?:days?|more days)|(\d+) days from now", words):
        ahead = int(match[1] or match[2])
    if ahead is not None:
        return lambda day: isinstance(day, date) and day == (datetime(2018, 7, 30) + timedelta(days=ahead)).date()  # noqa: DTZ001
    month = re.search(r"\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", words)
    number = re.search(r"\b(\d{1,2})(?:st|nd|rd|th)?\b(?!/)", words)
    if month and number:
        return lambda day: isinstance(day, date) and (day.month, day.day) == (_MONTHS[month[1]], int(number[1]))
    if match := re.fullmatch(r"(\d{4})/(\d\d)/(\d\d)", words):
        return lambda day: isinstance(day, date) and day == date(int(match[1]), int(match[2]), int(match[3]))
    return None
