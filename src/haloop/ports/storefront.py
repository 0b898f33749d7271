"""Shops with a basket: what a household bought there, what an order would be, and placing it.

A review is the shop's own word, read from the last page before an order: its lines, delivery and total are what a draft
shows and what a yes is for. It remembers the household's newest order at that moment, so that whoever has to find out
later whether an order was placed knows where to begin looking.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from haloop.kernel.desk import FOR_PROGRAMS, Call, Money, NotDone, effect, step

ITEMS_MAX, QUANTITY_MAX = 10, 99
VISIT_DEADLINE = timedelta(minutes=5)
"""A browser takes its time; what was approved waits for its turn behind others of the kind at most."""
LOOK_DEADLINE = timedelta(minutes=30)
"""Who only looks may stand behind many others."""

Quantity: TypeAlias = Annotated[int, Field(ge=1, le=QUANTITY_MAX)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Visit(_Record):
    """For whom a shop is visited, and in which run."""

    household: str
    run: str
    """What a failed visit saw is kept with it."""


class Item(_Record):
    """So many of one product."""

    name: str
    product: str
    """Its page in the shop, as a path."""
    quantity: Quantity


class PastOrder(_Record):
    """An order that the shop has on record."""

    id: str
    placed: str = ""
    """The day, in the shop's own words; empty where it does not say."""
    total: Money | None
    items: tuple[Item, ...]


class Line(_Record):
    """One line of what would be ordered."""

    name: str
    quantity: Quantity
    each: Money | None
    """Where the shop says it."""
    total: Money


class Review(_Record):
    """What the shop says will be ordered, delivered and charged."""

    visit: Annotated[Visit, FOR_PROGRAMS]
    shop: str
    items: Annotated[tuple[Item, ...], FOR_PROGRAMS]
    """What was put into the basket for it."""
    lines: tuple[Line, ...]
    delivery: Money | None
    total: Money
    deliver_to: str = ""
    arrives: str = ""
    newest_order: Annotated[str, FOR_PROGRAMS]
    """The newest order just before; empty if there was none."""
    dry_run: Annotated[bool, FOR_PROGRAMS]
    """All will be done but the last click."""


class Obstacle(StrEnum):
    """What only a person gets past."""

    SIGN_IN = "sign_in"
    CAPTCHA = "captcha"
    SECOND_FACTOR = "second_factor"


class Stopped(_Record):
    """The shop wants a person."""

    shop: str
    obstacle: Obstacle


class SoldOut(_Record):
    """The shop does not have these now."""

    names: tuple[str, ...]


class TooDear(_Record):
    """It costs more than one order may."""

    total: Money
    most: Money


class Ordered(_Record):
    """An order is placed."""

    shop: str
    number: str
    charged: Money | None = None
    arrives: str = ""


Bought: TypeAlias = list[PastOrder] | Stopped
Reviewed: TypeAlias = Review | Stopped | SoldOut | TooDear


class Storefront(Protocol):
    """What a shop offers to somebody at its pages."""

    @step(deadline=LOOK_DEADLINE)
    async def bought(self, visit: Visit) -> Bought:
        """The household's last orders, the newest first."""
        ...

    @step(deadline=LOOK_DEADLINE)
    async def review(self, visit: Visit, items: list[Item]) -> Reviewed:
        """Put exactly these into the basket, and read what ordering them would mean. Nothing is ordered."""
        ...

    @effect(payee=lambda review: review.shop, purpose=lambda review: f"an order at {review.shop}")
    async def place(self, review: Review, call: Call) -> Ordered | NotDone: ...
