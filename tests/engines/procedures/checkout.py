"""Check out at several merchants under one yes: for each a card and an order, the card paying for the order."""

from typing import Protocol, Self

from pydantic import BaseModel

from haloop.kernel.desk import (
    Approved,
    Call,
    Connector,
    Desk,
    Draft,
    DraftPart,
    Effect,
    Ended,
    Later,
    Money,
    NotDone,
    Receipt,
    Run,
    effect,
    procedure,
)
from haloop.testing.provider import Provider


class Part(BaseModel, frozen=True):
    merchant: str
    wanted: str


class Cart(BaseModel, frozen=True):
    parts: tuple[Part, ...]


class Quote(BaseModel, frozen=True):
    merchant: str
    wanted: str
    total: Money


class Limit(BaseModel, frozen=True):
    merchant: str
    amount: Money


class Card(BaseModel, frozen=True):
    handle: str
    """A name by which the shop's connector finds the card; its number is never seen here."""


class Purchase(BaseModel, frozen=True):
    merchant: str
    wanted: str
    total: Money
    pay_with: Later[Card]


class Order(BaseModel, frozen=True):
    number: str
    charged: Money


class Cards(Protocol):
    @effect
    async def issue(self, limit: Limit, call: Call) -> Card | NotDone: ...

    @effect
    async def close(self, card: Card, call: Call) -> NotDone | None: ...


class Shops(Protocol):
    async def quote(self, part: Part) -> Quote: ...

    @effect(payee=lambda purchase: purchase.merchant, purpose=lambda purchase: f"{purchase.wanted} for us")
    async def order(self, purchase: Purchase, call: Call) -> Order | NotDone: ...


class Line(DraftPart["CartDraft"]):
    merchant: str
    total: Money
    card: Effect[Card]
    order: Effect[Order]

    @classmethod
    def of(cls, quote: Quote) -> Self:
        card = Effect.of(Cards.issue, Limit(merchant=quote.merchant, amount=quote.total), undo=Cards.close)
        purchase = Purchase(merchant=quote.merchant, wanted=quote.wanted, total=quote.total, pay_with=card.result)
        order = Effect.of(Shops.order, purchase, cost_max=quote.total)
        return cls(merchant=quote.merchant, total=quote.total, card=card, order=order)


class CartDraft(Draft):
    lines: tuple[Line, ...]


@procedure(version=1)
async def checkout(run: Run, cart: Cart) -> list[Receipt[Order] | NotDone] | Ended:
    """Ask every merchant, show one draft, and buy at all of them at once."""
    quotes = await run.all(run.step(Shops.quote, part) for part in cart.parts)
    yes = await run.gate(CartDraft(lines=tuple(Line.of(quote) for quote in quotes)))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.all(buy(run, yes, line) for line in yes.draft.lines)


async def buy(run: Run, yes: Approved[CartDraft], line: Line) -> Receipt[Order] | NotDone:
    """One merchant's part: a card, the order it pays for, and no card left behind without an order."""
    card = await run.effect(yes, line.card)
    if isinstance(card, NotDone):
        return card
    order = await run.effect(yes, line.order)
    if isinstance(order, NotDone):
        await run.undo(card)
    return order


class Bank:
    """Issues cards and closes them."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.provider = Provider()

    @effect
    async def issue(self, limit: Limit, call: Call) -> Card | NotDone:
        self.open.append(limit.merchant)
        return await self.provider.act(call, lambda: Card(handle=f"card for {limit.merchant}"))

    @effect
    async def close(self, card: Card, call: Call) -> NotDone | None:
        self.open.remove(card.handle.removeprefix("card for "))
        return await self.provider.act(call, lambda: None)


class Merchants:
    """All shops of a town; one of them can be told to hang up in the middle of an order."""

    def __init__(self) -> None:
        self.paid_with: dict[str, str] = {}
        self.hangs_up: str | None = None
        self.provider = Provider()

    async def quote(self, part: Part) -> Quote:
        return Quote(merchant=part.merchant, wanted=part.wanted, total=Money(minor=1500, currency="EUR"))

    @effect
    async def order(self, purchase: Purchase, call: Call) -> Order | NotDone:
        if purchase.merchant == self.hangs_up:
            raise ConnectionError("They hung up.")
        self.paid_with[purchase.merchant] = purchase.pay_with.value.handle
        return await self.provider.act(
            call, lambda: Order(number=f"order at {purchase.merchant}", charged=purchase.total)
        )


SHOPPING = Desk("shop", procedures=[checkout])


def high_street(merchants: Merchants, bank: Bank) -> list[Connector]:
    return [
        Connector(port=Shops, speaks=merchants, name="town"),
        Connector(port=Cards, speaks=bank, name="town-bank"),
    ]
