"""What stands behind each port, as whoever runs Haloop sees it: real or not, and whether it answers."""

from pathlib import Path

from haloop.connectors.booking.town import TownBooking, town_booking
from haloop.desks.errands.desk import ERRANDS
from haloop.testing.clock import MovableClock
from haloop.testing.practice import Practice
from haloop.town.line import Trouble
from haloop.town.street import serve_town
from tests.api.conftest import Door, opened_to
from tests.engines.buying import Counter


async def test_each_connector_says_what_it_is_and_that_it_answers(errands: Door) -> None:
    """The town's booking site is asked; what lives in the ledger has nobody to ask."""
    booking, grants = await errands.got("/api/connectors")

    assert (booking["name"], booking["live"], booking["leaves"]) == ("town-booking", False, False)
    assert (booking["health"], booking["problem"]) == ("answers", None)
    assert booking["operations"] == ["Booking.reserve", "Booking.cancel"]
    assert (grants["name"], grants["health"]) == ("ledger", "within")


async def test_one_that_does_not_answer_says_why(tmp_path: Path) -> None:
    """In the connector's own words; the others are told of all the same."""
    async with (
        serve_town(clock=MovableClock()) as town,
        TownBooking.opened(town.booking_address) as site,
        Practice.opened(tmp_path, desks=[ERRANDS], connectors=[town_booking(site)]) as practice,
        opened_to(practice, [ERRANDS], Counter()) as door,
    ):
        town.booking_line.troubles.append(Trouble.BUSY)
        booking, grants = await door.got("/api/connectors")

    assert (booking["health"], grants["health"]) == ("silent", "within")
    assert booking["problem"] == "The booking site answered 503."
