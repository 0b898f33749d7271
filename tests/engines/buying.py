"""What the tests of gates and grants buy: one shop that keeps count, and procedures that ask before they pay."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Protocol, Self

from pydantic import BaseModel

from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.draft import Draft, Effect
from haloop.kernel.errors import BadDraft
from haloop.kernel.gate import Approved, Escalation, Need
from haloop.kernel.inbox import Arrival
from haloop.kernel.money import Money
from haloop.kernel.operation import Call, NotDone, effect
from haloop.kernel.people import Proof, Role
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Receipt, Run
from haloop.testing.clock import MovableClock
from haloop.testing.practice import Practice


def eur(cents: int) -> Money:
    return Money(minor=cents, currency="EUR")


class Order(BaseModel, frozen=True):
    """So much of something."""

    item: str = "tea"
    shop: str = "Karl"
    cents: int = 500


class Bought(BaseModel, frozen=True):
    number: str
    charged: Money | None = None


class Shop(Protocol):
    async def quote(self, order: Order) -> int: ...

    @effect(payee=lambda order: order.shop)
    async def buy(self, order: Order, call: Call) -> Bought | NotDone: ...

    @effect(payee=lambda order: order.shop)
    async def wrap(self, order: Order, call: Call) -> Bought | NotDone: ...


@dataclass
class Counter:
    """The shop itself."""

    sold: list[Order] = field(default_factory=list)
    charges: int | None = None
    """What it charges, whatever was agreed."""
    fails: bool = False
    """Whether it takes the order and then drops the line."""
    quoting: asyncio.Event = field(default_factory=asyncio.Event)

    async def quote(self, order: Order) -> int:
        await self.quoting.wait()
        return order.cents

    @effect
    async def buy(self, order: Order, call: Call) -> Bought | NotDone:
        self.sold.append(order)
        if self.fails:
            raise ConnectionError("The line broke.")
        cents = order.cents if self.charges is None else self.charges
        return Bought(number=call.key[:8], charged=eur(cents))

    @effect
    async def wrap(self, order: Order, call: Call) -> Bought | NotDone:
        self.sold.append(order)
        return Bought(number=call.key[:8], charged=eur(order.cents))


class Asks(BaseModel, frozen=True):
    """How a procedure asks."""

    count: int = 1
    roles: tuple[Role, ...] = (Role.OWNER, Role.APPROVER)
    separation: bool = False
    escalates_to: tuple[Role, ...] = ()
    passkey: bool = False
    waits_minutes: int = 0
    """How long it lets pass between the yes and the effect."""
    valid_minutes: int = 15
    within_days: int = 7

    def need(self) -> Need:
        after = timedelta(hours=2)
        return Need(
            count=self.count,
            roles=frozenset(self.roles),
            proof=Proof.PASSKEY if self.passkey else Proof.TOKEN,
            separation=self.separation,
            escalation=Escalation(after=after, roles=frozenset(self.escalates_to)) if self.escalates_to else None,
        )


class Purchase(Draft):
    order: Order
    buy: Effect[Bought]

    @classmethod
    def of(cls, order: Order) -> Self:
        return cls(order=order, buy=Effect.of(Shop.buy, order, cost_max=eur(order.cents)))

    def apply(self, change: int) -> Self:
        if change < 0:
            raise BadDraft("Nobody sells for less than nothing.", code="purchase.negative")
        return self.of(Order(item=self.order.item, shop=self.order.shop, cents=change))


class AskedPurchase(Purchase):
    """One that a grant never opens."""

    grants: ClassVar[bool] = False


class FixedPurchase(Draft):
    """One that takes no change."""

    buy: Effect[Bought]


class Wrapped(Draft):
    """Two effects under one yes."""

    buy: Effect[Bought]
    wrap: Effect[Bought]


class Bell(Arrival):
    pass


@procedure(version=1)
async def buy(run: Run, order: Order, asks: Asks) -> Receipt[Bought] | NotDone | Ended:
    """Ask, wait a while, pay."""
    yes = await run.gate(
        Purchase.of(order),
        need=asks.need(),
        within=timedelta(days=asks.within_days),
        valid_for=timedelta(minutes=asks.valid_minutes),
    )
    if not isinstance(yes, Approved):
        return run.end(yes)
    if asks.waits_minutes:
        await run.sleep(timedelta(minutes=asks.waits_minutes))
    return await run.effect(yes, yes.draft.buy)


@procedure(version=1)
async def buy_if_asked(run: Run, order: Order) -> Receipt[Bought] | NotDone | Ended:
    """The same, and no grant will do."""
    yes = await run.gate(AskedPurchase.of(order))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.buy)


@procedure(version=1)
async def buy_as_is(run: Run, order: Order) -> Receipt[Bought] | NotDone | Ended:
    """Take it or leave it."""
    yes = await run.gate(FixedPurchase(buy=Effect.of(Shop.buy, order, cost_max=eur(order.cents))))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.buy)


@procedure(version=1)
async def buy_at_any_price(run: Run, order: Order) -> Receipt[Bought] | NotDone | Ended:
    """Ask, and do not say what it costs at most."""
    yes = await run.gate(FixedPurchase(buy=Effect.of(Shop.buy, order)))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.buy)


@procedure(version=1)
async def buy_quoted(run: Run, order: Order) -> Receipt[Bought] | NotDone | Ended:
    """A change goes to the shop for a new price before people see it again."""

    async def requote(old: Purchase, change: int) -> Purchase:
        wanted = old.apply(change)
        return Purchase.of(Order(item=order.item, shop=order.shop, cents=await run.step(Shop.quote, wanted.order)))

    yes = await run.gate(Purchase.of(order), revise=requote)
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.buy)


@procedure(version=1)
async def buy_or_ask_again(run: Run, order: Order) -> Receipt[Bought] | NotDone | Ended:
    """When its question is taken back, it asks for half."""
    yes = await run.gate(Purchase.of(order))
    if not isinstance(yes, Approved):
        yes = await run.gate(Purchase.of(Order(item=order.item, shop=order.shop, cents=order.cents // 2)))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.buy)


@procedure(version=1)
async def buy_until_bell(run: Run, order: Order) -> Ended:
    """Ask until a bell rings."""
    ways: list[Awaitable[object]] = [
        run.gate(Purchase.of(order)),
        run.wait_for(Bell, key="front door", within=timedelta(days=1)),
    ]
    await run.first(ways)
    return run.end("whatever came first")


@procedure(version=1)
async def buy_wrapped(run: Run, order: Order) -> Ended:
    """Two effects under one yes, an hour apart."""
    draft = Wrapped(
        buy=Effect.of(Shop.buy, order, cost_max=eur(order.cents)),
        wrap=Effect.of(Shop.wrap, order, cost_max=eur(order.cents)),
    )
    yes = await run.gate(draft, valid_for=timedelta(days=1))
    if not isinstance(yes, Approved):
        return run.end(yes)
    await run.effect(yes, yes.draft.buy)
    await run.sleep(timedelta(hours=1))
    await run.effect(yes, yes.draft.wrap)
    return run.end("both")


@procedure(version=1)
async def buy_half_wrapped(run: Run, order: Order) -> Ended:
    """A yes to two effects, and only one of them is ever done."""
    draft = Wrapped(
        buy=Effect.of(Shop.buy, order, cost_max=eur(order.cents)),
        wrap=Effect.of(Shop.wrap, order, cost_max=eur(order.cents)),
    )
    yes = await run.gate(draft)
    if not isinstance(yes, Approved):
        return run.end(yes)
    await run.effect(yes, yes.draft.buy)
    await run.sleep(timedelta(hours=1))
    return run.end("one will do")


@procedure(version=1)
async def has_it_bought(run: Run, order: Order, asks: Asks, detached: bool) -> Ended:
    """Let another run ask and pay."""
    await run.start(buy.of(order, asks), key="errand", detached=detached)
    return run.end("sent for it")


@procedure(version=1)
async def has_somebody_have_it_bought(run: Run, order: Order, asks: Asks) -> Ended:
    """Let another run let another run ask and pay."""
    await run.start(has_it_bought.of(order, asks, detached=False), key="errand")
    return run.end("sent for it")


@procedure(version=1)
async def buys_next_time(run: Run, order: Order, asks: Asks) -> Ended:
    """Leave asking and paying to a successor."""
    return run.succeed(buy.of(order, asks))


@procedure(version=1)
async def buy_again(run: Run, order: Order) -> Ended:
    """Two of the same under one yes, the second once it is known how the first ended."""
    first, second = (Effect.of(Shop.buy, order, cost_max=eur(order.cents)) for _ in range(2))
    yes = await run.gate(Wrapped(buy=first, wrap=second), valid_for=timedelta(days=1))
    if not isinstance(yes, Approved):
        return run.end(yes)
    for one in (yes.draft.buy, yes.draft.wrap):
        result = await run.effect(yes, one)
        if isinstance(result, NotDone):
            return run.end(result.code)
    return run.end("both")


@procedure(version=1)
async def buy_and_break(run: Run, order: Order) -> Ended:
    """Ask, and then make a mistake."""
    await run.gate(Purchase.of(order))
    raise KeyError("password=hunter2")


@procedure(version=1)
async def buy_two(run: Run, one: Order, other: Order) -> Ended:
    """Two gates, and both effects at once."""
    first = await run.gate(Purchase.of(one))
    second = await run.gate(Purchase.of(other))
    if not isinstance(first, Approved) or not isinstance(second, Approved):
        return run.end("no")
    await run.all([run.effect(first, first.draft.buy), run.effect(second, second.draft.buy)])
    return run.end("both")


def desk() -> Desk:
    return Desk(
        "shop",
        procedures=(
            *(buy, buy_if_asked, buy_as_is, buy_at_any_price, buy_quoted, buy_or_ask_again, buy_until_bell),
            *(buy_wrapped, buy_half_wrapped, buy_again, buy_and_break, buy_two),
            *(has_it_bought, has_somebody_have_it_bought, buys_next_time),
        ),
    )


def connector(counter: Counter, *, live: bool = False, leaves: bool = True) -> Connector:
    return Connector(port=Shop, speaks=counter, name="karl", live=live, leaves=leaves)


@asynccontextmanager
async def opened(
    folder: Path, counter: Counter, *, live: bool = False, clock: MovableClock | None = None
) -> AsyncIterator[Practice]:
    """A house with this shop around the corner."""
    at_counter = connector(counter, live=live)
    async with Practice.opened(folder, desks=[desk()], connectors=[at_counter], clock=clock) as home:
        yield home
