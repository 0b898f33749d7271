"""The book of the town's subscriptions: who pays for what, until when, and what was said when they wanted to leave.

Everybody who comes has the same few, begun on the first of the month they came in. Leaving takes as long as the
contract says; some ask to stay first, once or twice. Whatever changes is written to the file, if there is one,
before anybody is answered.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pydantic import BaseModel, Field

from haloop.kernel.clock import Clock, as_datetime
from haloop.kernel.money import Money
from haloop.town.pages import read_pages, write_pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What everybody gets who subscribes."""

    id: str
    name: str
    plan: str
    price: Money
    every: str
    notice: timedelta = timedelta(0)
    fee: Money | None = None
    offers: tuple[str, ...] = ()
    """What is said to those who want to leave, one after the other."""
    lost: tuple[str, ...] = ()
    is_cancelled: bool = False
    """Whether everybody has cancelled it already."""


class Cancellation(BaseModel, frozen=True):
    """Somebody left, and when it ends."""

    confirmation: str
    key: str
    ends_on: date
    charged: Money | None = None


class Offer(BaseModel, frozen=True):
    """Stay, says the provider; whoever sends the word back goes on leaving."""

    offer: str
    decline: str


class No(BaseModel, frozen=True):
    """A clear no."""

    code: str
    message: str


class Leaving(BaseModel, extra="forbid"):
    """What somebody sends who wants to leave: the terms that they read, and the offer that they heard last."""

    ends_on: date
    fee: Money | None = None
    declined: str = ""


class Kept(BaseModel, frozen=True):
    """One subscription of one guest."""

    subscription: str
    name: str
    plan: str
    price: Money
    every: str
    ends_on: date
    """The last day, if it were cancelled today; or if it is."""
    fee: Money | None
    lost: tuple[str, ...]
    cancellation: Cancellation | None


class _Pages(BaseModel):
    cancelled: dict[str, dict[str, Cancellation]] = Field(default_factory=dict)
    """By guest and subscription."""


class Contracts:
    """The memory of all the providers."""

    def __init__(self, clock: Clock, file: Path | None = None) -> None:
        self._raised: dict[str, Money] = {}
        self._clock = clock
        self._file = file
        self._pages = read_pages(_Pages, file)

    def of(self, guest: str) -> list[Kept]:
        """A guest's subscriptions, cancelled ones too."""
        return [self._kept(guest, one) for one in CONTRACTS]

    def cancel(self, guest: str, key: str, subscription: str, leaving: "Leaving") -> Kept | Offer | No:
        """Leave under a key and under the terms that were read; what is offered first must be declined."""
        contract = next((one for one in CONTRACTS if one.id == subscription), None)
        if contract is None:
            return No(code="unknown_subscription", message="There is no such subscription.")
        kept = self._kept(guest, contract)
        if kept.cancellation is not None:
            already = No(code="already_cancelled", message=f"It is cancelled already and ends on {kept.ends_on}.")
            return kept if kept.cancellation.key == key else already
        if (leaving.ends_on, leaving.fee) != (kept.ends_on, kept.fee):
            return No(code="terms_changed", message="Leaving means something else now.")
        heard = contract.offers.index(leaving.declined) + 1 if leaving.declined in contract.offers else 0
        if heard < len(contract.offers):
            return Offer(offer=contract.offers[heard], decline=contract.offers[heard])
        number = sum(len(theirs) for theirs in self._pages.cancelled.values()) + 1
        done = Cancellation(confirmation=f"C{number:04}", key=key, ends_on=kept.ends_on, charged=kept.fee)
        self._pages.cancelled.setdefault(guest, {})[subscription] = done
        write_pages(self._pages, self._file)
        return self._kept(guest, contract)

    # What happens in town without anybody asking

    def raise_fee(self, subscription: str, minor: int) -> None:
        """From now on leaving costs this much."""
        self._raised[subscription] = _euros(minor)

    # The rules

    def _kept(self, guest: str, contract: Contract) -> Kept:
        done = self._pages.cancelled.get(guest, {}).get(contract.id)
        today = as_datetime(self._clock.read().wall).date()
        if done is None and contract.is_cancelled:
            done = Cancellation(confirmation="C0000", key="", ends_on=_month_ends(today))
        return Kept(
            subscription=contract.id,
            name=contract.name,
            plan=contract.plan,
            price=contract.price,
            every=contract.every,
            ends_on=_month_ends(today + contract.notice) if done is None else done.ends_on,
            fee=self._raised.get(contract.id, contract.fee),
            lost=contract.lost,
            cancellation=done,
        )


def _month_ends(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _euros(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


CONTRACTS = (
    Contract(
        id="netflix",
        name="Netflix",
        plan="Standard",
        price=_euros(13_99),
        every="month",
        offers=("Stay for half the price for three months.",),
        lost=("five profiles", "what was being watched"),
    ),
    Contract(
        id="iron-gym",
        name="Iron Gym",
        plan="All day",
        price=_euros(39_00),
        every="month",
        notice=timedelta(days=30),
        offers=("Pause for two months instead.", "Bring a friend for nothing."),
        lost=("the locker",),
    ),
    Contract(
        id="morning-paper",
        name="The Morning Paper",
        plan="Print and online",
        price=_euros(468_00),
        every="year",
        fee=_euros(25_00),
        lost=("the archive",),
    ),
    Contract(id="cloud-drive", name="Cloud Drive", plan="200 GB", price=_euros(2_99), every="month", is_cancelled=True),
    Contract(id="disney", name="Disney+", plan="Premium", price=_euros(13_99), every="month", lost=("downloads",)),
)
