"""The town as a process serves it: each of its servers on a port of its own, for this machine only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from haloop.kernel.clock import Clock
from haloop.serving import bind, served
from haloop.town.booking_site import make_booking_site
from haloop.town.line import Line
from haloop.town.model import make_model
from haloop.town.orders import ShopBook
from haloop.town.post_office import PostOffice
from haloop.town.reservations import Book
from haloop.town.resy import make_resy
from haloop.town.resy_counter import ResyCounter
from haloop.town.shop import make_shop
from haloop.town.subscription_site import make_subscription_site
from haloop.town.subscriptions import Contracts

_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Where its servers are; and their books and lines, for whoever wants to see or trouble them."""

    booking_address: str
    book: Book
    booking_line: Line
    subscriptions_address: str
    contracts: Contracts
    subscriptions_line: Line
    shop_address: str
    shop_book: ShopBook
    shop_line: Line
    resy_address: str
    resy_counter: ResyCounter
    resy_line: Line
    post_office: PostOffice
    model_address: str
    model_line: Line


@asynccontextmanager
async def serve_town(folder: Path | None = None, *, clock: Clock) -> AsyncIterator[Town]:
    """Serve the town beside whatever else this process does; without a folder it forgets everything at its end."""
    files = [
        None if folder is None else folder / f"{name}.json" for name in ("reservations", "subscriptions", "orders")
    ]
    book, contracts, shop_book = Book(clock, files[0]), Contracts(clock, files[1]), ShopBook(clock, files[2])
    lines = booking_line, subscriptions_line, shop_line, resy_line, model_line = [Line() for _ in range(5)]
    resy_counter = ResyCounter(book, clock)
    async with (
        served(make_booking_site(book, booking_line), bind(_HOST, 0)) as booking_address,
        served(make_subscription_site(contracts, subscriptions_line), bind(_HOST, 0)) as subscriptions_address,
        served(make_shop(shop_book, shop_line), bind(_HOST, 0)) as shop_address,
        served(make_resy(resy_counter, resy_line), bind(_HOST, 0)) as resy_address,
        served(make_model(model_line), bind(_HOST, 0)) as model_address,
        PostOffice.opened(None if folder is None else folder / "mail") as post_office,
    ):
        try:
            yield Town(
                booking_address=booking_address,
                book=book,
                booking_line=booking_line,
                subscriptions_address=subscriptions_address,
                contracts=contracts,
                subscriptions_line=subscriptions_line,
                shop_address=shop_address,
                shop_book=shop_book,
                shop_line=shop_line,
                resy_address=resy_address,
                resy_counter=resy_counter,
                resy_line=resy_line,
                post_office=post_office,
                model_address=model_address,
                model_line=model_line,
            )
        finally:
            for line in lines:
                await line.let_go()
