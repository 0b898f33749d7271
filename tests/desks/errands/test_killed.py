"""The real process killed at each point of each errand: what the town's books say is done once, and known."""

import asyncio
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from haloop.town.line import Line, Trouble
from haloop.town.street import Town

REPOSITORY = Path(__file__).parents[3]
SECONDS_MAX = 120
POINTS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One life of the household's process."""

    account: str
    ends: list[str]
    """How its errands ended, as far as it came."""
    was_killed: bool


async def lived(folder: Path, town: Town, line: Line, number: int, *errands: str) -> Life:
    """Let the process live to its end, or until a request of it is held on this line: then it is killed."""
    folder.mkdir(exist_ok=True)
    places = {"booking": town.booking_address, "subscriptions": town.subscriptions_address, "shop": town.shop_address}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HALOOP_", "HALO_"))}
    command = [sys.executable, "-m", "tests.desks.errands.household", str(folder), str(number), json.dumps(places)]
    process = await asyncio.create_subprocess_exec(
        *command, *errands, stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY, env=clean
    )
    reading, held = asyncio.create_task(process.communicate()), asyncio.create_task(line.is_holding.wait())
    async with asyncio.timeout(SECONDS_MAX):
        await asyncio.wait({reading, held}, return_when=asyncio.FIRST_COMPLETED)
        was_killed = not reading.done()
        if was_killed:
            process.kill()
        held.cancel()
        out, _ = await reading
    await line.let_go()
    account, *ends = out.decode().split("\n")[:-1]
    return Life(account=account, ends=ends, was_killed=was_killed)


async def killed_at_each(folder: Path, town: Town, line: Line, *errands: str) -> list[Life]:
    """For each request that the errands send on this line: killed while it is under way, and the life after that."""
    second: list[Life] = []
    for point in range(POINTS_MAX):
        line.troubles.extend([*[Trouble.NONE] * point, Trouble.SLOW])
        first = await lived(folder / f"{point}", town, line, 0, *errands)
        line.troubles.clear()
        if not first.was_killed:
            return second
        second.append(await lived(folder / f"{point}", town, line, 1, *errands))
    raise AssertionError("It never came to its end.")


async def test_a_table_is_booked_and_cancelled_once_wherever_the_process_dies(town: Town, tmp_path: Path) -> None:
    """Each request on its way when the plug is pulled: one reservation in the book, and it is cancelled."""
    lives = await killed_at_each(tmp_path, town, town.booking_line, "book", "cancel table")

    booked = [[one.cancelled for one in town.book.of(life.account)] for life in lives]
    assert len(lives) == 5
    assert [life.ends for life in lives] == [["done", "done"]] * len(lives)
    assert booked == [[True]] * len(lives)


async def test_a_subscription_ends_once_wherever_the_process_dies(town: Town, tmp_path: Path) -> None:
    """What was under way is looked up; nothing is declined or cancelled twice, and the ledger knows that it ended."""
    lives = await killed_at_each(tmp_path, town, town.subscriptions_line, "leave")

    ended = [
        [one.subscription for one in town.contracts.of(life.account) if one.cancellation and one.cancellation.key]
        for life in lives
    ]
    assert len(lives) >= 4
    assert [life.ends == ["done"] for life in lives] == [book == ["netflix"] for book in ended]
    assert ended[-1] == ["netflix"]


with_a_browser = pytest.mark.skipif(
    shutil.which("chromium") is None and os.environ.get("CI") != "true",
    reason="NOTHING WAS ORDERED WITH A BROWSER: chromium is missing",
)


@with_a_browser
@pytest.mark.parametrize("point", ["POST /basket/add", "GET /checkout", "POST /checkout/place"])
async def test_an_order_is_placed_once_wherever_the_process_dies(town: Town, tmp_path: Path, point: str) -> None:
    """Before the review, at it, and in the one click that counts."""
    town.shop_line.awaiting[point] = Trouble.SLOW
    first = await lived(tmp_path / "home", town, town.shop_line, 0, "order")
    second = await lived(tmp_path / "home", town, town.shop_line, 1, "order")

    assert first.was_killed
    assert second.ends == ["done"]
    assert len(town.shop_book.orders_of(second.account)) == 3
    assert town.shop_line.requests.count("POST /checkout/place") == 1


@with_a_browser
@pytest.mark.sweep
async def test_an_order_is_placed_once_at_whichever_page_the_process_dies(town: Town, tmp_path: Path) -> None:
    """Each page on its way when the plug is pulled, from the first look at the history to the thanks.

    Until the click that counts was sent it may be that nothing is ordered; then that is what the household is told.
    """
    lives = await killed_at_each(tmp_path, town, town.shop_line, "order")

    new = [len(town.shop_book.orders_of(life.account)) - 2 for life in lives]
    assert len(lives) >= 15
    assert {(*life.ends, ordered) for life, ordered in zip(lives, new, strict=True)} == {("done", 1), ("not_done", 0)}
    assert (lives[0].ends, lives[-1].ends) == (["done"], ["done"])
