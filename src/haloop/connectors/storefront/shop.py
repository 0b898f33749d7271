"""A shop behind the port, visited with a browser as its recipe says.

Shops know no key under which a second order would be the first, so an order is never sent twice. Before the one click
the review is read again, and the household's newest order with it; any difference means that nothing is ordered. What
is unclear after the click is cleared up in the order history: an order that is newer than the review, with the same
lines and the same total, is the one.

What drives the browser costs more to load than a start may take, and is an extra; it is loaded with the first visit.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module
from typing import Protocol

from haloop.connectors.profiles import Profiles
from haloop.connectors.storefront.evidence import Evidence, Keep
from haloop.connectors.storefront.terms import Terms
from haloop.kernel.desk import Absent, Call, Connector, Found, NotDone, Permanent, Unknown, effect, queryable
from haloop.ports.storefront import (
    VISIT_DEADLINE,
    Bought,
    Item,
    Ordered,
    Review,
    Reviewed,
    Storefront,
    Visit,
)

SETTLED_AFTER = timedelta(minutes=2)
"""An order that is not in the history by then was never placed."""

_VISITING = "haloop.connectors.storefront.visits"


class Visiting(Protocol):
    """What goes to the shop."""

    async def bought(self, visit: Visit) -> Bought: ...

    async def review(self, visit: Visit, items: list[Item]) -> Reviewed: ...

    async def place(self, review: Review) -> Ordered | NotDone: ...

    async def look_up(self, review: Review) -> Found[Ordered] | Absent | Unknown: ...

    async def close(self) -> None: ...


async def _look_up(shop: "BrowsedShop", review: Review, call: Call) -> Found[Ordered] | Absent | Unknown:  # noqa: ARG001
    return await (await shop.visiting()).look_up(review)


class BrowsedShop:
    """One shop for all the households of a home."""

    def __init__(self, terms: Terms, profiles: Profiles) -> None:
        self.terms = terms
        self.keep: Keep = _nowhere
        """Where what a failed visit saw is kept."""
        self._profiles = profiles
        self._loading = asyncio.Lock()
        self._visiting: Visiting | None = None

    @classmethod
    @asynccontextmanager
    async def opened(cls, terms: Terms, profiles: Profiles) -> "AsyncIterator[BrowsedShop]":
        """Ready for visits; the browser is closed at the end, if there was one."""
        shop = cls(terms, profiles)
        try:
            yield shop
        finally:
            if shop._visiting is not None:
                await shop._visiting.close()

    async def bought(self, visit: Visit) -> Bought:
        return await (await self.visiting()).bought(visit)

    async def review(self, visit: Visit, items: list[Item]) -> Reviewed:
        return await (await self.visiting()).review(visit, items)

    @effect(deadline=VISIT_DEADLINE, recovery=queryable(_look_up, settled_after=SETTLED_AFTER))
    async def place(self, review: Review, call: Call) -> Ordered | NotDone:  # noqa: ARG002  # no shop takes a key
        return await (await self.visiting()).place(review)

    async def visiting(self) -> Visiting:
        """What goes to the shop, loaded with the first visit."""
        async with self._loading:
            if self._visiting is None:
                self._visiting = await self._loaded()
            return self._visiting

    async def _loaded(self) -> Visiting:
        try:
            await asyncio.to_thread(import_module, _VISITING)
        except ModuleNotFoundError as error:
            raise Permanent("A shop takes a browser: install haloop-app[browser], then ask again.") from error
        from haloop.connectors.storefront.chromium import Chromium  # noqa: PLC0415  # loaded with the first visit
        from haloop.connectors.storefront.visits import Visits  # noqa: PLC0415

        terms = self.terms
        chromium = Chromium(self._profiles, address=terms.address, hosts=terms.recipe.hosts, keep=self._kept)
        return Visits(terms, chromium)

    async def _kept(self, visit: Visit, evidence: Evidence) -> None:
        await self.keep(visit, evidence)


def browsed_shop(shop: BrowsedShop, *, practice: bool) -> Connector:
    """The shop behind the port; in the practice world its effects stay on this machine."""
    name = f"{shop.terms.recipe.name}-shop"
    return Connector(port=Storefront, speaks=shop, name=name, live=not practice, leaves=not practice)


async def _nowhere(visit: Visit, evidence: Evidence) -> None:
    """Until a home is open there is no run to keep it with."""
