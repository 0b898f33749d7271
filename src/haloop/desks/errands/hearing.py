"""What the errands desk hears: a table to book, a table or a subscription to cancel, what to order again.

The reader of words, or a model that quotes them, makes a wish of the whole conversation; here the wish becomes a
request of one of the desk's procedures, or the questions that are left. What was taken for granted is said, and so is
what was not taken up.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from haloop.desks.errands.basket import OrderWish, Wanted
from haloop.desks.errands.book_table import book_table
from haloop.desks.errands.cancel_subscription import cancel_subscription
from haloop.desks.errands.cancel_table import Held, cancel_table
from haloop.desks.errands.reorder import reorder
from haloop.desks.errands.usual import TableDefaults, with_defaults
from haloop.desks.errands.words.left import left_over
from haloop.desks.errands.words.quotes import DOES, Quotes, read_quotes
from haloop.desks.errands.words.reader import read
from haloop.desks.errands.words.reading import Kind, Slot, Subject, Unsupported, Verb, When, Why, Wish
from haloop.kernel.desk import Asks, Context, Foreign, Heard, Outcome, Prompt, Question
from haloop.kernel.procedure import Request
from haloop.ports.booking import PARTY_MAX, TableWish
from haloop.ports.storefront import ITEMS_MAX, QUANTITY_MAX

_DESK = "errands"
_TOO_MANY = Question(asks=f"For how many, 1 to {PARTY_MAX}?", choices=("for 2", "for 4"))
_TOO_LONG = Asks(questions=(Question(asks=f"One order takes {ITEMS_MAX} things. Which, of these?"),))
_MEASURE = re.compile(r"\b(?:kilos?|kg|g|grams?|lbs?|pounds?|oz|ounces?|lit(?:er|re)s?|l|ml|gallons?|pints?)\b")
_ENGLISH = Foreign(reads="en")
_HALF_AN_HOUR = timedelta(minutes=30)


class ErrandsHearing:
    """Hears English, and by a model whatever that reads; what is nothing for this desk it leaves to others."""

    examples = (
        "Book dinner at Zum Anker tomorrow around 7 for 2",
        "Cancel Netflix",
        "Reorder the usual",
    )

    def hear(self, said: Sequence[str], context: Context) -> Outcome:
        """The wish, once it is whole; an answer that says nothing of what was asked is asked for again."""
        if not context.language.startswith("en"):
            return _ENGLISH
        wish: Wish | None = None
        left: list[str] = []
        for words in said:
            reading = read(words, now=context.now, zone=context.zone, before=wish)
            if isinstance(reading, Unsupported):
                return _ENGLISH if reading.why is Why.LANGUAGE else None
            left = [*(left if wish and wish.verb is reading.verb else []), *left_over(words, reading, wish)]
            wish = reading
        return None if wish is None else _heard(wish, left, context)

    def prompt(self, said: Sequence[str], context: Context) -> Prompt:  # noqa: ARG002  # a quote needs no clock
        """What a model is asked: where in the words stands what."""
        return Prompt(does=DOES, words="\n".join(_lines(said)), form=Quotes.model_json_schema())

    def hear_written(self, said: Sequence[str], context: Context, written: str) -> Outcome:
        """The wish that a model quoted."""
        quoted = read_quotes(_lines(said), written, now=context.now, zone=context.zone)
        return None if quoted is None else _heard(quoted.wish, quoted.left, context)


def _lines(said: Sequence[str]) -> list[str]:
    """A line for each, because a model is told that a line is what somebody said at once."""
    return [" ".join(words.split()) for words in said]


def _heard(wish: Wish, left: Sequence[str], context: Context) -> Heard | Asks | None:
    usual = TableDefaults.model_validate(context.defaults.get(_DESK, {}))
    wish, filled = with_defaults(wish, usual, context)
    request = _request(wish, filled)
    if request is None:
        return None
    if isinstance(request, Asks):
        return request
    return Heard(request=request, taken=(*_taken(wish), *(f'"{words}" was not taken up.' for words in left)))


def _request(wish: Wish, filled: tuple[str, ...]) -> Request[Any] | Asks | None:
    """What the desk can do about it; None for what it cannot."""
    if wish.questions:
        return Asks(questions=tuple(Question(asks=one.asks, choices=one.choices) for one in wish.questions))
    match wish:
        case Wish(verb=Verb.BOOK, when=When() as when, party=party) if party is not None:
            if not 1 <= party.value <= PARTY_MAX:
                return Asks(questions=(_TOO_MANY,))
            return book_table.of(_table(wish, when, party.value, filled))
        case Wish(verb=Verb.REORDER):
            return _what_to_count(wish) or reorder.of(_order(wish))
        case Wish(subject=Slot(value=Subject(kind=Kind.SUBSCRIPTION, name=name))):
            return cancel_subscription.of(name)
        case Wish(subject=Slot(value=Subject(kind=Kind.RESERVATION))):
            return cancel_table.of(_held(wish))
    return None


def _table(wish: Wish, when: When, party: int, filled: tuple[str, ...]) -> TableWish:
    return TableWish(
        place=wish.place.value if wish.place else None,
        area=wish.area.value if wish.area else None,
        party=party,
        at=when.at or _middle(when),
        earliest=when.earliest,
        latest=when.latest,
        taken=filled,
    )


def _what_to_count(wish: Wish) -> Asks | None:
    """A shop counts pieces, and so many at most; grams and a hundred of something are asked back."""
    if len(wish.items) > ITEMS_MAX:
        return _TOO_LONG
    odd = [one.value for one in wish.items if one.value.quantity > QUANTITY_MAX or _MEASURE.search(one.value.unit)]
    asks = f"How many of {odd[0].name}, as the shop sells them, 1 to {QUANTITY_MAX}?" if odd else ""
    return Asks(questions=(Question(asks=asks, choices=(f"reorder 1 {odd[0].name}",)),)) if odd else None


def _order(wish: Wish) -> OrderWish:
    items = tuple(Wanted(name=slot.value.name, quantity=slot.value.quantity) for slot in wish.items)
    return OrderWish(items=items, usual=wish.usual and not items)


def _held(wish: Wish) -> Held:
    return Held(place=wish.place.value if wish.place else None, day=wish.day.value.on if wish.day else None)


def _middle(when: When) -> datetime:
    """The middle of a window, at a full or half hour."""
    return when.earliest + (when.latest - when.earliest) / 2 // _HALF_AN_HOUR * _HALF_AN_HOUR


def _taken(wish: Wish) -> Iterator[str]:
    slots = (wish.day, wish.hours, wish.party, wish.place, wish.area, wish.subject, *wish.items)
    yield from dict.fromkeys(slot.taken_for for slot in slots if slot and slot.taken_for)
    if wish.name:
        yield f"The table is booked under the household's name; {wish.name.value} is not passed on."
