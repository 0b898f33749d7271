"""A household in a process of its own, to be killed.

`python -m tests.desks.errands.household FOLDER LIFE ADDRESSES ERRAND...` asks for the errands one after the other, each
under a key, says yes to whatever is asked, and prints how each ended. Started again there it goes on where it was.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from haloop.connectors.booking.town import TownBooking, town_booking
from haloop.connectors.profiles import Profiles
from haloop.connectors.storefront.recipe import read_recipe
from haloop.connectors.storefront.shop import BrowsedShop, browsed_shop
from haloop.connectors.storefront.terms import Terms
from haloop.connectors.subscriptions.town import TownSubscriptions, town_subscriptions
from haloop.desks.errands.basket import OrderWish, Wanted
from haloop.desks.errands.book_table import book_table
from haloop.desks.errands.cancel_subscription import cancel_subscription
from haloop.desks.errands.cancel_table import Held, cancel_table
from haloop.desks.errands.desk import ERRANDS
from haloop.desks.errands.reorder import reorder
from haloop.kernel.clock import as_datetime
from haloop.kernel.procedure import Request
from haloop.ports.booking import TableWish
from haloop.testing.clock import MovableClock
from haloop.testing.practice import Practice

LOOKS_MAX = 8
"""So often time passes for an errand that has not ended."""


def request(errand: str, noon: datetime) -> Request[Any]:
    match errand:
        case "order":
            return reorder.of(OrderWish(items=(Wanted(name="coffee"),)))
        case "leave":
            return cancel_subscription.of("Netflix")
        case "book":
            at = noon.replace(hour=18) + timedelta(days=2)
            return book_table.of(TableWish(place=None, area=None, party=2, at=at, earliest=None, latest=None))
    return cancel_table.of(Held())


async def live(folder: Path, life: int, addresses: Mapping[str, str], errands: list[str]) -> None:
    clock = MovableClock()
    noon = as_datetime(clock.read().wall).replace(hour=12)
    clock.move(noon + timedelta(minutes=life) - as_datetime(clock.read().wall))
    terms = Terms(recipe=read_recipe("town"), address=addresses["shop"], dry_run=False, spend_max=None)
    async with (
        TownBooking.opened(addresses["booking"]) as tables,
        TownSubscriptions.opened(addresses["subscriptions"]) as subscriptions,
        BrowsedShop.opened(terms, Profiles(folder / "shops")) as shop,
    ):
        connectors = [town_booking(tables), town_subscriptions(subscriptions), browsed_shop(shop, practice=True)]
        house = Practice(folder, desks=[ERRANDS], connectors=connectors, clock=clock)
        await house.restart()
        known = await house.ledger.accounts()
        house.account = known[0] if known else await house.ledger.open_account()
        print(house.account, flush=True)
        for errand in errands:
            print(await ended(house, request(errand, noon), errand), flush=True)
        await house.stop()


async def ended(house: Practice, wanted: Request[Any], errand: str) -> str:
    """How it ended: by its code, or that nobody knows."""
    people = (await house.engine.account(house.account)).people
    person = next(iter(people), None) or await house.person("Ana")
    run = await house.start(wanted, key=errand)
    for _ in range(LOOKS_MAX):
        if "run.ended" in await house.kinds(run):
            return (await house.ended(run)).code
        if house.engine.open_gates(house.account):
            await house.yes(run, person)
        else:
            await house.move(timedelta(minutes=10))
    return "uncertain" if await house.uncertain(run) else "goes on"


if __name__ == "__main__":
    home, number, where, *wishes = sys.argv[1:]
    asyncio.run(live(Path(home), int(number), json.loads(where), wishes))
