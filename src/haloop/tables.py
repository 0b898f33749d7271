"""Where tables are booked, as the settings name it: at the town's site, at its likeness of Resy, or at Resy itself.

Only Resy itself is real, and the settings refuse it without the consent of whoever runs Haloop.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from haloop.connectors.booking.resy import ResyBooking, resy_booking
from haloop.connectors.booking.resy_logins import ResyLogins
from haloop.connectors.booking.town import TownBooking, town_booking
from haloop.kernel.connector import Connector
from haloop.settings import Settings
from haloop.shopping import profiles_of
from haloop.town.street import Town


@asynccontextmanager
async def open_booking(settings: Settings, town: Town) -> AsyncIterator[Connector]:
    """What stands behind the booking port."""
    logins = ResyLogins(profiles_of(settings), settings.booking_at)
    match settings.booking_at:
        case "resy":
            async with ResyBooking.opened(logins) as resy:
                yield resy_booking(resy, practice=False)
        case "resy-in-town":
            async with ResyBooking.opened(logins, town_address=town.resy_address) as resy:
                yield resy_booking(resy, practice=True)
        case _:
            async with TownBooking.opened(town.booking_address) as site:
                yield town_booking(site)
