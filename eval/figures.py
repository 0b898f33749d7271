"""What the reader did with each case, counted."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from eval.sets import OWN_NOW, UTC, Case, Gold
from haloop.desks.errands.words.opinion import SecondOpinion
from haloop.desks.errands.words.reader import read
from haloop.desks.errands.words.reading import About, Reading, Span, Verb, Wish


@dataclass(slots=True)
class Figures:
    """The counts of one set; the rates are made of them."""

    cases: int = 0
    scored: int = 0
    right: int = 0
    wrong_action: int = 0
    none_wanted: int = 0
    none_given: int = 0
    asked: int = 0
    wanted: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    exact: Counter[str] = field(default_factory=Counter)
    offered: Counter[str] = field(default_factory=Counter)
    spans: Counter[str] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    """The same without the time that the machine gave to others."""
    misses: list[str] = field(default_factory=list)

    def miss(self, case: Case, told: str) -> None:
        """Keep it to be looked at, unless it is one that nobody may look at."""
        if not case.held_out:
            self.misses.append(told)

    def p99(self) -> float:
        return sorted(self.milliseconds)[int(0.99 * len(self.milliseconds))] if self.milliseconds else 0.0

    def f1(self, slot: str) -> float | None:
        """Of spans that overlap."""
        hits, given, wanted = (self.spans[f"{slot}.{what}"] for what in ("hit", "given", "wanted"))
        return 2 * hits / (given + wanted) if given + wanted else None


def measure(cases: Iterable[Case], second: SecondOpinion) -> Figures:
    """Read every case, and compare."""
    figures = Figures()
    read(
        "book a table for two, cancel Netflix, order the usual", now=OWN_NOW, zone=UTC, second=second
    )  # patterns compile once
    for case in cases:
        started, busy = time.perf_counter(), time.process_time()
        reading = read(case.text, now=case.now, zone=UTC, before=case.before, second=second)
        figures.milliseconds.append((time.perf_counter() - started) * 1_000)
        figures.busy.append((time.process_time() - busy) * 1_000)
        figures.cases += 1
        if case.scores_verb:
            _count_verb(figures, case, reading)
        _count_slots(figures, case, reading)
    return figures


def acted(reading: Reading) -> Verb | None:
    """The verb that the reader would go on with; a doubt about it is a question, not an action."""
    if isinstance(reading, Wish) and not any(question.about is About.VERB for question in reading.questions):
        return reading.verb
    return None


def _count_verb(figures: Figures, case: Case, reading: Reading) -> None:
    did = acted(reading)
    figures.scored += 1
    figures.right += did is case.verb
    figures.wrong_action += did is not None and did is not case.verb
    figures.none_wanted += case.verb is None
    figures.none_given += case.verb is None and did is None
    figures.asked += len(reading.questions) if isinstance(reading, Wish) else 0
    if case.verb is not None:
        figures.wanted[case.verb] += 1
        figures.met[case.verb] += did is case.verb
    if did is not case.verb:
        doubt = "?" if isinstance(reading, Wish) and did is None else ""
        figures.miss(case, f"{case.verb or '-'} read as {did or '-'}{doubt}: {case.text}")


def _count_slots(figures: Figures, case: Case, reading: Reading) -> None:
    wish = reading if isinstance(reading, Wish) else Wish(verb=case.verb or Verb.BOOK)
    if case.scores_verb and acted(reading) is not case.verb:
        return
    given = {name: slot for name in ("party", "hours", "day", "place") if (slot := getattr(wish, name)) is not None}
    for slot in case.slots:
        wanted = [gold.span for gold in case.gold if gold.slot == slot and gold.span]
        here = list(given[slot].spans) if slot in given else []
        figures.spans[f"{slot}.wanted"] += len(wanted)
        figures.spans[f"{slot}.given"] += bool(here)
        figures.spans[f"{slot}.hit"] += any(_overlap(one, other) for one in wanted for other in here)
    for gold in case.gold:
        if gold.matches is not None:
            _count_value(figures, case, gold, wish)


def _count_value(figures: Figures, case: Case, gold: Gold, wish: Wish) -> None:
    matches = gold.matches
    assert matches is not None
    value, choices = _value(gold.slot, wish)
    figures.values[gold.slot] += 1
    if value is not None and matches(value):
        figures.exact[gold.slot] += 1
        return
    if any(matches(choice) for choice in choices):
        figures.offered[gold.slot] += 1
        return
    span = f" [{case.text[gold.span.start : gold.span.end]}]" if gold.span else ""
    figures.miss(case, f"{gold.slot}{span} read as {value}: {case.text}")


def _value(slot: str, wish: Wish) -> tuple[object | None, tuple[object, ...]]:
    """What the wish says in this slot, and what it offers to choose from."""
    if slot == "hours" and wish.hours:
        hours = wish.hours.value
        return hours.at or (
            hours.earliest if hours.latest.hour == 23 else hours.latest if hours.earliest.hour == 0 else None
        ), hours.among or (hours.earliest,)
    if slot == "day" and wish.day:
        return wish.day.value.on, wish.day.value.among
    if slot in ("when", "clock"):
        return wish.when.at if wish.when else None, ()
    if slot == "items":
        return [one.value for one in wish.items], ()
    if slot == "subject":
        return wish.subject and wish.subject.value.name, ()
    found = getattr(wish, slot, None)
    return (found.value if found else None), ()


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end
