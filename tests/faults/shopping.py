"""What the rows that drive the whole API buy, and the shop they buy it from.

One procedure asks once for up to two purchases, may sleep over its yes, and makes them one after the other or at
once. The shop has all the troubles of life, keeps the book that judges in the end, and remembers what it last said
about each purchase that somebody alive could hear.
"""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol, Self, TypeVar

from pydantic import BaseModel

from haloop.kernel import values
from haloop.kernel.canonical import Canonical
from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.draft import Draft, DraftPart, Effect
from haloop.kernel.errors import BadDraft
from haloop.kernel.gate import DECIDERS, Approved, Escalation, Need
from haloop.kernel.money import Money
from haloop.kernel.operation import Absent, Call, Found, NotDone, Unknown, effect, idempotent, queryable
from haloop.kernel.people import Role
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Run
from haloop.testing.provider import Provider
from tests.faults.invariants import Deed

A = TypeVar("A")

VALID_FOR = timedelta(minutes=15)
ESCALATES_AFTER = timedelta(hours=1)
KEY_LASTS = timedelta(minutes=30)
SETTLED_AFTER = timedelta(minutes=1)


def eur(cents: int) -> Money:
    return Money(minor=cents, currency="EUR")


class Order(BaseModel, frozen=True, extra="forbid"):
    what: str
    shop: str
    cents: int


class Bought(BaseModel, frozen=True, extra="forbid"):
    number: str
    charged: Money | None = None


class Shop(Protocol):
    @effect(payee=lambda order: order.shop, purpose=lambda order: f"buy {order.what}")
    async def buy(self, order: Order, call: Call) -> Bought | NotDone: ...


class Asks(BaseModel, frozen=True, extra="forbid"):
    """How a purchase asks, and what it does after its yes."""

    count: int = 1
    separation: bool = False
    escalates: bool = False
    """First only approvers may answer, after an hour owners too."""
    within_minutes: int = 60
    pause_minutes: int = 0
    at_once: bool = False

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset({Role.APPROVER}) if self.escalates else DECIDERS

    def need(self) -> Need:
        escalation = Escalation(after=ESCALATES_AFTER, roles=frozenset({Role.OWNER}))
        return Need(
            count=self.count,
            roles=self.roles,
            separation=self.separation,
            escalation=escalation if self.escalates else None,
        )


class Line(DraftPart["Basket"]):
    order: Order
    buy: Effect[Bought]


class Basket(Draft):
    """Some purchases; a change sets what each may cost."""

    lines: tuple[Line, ...]

    @classmethod
    def of(cls, orders: list[Order]) -> Self:
        lines = [Line(order=one, buy=Effect.of(Shop.buy, one, cost_max=eur(one.cents))) for one in orders]
        return cls(lines=tuple(lines))

    def apply(self, change: int) -> Self:
        if change < 0:
            raise BadDraft("Nobody sells for less than nothing.", code="basket.negative")
        return self.of([line.order.model_copy(update={"cents": change}) for line in self.lines])


@procedure(version=1)
async def purchase(run: Run, orders: list[Order], asks: Asks) -> Ended:
    """Ask once, perhaps sleep over it, then buy."""
    within = timedelta(minutes=asks.within_minutes)
    yes = await run.gate(Basket.of(orders), need=asks.need(), within=within, valid_for=VALID_FOR)
    if not isinstance(yes, Approved):
        return run.end(yes)
    if asks.pause_minutes:
        await run.sleep(timedelta(minutes=asks.pause_minutes))
    purchases = [run.effect(yes, line.buy) for line in yes.draft.lines]
    if asks.at_once:
        await run.all(purchases)
    else:
        for one in purchases:
            await one
    return run.end()


def desk() -> Desk:
    return Desk("shopping", procedures=[purchase])


class Said(StrEnum):
    """What the shop last said about a purchase."""

    DONE = "done"
    DECLINED = "declined"
    ABSENT = "absent"
    NOTHING = "nothing"


@dataclass
class CornerShop:
    """The outside, which can neither be asked nor sent the same twice."""

    now: Callable[[], int] = field(default=lambda: 0)
    provider: Provider = field(default_factory=lambda: Provider(same_key_same_act=False))
    surcharges: deque[int] = field(default_factory=deque)
    """What the next purchases cost above what was agreed, in cents."""
    requested: dict[str, list[Canonical]] = field(default_factory=lambda: defaultdict(list))
    said: dict[str, Said] = field(default_factory=dict)
    is_heard: bool = True
    """Whether there is a process alive that hears what it says."""

    @effect
    async def buy(self, order: Order, call: Call) -> Bought | NotDone:
        return await self.sell(order, call)

    async def sell(self, order: Order, call: Call) -> Bought | NotDone:
        if not self.is_heard:
            raise ConnectionError("The dead send nothing.")
        self.requested[call.key].append(values.plain(Order, order))

        def make() -> Bought:
            cents = order.cents + (self.surcharges.popleft() if self.surcharges else 0)
            return Bought(number=call.key[:8], charged=eur(cents))

        return await self._speak(call, self.provider.act(call, make))

    async def look_up(self, call: Call) -> Found[Any] | Absent | Unknown:
        return await self._speak(call, self.provider.look_up(call))

    async def _speak(self, call: Call, answer: Awaitable[A]) -> A:
        self.said[call.key] = Said.NOTHING
        answered = await answer
        if self.is_heard:
            self.said[call.key] = self._meaning(call, answered)
        return answered

    def _meaning(self, call: Call, answered: object) -> Said:
        """What whoever asked may conclude: an absence counts only once the shop has had time to settle."""
        settled_at = call.deadline + int(SETTLED_AFTER.total_seconds()) * 1_000_000
        match answered:
            case Bought() | Found():
                return Said.DONE
            case NotDone():
                return Said.DECLINED
            case Absent() if self.now() >= settled_at:
                return Said.ABSENT
        return Said.NOTHING

    def book(self) -> Mapping[str, Deed]:
        """What it has written down, by key."""
        done = self.provider.done
        return {key: Deed(requested=tuple(asked), done=done[key]) for key, asked in self.requested.items()}


class KeyedShop(CornerShop):
    """One key is one purchase for a while."""

    @effect(recovery=idempotent(for_=KEY_LASTS))
    async def buy(self, order: Order, call: Call) -> Bought | NotDone:
        return await self.sell(order, call)


async def _look_up(shop: CornerShop, _order: Order, call: Call) -> Found[Any] | Absent | Unknown:
    return await shop.look_up(call)


class AskedShop(CornerShop):
    """It can be asked what became of a purchase."""

    @effect(recovery=queryable(_look_up, settled_after=SETTLED_AFTER))
    async def buy(self, order: Order, call: Call) -> Bought | NotDone:
        return await self.sell(order, call)


SHOPS: tuple[type[CornerShop], ...] = (CornerShop, KeyedShop, AskedShop)


def opened_shop(kind: type[CornerShop]) -> CornerShop:
    return kind(provider=Provider(same_key_same_act=kind is KeyedShop))


def connector(shop: CornerShop) -> Connector:
    return Connector(port=Shop, speaks=shop, name="corner")
