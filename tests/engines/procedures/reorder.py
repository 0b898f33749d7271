"""Reorder from a shop: a person may change a quantity, and the shop may have changed a price meanwhile."""

from collections.abc import Mapping
from typing import Protocol, Self

from pydantic import BaseModel

from haloop.kernel.desk import (
    Approved,
    Call,
    Connector,
    Desk,
    Draft,
    Effect,
    Ended,
    Money,
    NotDone,
    Receipt,
    Run,
    Why,
    effect,
    procedure,
)


class Item(BaseModel, frozen=True):
    name: str
    quantity: int
    price: Money


class Review(BaseModel, frozen=True):
    """The shop's last page before it buys."""

    shop: str
    items: tuple[Item, ...]
    total: Money


class Quantities(BaseModel, frozen=True):
    of: dict[str, int]


class Order(BaseModel, frozen=True):
    number: str
    charged: Money


class Storefront(Protocol):
    async def review(self, shop: str, change: Quantities | None) -> Review: ...

    @effect(payee=lambda review: review.shop, seen=Review)
    async def place(self, review: Review, call: Call) -> Order | NotDone: ...


class Basket(Draft):
    items: tuple[Item, ...]
    total: Money
    was: Money | None = None
    """What it would have cost when somebody said yes to it before."""
    place: Effect[Order]

    @classmethod
    def of(cls, review: Review, *, was: Money | None = None) -> Self:
        place = Effect.of(Storefront.place, review, cost_max=review.total)
        return cls(items=review.items, total=review.total, was=was, place=place)


@procedure(version=1)
async def reorder(run: Run, shop: str) -> Receipt[Order] | NotDone | Ended:
    """Show the basket, quote it anew for each change, and buy it as it was shown or show what is different."""

    async def requote(basket: Basket, change: Quantities) -> Basket:
        return Basket.of(await run.step(Storefront.review, shop, change), was=basket.total)

    basket = Basket.of(await run.step(Storefront.review, shop, None))
    while True:
        yes = await run.gate(basket, revise=requote)
        if not isinstance(yes, Approved):
            return run.end(yes)
        match await run.effect(yes, yes.draft.place):
            case NotDone(why=Why.DRIFTED, seen=Review() as now):
                basket = Basket.of(now, was=yes.draft.total)
            case outcome:
                return outcome


class Shop:
    """A shop whose prices the test may move."""

    def __init__(self, prices: Mapping[str, int]) -> None:
        self.prices = dict(prices)
        self.sold: list[int] = []

    async def review(self, shop: str, change: Quantities | None) -> Review:
        return self._page(shop, dict.fromkeys(self.prices, 1) | (change.of if change else {}))

    @effect
    async def place(self, review: Review, call: Call) -> Order | NotDone:
        now = self._page(review.shop, {item.name: item.quantity for item in review.items})
        if now != review:
            return NotDone(why=Why.DRIFTED, sentence="The price is another one now.", seen=now)
        self.sold.append(review.total.minor)
        return Order(number="A-1", charged=review.total)

    def _page(self, shop: str, quantities: Mapping[str, int]) -> Review:
        items = [Item(name=name, quantity=count, price=_euro(self.prices[name])) for name, count in quantities.items()]
        return Review(shop=shop, items=tuple(items), total=_euro(sum(one.price.minor * one.quantity for one in items)))


def _euro(cents: int) -> Money:
    return Money(minor=cents, currency="EUR")


SHOPPING = Desk("shop", procedures=[reorder])


def storefront(behind: Shop) -> Connector:
    return Connector(port=Storefront, speaks=behind, name="town")
