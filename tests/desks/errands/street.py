"""A house with its door open, whose errands go to the whole town: tables, subscriptions, and a shop with a browser."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from haloop.connectors.booking.town import TownBooking, town_booking
from haloop.connectors.profiles import Profiles
from haloop.connectors.storefront.recipe import read_recipe
from haloop.connectors.storefront.shop import BrowsedShop, browsed_shop
from haloop.connectors.storefront.terms import Terms
from haloop.connectors.subscriptions.town import TownSubscriptions, town_subscriptions
from haloop.desks.errands.desk import ERRANDS
from haloop.kernel.clock import as_datetime
from haloop.testing.clock import MovableClock
from haloop.testing.practice import Practice
from haloop.town.street import Town, serve_town
from tests.api.conftest import Door, opened_to
from tests.engines.buying import Counter

VERIFIER = Path(__file__).parents[3] / "tools" / "verify_receipt.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """The door, and the town whose books say what was really done."""

    door: Door
    town: Town

    def ordered(self) -> list[dict[str, int]]:
        """What the household ordered beyond what it had before, the first order first."""
        new = self.town.shop_book.orders_of(self.door.practice.account)[:-2]
        return [{line.product: line.quantity for line in order.quote.lines} for order in reversed(new)]

    def cancelled(self) -> list[str]:
        """The subscriptions that the household has left."""
        kept = self.town.contracts.of(self.door.practice.account)
        return [one.subscription for one in kept if one.cancellation and one.cancellation.key]


@asynccontextmanager
async def opened_street(folder: Path) -> AsyncIterator[Street]:
    """It is noon on a Wednesday."""
    clock = MovableClock()
    clock.move(datetime(2027, 3, 3, 12, tzinfo=UTC) - as_datetime(clock.read().wall))
    async with (
        serve_town(clock=clock) as town,
        TownBooking.opened(town.booking_address) as tables,
        TownSubscriptions.opened(town.subscriptions_address) as subscriptions,
        BrowsedShop.opened(_terms(town), Profiles(folder / "shops")) as shop,
    ):
        connectors = [town_booking(tables), town_subscriptions(subscriptions), browsed_shop(shop, practice=True)]
        async with (
            Practice.opened(folder, desks=[ERRANDS], connectors=connectors, clock=clock) as practice,
            opened_to(practice, [ERRANDS], Counter()) as door,
        ):
            yield Street(door=door, town=town)


def is_proved(receipt: Path) -> bool:
    """Whether a stranger accepts the receipt, with the key that lies beside it, the script and nothing else."""
    key = (receipt.parent / "key").read_text(encoding="utf-8").strip()
    checked = subprocess.run(
        [sys.executable, "-I", VERIFIER, receipt, "--key", key], capture_output=True, text=True, check=False
    )
    return checked.returncode == 0 and checked.stdout.splitlines()[-1].startswith("PROVED")


def _terms(town: Town) -> Terms:
    return Terms(recipe=read_recipe("town"), address=town.shop_address, dry_run=False, spend_max=None)
