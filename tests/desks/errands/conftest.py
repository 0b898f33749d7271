"""A house with the errands desk, in the town."""

from collections.abc import AsyncIterator

import pytest

from haloop.connectors.booking.town import TownBooking, town_booking
from haloop.connectors.subscriptions.town import TownSubscriptions, town_subscriptions
from haloop.desks.errands.desk import ERRANDS
from haloop.testing.fixtures import OpenPractice
from haloop.testing.practice import Practice
from haloop.town.street import Town


@pytest.fixture
async def house(open_practice: OpenPractice, town: Town) -> AsyncIterator[Practice]:
    """Its requests go to the town's booking site and to its subscriptions."""
    async with (
        TownBooking.opened(town.booking_address) as booking,
        TownSubscriptions.opened(town.subscriptions_address) as subscriptions,
    ):
        yield await open_practice(ERRANDS, town_booking(booking), town_subscriptions(subscriptions))
