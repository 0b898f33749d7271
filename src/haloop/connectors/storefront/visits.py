"""Visits to one shop: what was bought, what an order would be, placing it, and finding out whether it was placed.

Before the one click whatever fails means that nothing was ordered, and is said so. After it nothing is sure but what
the shop says: an order's number, or that it took none.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from haloop.connectors.storefront.chromium import Chromium
from haloop.connectors.storefront.comparing import difference
from haloop.connectors.storefront.hindrance import Gone, Unclear, Walled
from haloop.connectors.storefront.pages import ShopPages
from haloop.connectors.storefront.terms import Terms
from haloop.kernel.desk import Absent, Found, Malformed, NotDone, Permanent, Unknown, Why
from haloop.kernel.failure import StepFault
from haloop.ports.storefront import (
    Bought,
    Item,
    Ordered,
    PastOrder,
    Review,
    Reviewed,
    SoldOut,
    Stopped,
    TooDear,
    Visit,
)


class Visits:
    """One household after the other, at one shop."""

    def __init__(self, terms: Terms, chromium: Chromium) -> None:
        self._terms = terms
        self._chromium = chromium

    async def close(self) -> None:
        await self._chromium.close()

    async def bought(self, visit: Visit) -> Bought:
        try:
            async with self._inside(visit) as pages:
                return await pages.orders()
        except Walled as wall:
            return self._stopped(wall)

    async def review(self, visit: Visit, items: list[Item]) -> Reviewed:
        try:
            async with self._inside(visit) as pages:
                newest = await pages.newest_order()
                missing = await pages.fill_basket(items)
                if missing:
                    return SoldOut(names=tuple(missing))
                return self._within_terms(await self._read_review(pages, visit, tuple(items), newest))
        except Walled as wall:
            return self._stopped(wall)

    async def place(self, review: Review) -> Ordered | NotDone:
        clicked = False
        try:
            async with self._inside(review.visit, is_approved=True) as pages:
                refusal = await self._why_not(pages, review)
                clicked = refusal is None
                return refusal or await self._placed(pages, review)
        except Walled as wall:
            return _not_done(Why.DECLINED, f"shop.{wall.obstacle}", "The shop wants a person before it takes an order.")
        except StepFault as fault:
            if clicked:
                raise
            return _not_done(Why.DECLINED, "shop.not_ready", f"Nothing was ordered. {fault}")

    async def look_up(self, review: Review) -> Found[Ordered] | Absent | Unknown:
        """Whether an order with the same lines and total is newer than the review."""
        try:
            async with self._inside(review.visit) as pages:
                orders = await pages.orders()
        except Walled as wall:
            return Unknown(sentence=f"The shop wants a person: {wall.obstacle}.")
        return _found(review, orders)

    async def _placed(self, pages: ShopPages, review: Review) -> Ordered | NotDone:
        """What came of the click. That the shop took none is believed only where its order history has no new one."""
        outcome = await pages.place()
        if isinstance(outcome, NotDone):
            await pages.open_history()
            if await pages.newest_order() != review.newest_order:
                raise Unclear("The shop says that it took none, and there is a newer order.")
        return outcome

    # Before the click

    async def _why_not(self, pages: ShopPages, review: Review) -> NotDone | None:
        """Why nothing is ordered; nothing if the shop shows exactly what was approved and it may be ordered."""
        if not await pages.has_basket():
            return _drifted("The basket is empty now.")
        await pages.open_history()
        newest = await pages.newest_order()
        now = await self._read_review(pages, review.visit, review.items, newest)
        changed = difference(review, now)
        if changed:
            return _drifted(changed)
        within = self._within_terms(now)
        if isinstance(within, TooDear):
            sentence = f"{within.total.format()} is more than the {within.most.format()} that one order may cost."
            return _not_done(Why.OVER_BUDGET, "shop.too_dear", sentence)
        await pages.require_placeable()
        if self._terms.dry_run:
            return _not_done(Why.DECLINED, "shop.dry_run", "This was a dry run: all was done but the last click.")
        return None

    def _within_terms(self, review: Review) -> Review | TooDear:
        most = self._terms.spend_max
        if most is not None and (review.total.currency != most.currency or review.total > most):
            return TooDear(total=review.total, most=most)
        return review

    async def _read_review(self, pages: ShopPages, visit: Visit, items: tuple[Item, ...], newest: str) -> Review:
        """The review, with the order that was the newest before it."""
        if not newest:  # whoever orders again has ordered before, so the history was not read
            raise Malformed(f"The order history of {self._terms.recipe.shop} came without an order.")
        shown = await pages.review()
        if sum(line.quantity for line in shown.lines) != sum(item.quantity for item in items):
            raise Malformed(f"The review of {self._terms.recipe.shop} shows other quantities than were asked for.")
        return Review(
            visit=visit,
            shop=self._terms.recipe.shop,
            items=items,
            lines=shown.lines,
            delivery=shown.delivery,
            total=shown.total,
            deliver_to=shown.deliver_to,
            arrives=shown.arrives,
            newest_order=newest,
            dry_run=self._terms.dry_run,
        )

    # The door

    @asynccontextmanager
    async def _inside(self, visit: Visit, *, is_approved: bool = False) -> AsyncIterator[ShopPages]:
        terms = self._terms
        window = self._chromium.window(visit, terms.recipe.name, terms.patience, is_approved=is_approved)
        async with window as page:
            pages = ShopPages(page, terms.recipe, address=terms.address, household=visit.household)
            try:
                await pages.enter()
                yield pages
            except Gone as gone:
                raise Permanent(f"{terms.recipe.shop} has no such page.") from gone

    def _stopped(self, wall: Walled) -> Stopped:
        return Stopped(shop=self._terms.recipe.shop, obstacle=wall.obstacle)


def _found(review: Review, orders: list[PastOrder]) -> Found[Ordered] | Absent | Unknown:
    numbers = [order.id for order in orders]
    if review.newest_order not in numbers:
        return Unknown(sentence="The order history does not reach back to the review.")
    newer = orders[: numbers.index(review.newest_order)]
    same = [order for order in newer if _is_of(review, order)]
    if not newer:
        return Absent()
    if len(newer) == len(same) == 1:
        return Found(result=Ordered(shop=review.shop, number=same[0].id, charged=same[0].total))
    return Unknown(sentence=f"There is a newer order that may be another one: {', '.join(one.id for one in newer)}.")


def _is_of(review: Review, order: PastOrder) -> bool:
    ordered = Counter((item.name, item.quantity) for item in order.items)
    return order.total == review.total and ordered == Counter((line.name, line.quantity) for line in review.lines)


def _drifted(sentence: str) -> NotDone:
    return _not_done(Why.DRIFTED, "shop.drifted", sentence)


def _not_done(why: Why, code: str, sentence: str) -> NotDone:
    return NotDone(why=why, code=code, sentence=sentence[:400])
