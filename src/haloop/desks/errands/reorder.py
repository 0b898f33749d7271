"""Order again what the household bought before: find it, have the shop say what it costs, ask, and place the order.

What a person approves is the shop's own review. A change is quoted anew by the shop; and where the shop shows something
else in the moment of ordering, nothing is ordered and a new draft says what is different.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import ClassVar, Self, TypeAlias, TypeVar

from haloop.desks.errands.basket import OrderWish, OtherQuantities, chosen, with_quantities
from haloop.kernel.desk import (
    Approved,
    BadDraft,
    Draft,
    Effect,
    Ended,
    Expired,
    Money,
    NotDone,
    Receipt,
    Refused,
    Run,
    StepFailed,
    Why,
    procedure,
)
from haloop.ports.storefront import (
    Item,
    Line,
    Obstacle,
    Ordered,
    Review,
    SoldOut,
    Stopped,
    Storefront,
    TooDear,
    Visit,
)

ANSWER_WITHIN = timedelta(days=2)
"""Longer than this no shop keeps its prices."""
DRAFTS_MAX = 5
"""A shop that shows something else each time is given up."""
_DOORS = frozenset(f"shop.{obstacle}" for obstacle in Obstacle)

T = TypeVar("T")


class OrderDraft(Draft):
    """What the shop says would be ordered."""

    grants: ClassVar[bool] = False

    lines: tuple[Line, ...]
    delivery: Money | None
    total: Money
    deliver_to: str | None
    arrives: str | None
    taken: tuple[str, ...] | None
    """What was taken for granted."""
    changed: str | None
    """What is different from what was approved before."""
    dry_run: bool | None
    """Nothing will be ordered: all is done but the last click."""
    place: Effect[Ordered]

    @classmethod
    def of(cls, review: Review, *, taken: Sequence[str], changed: str | None = None) -> Self:
        """Plan to order just what the shop reviewed, for no more than its total."""
        return cls(
            lines=review.lines,
            delivery=review.delivery,
            total=review.total,
            deliver_to=review.deliver_to or None,
            arrives=review.arrives or None,
            taken=tuple(taken) or None,
            changed=changed,
            dry_run=review.dry_run or None,
            place=Effect.of(Storefront.place, review, cost_max=review.total),
        )


class DoorDraft(Draft):
    """The shop wants a person; a yes says that it has seen one."""

    grants: ClassVar[bool] = False

    shop: str
    obstacle: Obstacle
    what_to_do: str


_End: TypeAlias = Refused | Expired | Ended


@procedure(version=2)
async def reorder(run: Run, wish: OrderWish) -> Receipt[Ordered] | NotDone | Ended:
    """Find what was bought before, have it quoted and, once somebody said yes, order it."""
    try:
        return await _reorder(run, wish)
    except StepFailed as failed:
        return Ended(reason=f"Nothing was ordered. {failed.sentence}", code="shop.unreachable")


async def _reorder(run: Run, wish: OrderWish) -> Receipt[Ordered] | NotDone | Ended:
    visit = Visit(household=run.account, run=run.id)
    bought = await _past_the_door(run, lambda: run.step(Storefront.bought, visit))
    if isinstance(bought, _END):
        return _ended(run, bought)
    basket = chosen(wish, bought)
    if isinstance(basket, Ended):
        return basket
    items, taken, changed = basket.items, basket.taken, None

    async def requote(draft: OrderDraft, change: OtherQuantities) -> OrderDraft:
        try:
            reviewed = await run.step(Storefront.review, visit, with_quantities(_items_of(draft), change))
        except StepFailed as failed:
            raise BadDraft(failed.sentence, code="order.not_quoted") from failed
        if not isinstance(reviewed, Review):
            raise BadDraft(_why_not(reviewed), code="order.not_quoted")
        return OrderDraft.of(reviewed, taken=taken)

    for _ in range(DRAFTS_MAX):
        review = await _reviewed(run, visit, items)
        if not isinstance(review, Review):
            return _ended(run, review)
        yes = await run.gate(OrderDraft.of(review, taken=taken, changed=changed), revise=requote, within=ANSWER_WITHIN)
        if not isinstance(yes, Approved):
            return run.end(yes)
        outcome = await run.effect(yes, yes.draft.place)
        if isinstance(outcome, Receipt) or not _is_worth_another(outcome):
            return outcome
        items, changed = _items_of(yes.draft), outcome.sentence
    return Ended(reason=f"The shop shows something else each time. {changed}", code="shop.unsteady")


# What the shop says


def _items_of(draft: OrderDraft) -> list[Item]:
    review = draft.place.argument
    assert isinstance(review, Review)
    return list(review.items)


async def _reviewed(run: Run, visit: Visit, items: list[Item]) -> Review | _End:
    reviewed: Review | SoldOut | TooDear | _End = await _past_the_door(
        run, lambda: run.step(Storefront.review, visit, items)
    )
    if isinstance(reviewed, SoldOut | TooDear):
        return Ended(reason=_why_not(reviewed), code=_CODES[type(reviewed)])
    return reviewed


_CODES = {SoldOut: "sold_out", TooDear: "too_dear"}
_END = (Refused, Expired, Ended)


async def _past_the_door(run: Run, visit: Callable[[], Awaitable[T | Stopped]]) -> T | _End:
    """What a visit brings; where the shop wants a person, once one has been there."""
    for _ in range(DRAFTS_MAX):
        seen = await visit()
        if not isinstance(seen, Stopped):
            return seen
        yes = await run.gate(_door(run, seen), within=ANSWER_WITHIN)
        if not isinstance(yes, Approved):
            return yes
    return Ended(reason="The shop wants a person each time.", code="shop.door_closed")


def _door(run: Run, seen: Stopped) -> DoorDraft:
    what_to_do = f"Open the shop with: haloop connect shop --account {run.account}. Then say yes, and it goes on."
    return DoorDraft(shop=seen.shop, obstacle=seen.obstacle, what_to_do=what_to_do)


def _is_worth_another(outcome: NotDone) -> bool:
    """The shop shows something else now, or wants a person first; either way nothing was ordered."""
    return outcome.code in _DOORS or outcome.why is Why.DRIFTED


def _why_not(reviewed: Stopped | SoldOut | TooDear) -> str:
    match reviewed:
        case Stopped():
            return f"{reviewed.shop} wants a person first: {reviewed.obstacle}."
        case SoldOut():
            return f"Sold out, or not sold any more: {', '.join(reviewed.names)}."
        case TooDear():
            return f"It comes to {reviewed.total.format()}; one order may cost {reviewed.most.format()} at most."


def _ended(run: Run, end: _End) -> Ended:
    return end if isinstance(end, Ended) else run.end(end)
