"""An owner's word that no command says yet: that recovery mode may end, or that the clock is right.

Run it with `.venv/bin/python examples/owners_word.py end-recovery` (or `trust-clock`), while no process serves the
home. It opens the home of `HALOOP_HOME` as a start does, so what may go on then goes on.
"""

import os
import sys

from haloop.app import open_haloop
from haloop.cli.asking import run_at_terminal
from haloop.connectors.booking.town import TownBooking, town_booking
from haloop.desks.errands.desk import ERRANDS
from haloop.kernel.clock import SystemClock
from haloop.kernel.errors import BadInput
from haloop.settings import Settings
from haloop.store.home import Home
from haloop.town.street import serve_town


async def main() -> None:
    settings = Settings.read(os.environ)
    Home(settings.home).make()
    async with (
        serve_town(settings.home / "town", clock=SystemClock()) as town,
        TownBooking.opened(town.booking_address, guest="haloop") as site,
        open_haloop(settings, desks=[ERRANDS], connectors=[town_booking(site)]) as haloop,
    ):
        match sys.argv[1:]:
            case ["end-recovery"]:
                await haloop.engine.end_recovery(haloop.account, by=haloop.owner)
                print("Recovery mode has ended.")
            case ["trust-clock"]:
                await haloop.engine.trust_clock(haloop.account, by=haloop.owner)
                print("The clock is trusted as it is.")
            case _:
                raise BadInput("Say end-recovery or trust-clock.", code="usage.bad")


if __name__ == "__main__":
    sys.exit(run_at_terminal(main()))
