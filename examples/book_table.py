"""A table for two tomorrow evening, in the practice world: asked for, shown, approved, and proved.

Run it with `.venv/bin/python examples/book_table.py`. The restaurant is a small server on this machine with a book of
its own, so nothing costs anything, and you can see there what was really reserved.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from haloop.app import open_haloop
from haloop.cli.asking import ask_at_terminal, run_at_terminal
from haloop.connectors.booking.town import TownBooking, town_booking
from haloop.desks.errands.book_table import book_table
from haloop.desks.errands.desk import ERRANDS
from haloop.kernel.clock import SystemClock
from haloop.ports.booking import TableWish
from haloop.settings import Settings
from haloop.town.street import serve_town

HERE = Path(".local/book-table")


def tomorrow_evening() -> datetime:
    return (datetime.now(UTC) + timedelta(days=1)).replace(hour=18, minute=0, second=0, microsecond=0)


async def main() -> None:
    wish = TableWish(place="Harbour", party=2, at=tomorrow_evening())
    async with (
        serve_town(HERE / "town", clock=SystemClock()) as town,
        TownBooking.opened(town.booking_address) as site,
        open_haloop(
            Settings(home=HERE, state=HERE / "state"), desks=[ERRANDS], connectors=[town_booking(site)]
        ) as haloop,
    ):
        run = await haloop.engine.start(haloop.account, book_table.of(wish), by="agent:example", key=str(wish))
        if not await ask_at_terminal(haloop, run):
            return
        ended = await haloop.engine.ended(haloop.account, run)
        print(f"\n{ended.reason}  ({run}; delete {HERE} to begin anew)")
        for line in town.book.of():
            print(f"In the book of {line.restaurant}: {line.reference}, {line.table}, {line.at:%d %B at %H:%M}")
            (HERE / "receipt.json").write_text((await haloop.receipt(run, "reserve")).encode())
            key = haloop.ledger.verifier_key(haloop.account)
            print(f"python3 tools/verify_receipt.py {HERE}/receipt.json --key '{key}'")


if __name__ == "__main__":
    sys.exit(run_at_terminal(main()))
