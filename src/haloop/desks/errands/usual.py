"""What a household usually means by a table: where, for how many and when, where whoever asks does not say.

An owner sets it. Whatever it fills in is said, to whoever asks and on the card; nothing of it is inferred from what the
household did.
"""

from dataclasses import replace
from datetime import datetime, time
from typing import Self, TypeVar

from pydantic import BaseModel, model_validator

from haloop.desks.errands.words.reading import About, Hours, Slot, Verb, When, Wish
from haloop.kernel.hearing import Context
from haloop.ports.booking import Party, Place

T = TypeVar("T")


class TableDefaults(BaseModel, frozen=True, extra="forbid"):
    """What is taken where nothing is said."""

    place: Place | None = None
    party: Party | None = None
    earliest: time | None = None
    latest: time | None = None

    @model_validator(mode="after")
    def _require_window(self) -> Self:
        if any(one is not None and one.tzinfo is not None for one in (self.earliest, self.latest)):
            raise ValueError("an hour is in the zone of whoever asks")
        if (self.earliest is None) != (self.latest is None):
            raise ValueError("earliest and latest go together")
        if self.earliest and self.latest and not self.earliest < self.latest:
            raise ValueError("earliest is before latest")
        return self


def with_defaults(wish: Wish, usual: TableDefaults, context: Context) -> tuple[Wish, tuple[str, ...]]:
    """A table's wish with what was not said, and each thing that was filled in, in a sentence."""
    if wish.verb is not Verb.BOOK:
        return wish, ()
    filled: list[Slot[str] | Slot[int] | Slot[Hours]] = []
    if wish.place is None and wish.area is None and usual.place:
        place = _usual(usual.place, f"No place was said: {usual.place}, your usual one.")
        wish, filled = replace(wish, place=place), [*filled, place]
    if wish.party is None and usual.party:
        party = _usual(usual.party, f"No number was said: {usual.party}, as usual.")
        wish, filled = replace(_without(wish, About.PARTY), party=party), [*filled, party]
    if when := _usual_hours(wish, usual, context):
        told = f"No time was said: {when.earliest:%H:%M} to {when.latest:%H:%M}, as usual."
        hours = _usual(Hours(at=None, earliest=when.earliest.time(), latest=when.latest.time()), told)
        wish, filled = replace(_without(wish, About.WHEN), hours=hours, when=when), [*filled, hours]
    return wish, tuple(slot.taken_for for slot in filled)


def _usual_hours(wish: Wish, usual: TableDefaults, context: Context) -> When | None:
    """The usual window on the day that was said, if no hour was said, it fits what was, and it is still to come."""
    day = wish.day.value.on if wish.day else None
    if day is None or usual.earliest is None or usual.latest is None:
        return None
    said = None if wish.hours is None else wish.hours.value
    if said is not None and not (said.is_part and said.earliest <= usual.earliest and usual.latest <= said.latest):
        return None
    earliest, latest = (datetime.combine(day, one, context.zone) for one in (usual.earliest, usual.latest))
    return When(at=None, earliest=earliest, latest=latest) if earliest > context.now else None


def _usual(value: T, told: str) -> Slot[T]:
    return Slot(value=value, spans=(), inferred=True, taken_for=told)


def _without(wish: Wish, about: About) -> Wish:
    return replace(wish, questions=tuple(one for one in wish.questions if one.about is not about))
