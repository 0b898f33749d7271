"""A shop to act on: one port, three connectors that differ only in how an unknown outcome is cleared up."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.draft import Draft, DraftPart, Effect, Later
from haloop.kernel.gate import Approved
from haloop.kernel.money import Money
from haloop.kernel.operation import Absent, Call, Found, NotDone, Unknown, effect, idempotent, queryable
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Receipt, Run
from haloop.testing.practice import Practice
from haloop.testing.provider import Provider

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DEADLINE = timedelta(milliseconds=30)
"""Short, because whoever dawdles is really waited for."""


class Order(BaseModel, frozen=True, extra="forbid"):
    what: str
    euros: int = 10
    pay_with: Later["Bought"] | None = None


class Bought(BaseModel, frozen=True, extra="forbid"):
    number: str
    charged: Money | None = None


class Cancelled(BaseModel, frozen=True, extra="forbid"):
    number: str


class Offer(BaseModel, frozen=True, extra="forbid"):
    euros: int


class Shop(Protocol):
    @effect(payee=lambda _order: "the shop", purpose=lambda order: f"buy {order.what}", seen=Offer)
    async def order(self, order: Order, call: Call) -> Bought | NotDone: ...

    @effect
    async def cancel(self, bought: Bought, call: Call) -> Cancelled | NotDone: ...

    @effect(purpose=lambda order: f"buy {order.what}", payee=lambda _order: "the shop")
    async def set_aside(self, order: Order, call: Call) -> Bought | NotDone: ...


class NeitherShop:
    """Once a line broke, only a person can find out."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.orders: list[Order] = []
        self._numbers = count(1)

    @effect(deadline=DEADLINE)
    async def order(self, order: Order, call: Call) -> Bought | NotDone:
        return await self._order(order, call)

    @effect(deadline=DEADLINE)
    async def cancel(self, bought: Bought, call: Call) -> Cancelled | NotDone:
        return await self.provider.act(call, lambda: Cancelled(number=bought.number))

    @effect(deadline=DEADLINE)
    async def set_aside(self, order: Order, call: Call) -> Bought | NotDone:
        return await self._order(order, call)

    async def _order(self, order: Order, call: Call) -> Bought | NotDone:
        self.orders.append(order)
        return await self.provider.act(call, lambda: Bought(number=f"no. {next(self._numbers)}"))


class IdempotentShop(NeitherShop):
    """The same key is the same order for an hour."""

    @effect(deadline=DEADLINE, recovery=idempotent(for_=HOUR))
    async def order(self, order: Order, call: Call) -> Bought | NotDone:
        return await self._order(order, call)


async def _find(shop: "QueryableShop", order: Order, call: Call) -> Found[Any] | Absent | Unknown:
    return await shop.provider.look_up(call)


class QueryableShop(NeitherShop):
    """It can be asked for an order, and knows of all that arrived a minute ago."""

    @effect(deadline=DEADLINE, recovery=queryable(_find, settled_after=MINUTE))
    async def order(self, order: Order, call: Call) -> Bought | NotDone:
        return await self._order(order, call)


class Purchase(Draft):
    """One order, which can be cancelled."""

    order: Effect[Bought]

    @classmethod
    def of(cls, what: str, euros: int = 10) -> "Purchase":
        order = Order(what=what, euros=euros)
        cost_max = Money(minor=euros * 100, currency="EUR")
        return cls(order=Effect.of(Shop.order, order, cost_max=cost_max, undo=Shop.cancel))


class Line(DraftPart["Basket"]):
    order: Effect[Bought]


class Basket(Draft):
    """Two orders, of which the second is paid with what the first one makes."""

    voucher: Effect[Bought]
    lines: tuple[Line, ...]

    @classmethod
    def of(cls) -> "Basket":
        voucher = Effect.of(Shop.order, Order(what="voucher"))
        paid = Order(what="tea", pay_with=voucher.result)
        return cls(voucher=voucher, lines=(Line(order=Effect.of(Shop.order, paid)),))


@procedure(version=1)
async def buy(run: Run, what: str, euros: int) -> Receipt[Bought] | NotDone | Ended:
    """Buy one thing."""
    yes = await run.gate(Purchase.of(what, euros))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.order)


SHOPPING = Desk("shopping", procedures=[buy])


def shop(speaks: object, **about: Any) -> Connector:
    """A connector to the shop."""
    return Connector(port=Shop, speaks=speaks, name="corner", **about)


SHOPS: Mapping[str, Callable[[Provider], NeitherShop]] = {
    "neither": NeitherShop,
    "idempotent": IdempotentShop,
    "queryable": QueryableShop,
}


def street(folder: Path, speaks: object, *, desks: "list[Desk] | None" = None, **about: Any) -> Any:
    """A house with this shop in it."""
    return Practice.opened(folder, desks=desks or [SHOPPING], connectors=[shop(speaks, **about)])
