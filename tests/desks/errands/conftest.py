"""A house with the errands desk, in the town."""

from collections.abc import AsyncIterator

import pytest

from haloop.connectors.booking.town import TownBooking, town_booking
from haloop.desks.errands.desk import ERRANDS
from haloop.testing.fixtures import OpenPractice
from haloop.testing.practice import Practice
from haloop.town.street import Town

GUEST = "the household"


@pytest.fixture
async def house(open_practice: OpenPractice, town: Town) -> AsyncIterator[Practice]:
    """Its requests go to the town's booking site."""
    async with TownBooking.opened(town.booking_address, guest=GUEST) as site:
        yield await open_practice(ERRANDS, town_booking(site))
