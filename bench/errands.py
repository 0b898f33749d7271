"""How soon an errand is a draft, and how many at once: `python -m bench.errands` prints a table and one JSON line.

A started Haloop is asked in plain words over HTTP, with the practice town behind it: a table and a subscription need no
browser, an order does. Then thirty errands of as many households begin at once, and each is approved when it asks.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from bench.ledger import Measure
from haloop.app import Haloop, open_haloop
from haloop.connectors.booking.town import TownBooking, town_booking
from haloop.connectors.subscriptions.town import TownSubscriptions, town_subscriptions
from haloop.desks.errands.basket import OrderWish
from haloop.desks.errands.book_table import book_table
from haloop.desks.errands.cancel_subscription import cancel_subscription
from haloop.desks.errands.desk import ERRANDS
from haloop.desks.errands.reorder import reorder
from haloop.kernel.clock import SystemClock, as_datetime
from haloop.kernel.fact import PersonAdded
from haloop.kernel.gate import Answer, GateId, Verdict, View
from haloop.kernel.ids import AccountId, PersonId, RunId, new_person_id
from haloop.kernel.people import Role
from haloop.kernel.procedure import Request
from haloop.ports.booking import TableWish
from haloop.settings import Settings
from haloop.shopping import open_shop, shop_connector
from haloop.town.street import serve_town

AT_ONCE = 30
DRAFT_MILLISECONDS, BROWSED_MILLISECONDS = 300, 4_000
SECONDS_MAX = 900
_VIEW = View(language="en", renderer="bench/1", catalogue="0" * 64)


async def measure(*, small: bool) -> list[Measure]:
    """All figures; `small` is a smoke test."""
    with TemporaryDirectory(prefix="haloop-errands-") as folder:
        async with _started(Path(folder) / "one") as client:
            await _drafts(client, "book dinner tomorrow at 7 for 2", 1)
            plain = [
                *await _drafts(client, "book dinner tomorrow at 7 for 2", 2 if small else 40),
                *await _drafts(client, "cancel Netflix", 2 if small else 40),
            ]
            await _drafts(client, "order the usual", 1)
            browsed = await _drafts(client, "order the usual", 1 if small else 15)
        ends, seconds = await _all_at_once(Path(folder) / "many", 3 if small else AT_ONCE)
    every, done = ends.total(), ends["done"]
    return [
        _at_most("request to draft without a browser, p95", plain, DRAFT_MILLISECONDS),
        _at_most("request to draft with a browser, p95", browsed, BROWSED_MILLISECONDS),
        Measure(
            f"{every} errands at once, the last one done", seconds, "s", "all done", done == every, str(dict(ends))
        ),
    ]


# One after the other, over HTTP


@asynccontextmanager
async def _started(folder: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A Haloop in an empty home, as a person starts it, and somebody to ask it."""
    command = [str(Path(sys.executable).with_name("haloop")), "start", "--json", "--port", "0"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HALOOP_", "HALO_"))}
    places = {"HALOOP_HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state")}
    haloop = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env={**clean, **places})
    assert haloop.stdout is not None
    address = json.loads(await haloop.stdout.readline())["address"]
    token = (folder / "home" / "token").read_text(encoding="utf-8").strip()
    try:
        async with httpx2.AsyncClient(
            base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60
        ) as client:
            yield client
    finally:
        haloop.terminate()
        await haloop.wait()


async def _drafts(client: httpx2.AsyncClient, words: str, count: int) -> list[float]:
    """Seconds from the request to its open gate, one after the other, told by the events that a page listens to."""
    seconds = []
    async with client.stream("GET", "/api/events") as events:
        lines = events.aiter_lines()
        for _ in range(count):
            started = time.perf_counter()
            asked = await client.post("/api/requests", json={"words": words, "zone": "Europe/Berlin"})
            await _opened(lines, asked.json()["run"])
            seconds.append(time.perf_counter() - started)
    return seconds


async def _opened(lines: AsyncIterator[str], run: str) -> None:
    """Once the run's gate is."""
    async for line in lines:
        if line.startswith("data: ") and (told := json.loads(line[6:]))["run"] == run and told["kind"] == "gate.opened":
            return


# All at once


async def _all_at_once(folder: Path, count: int) -> tuple[Counter[str], float]:
    """How so many errands of as many households end, and after how many seconds the last one does."""
    settings = Settings(home=folder / "home", state=folder / "state")
    async with (
        serve_town(clock=SystemClock()) as town,
        TownBooking.opened(town.booking_address) as tables,
        TownSubscriptions.opened(town.subscriptions_address) as subscriptions,
        open_shop(settings, town_address=town.shop_address) as shop,
        open_haloop(
            settings,
            desks=[ERRANDS],
            connectors=[town_booking(tables), town_subscriptions(subscriptions), shop_connector(settings, shop)],
        ) as haloop,
        asyncio.timeout(SECONDS_MAX),
    ):
        households = [await _household(haloop) for _ in range(count)]
        started = time.perf_counter()
        ends = await asyncio.gather(*(_errand(haloop, *one, number) for number, one in enumerate(households)))
        return Counter(ends), time.perf_counter() - started


async def _household(haloop: Haloop) -> tuple[AccountId, PersonId]:
    account, person = await haloop.ledger.open_account(), new_person_id()
    await haloop.engine.record(account, PersonAdded(person=person, name="Ana", roles=[Role.OWNER.value]), by="kernel")
    return account, person


async def _errand(haloop: Haloop, account: AccountId, person: PersonId, number: int) -> str:
    """From the request over a yes to its end."""
    run = await haloop.engine.start(account, _request(number), by=f"person:{person}")
    while not (gates := haloop.engine.open_gates(account)):  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.02)
    await haloop.engine.decide(account, await _yes(haloop, account, person, gates[0]))
    return (await haloop.engine.ended(account, RunId(run))).code


def _request(number: int) -> Request[Any]:
    """In turns an order, a table and a subscription."""
    if number % 3 == 0:
        return reorder.of(OrderWish(usual=True))
    if number % 3 == 1:
        today = as_datetime(SystemClock().read().wall).replace(hour=18, minute=0, second=0, microsecond=0)
        at = today + timedelta(days=2 + number)
        return book_table.of(TableWish(place=None, area=None, party=2, at=at, earliest=None, latest=None))
    return cancel_subscription.of("Netflix")


async def _yes(haloop: Haloop, account: AccountId, person: PersonId, gate: GateId) -> Answer:
    seen = (await haloop.engine.gate(account, gate)).gate
    return Answer(
        gate=gate,
        revision=seen.revision,
        draft=seen.draft,
        card=seen.card,
        view=_VIEW,
        verdict=Verdict.APPROVED,
        person=person,
        nonce=f"bench {gate}",
        expires=haloop.engine.world.now() + 60_000_000,
    )


def _at_most(name: str, seconds: Sequence[float], limit: int) -> Measure:
    worst = sorted(seconds)[int(0.95 * (len(seconds) - 1))] * 1_000
    return Measure(name, worst, "ms", f"≤ {limit}", worst <= limit, f"{len(seconds)}, one by one")


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(prog="bench.errands", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a smoke test: short, and its figures mean nothing")
    measures = asyncio.run(measure(small=parser.parse_args().small))
    print("| measured | figure | target | reached | |\n| --- | --- | --- | --- | --- |")
    for one in measures:
        print(one.line())
    print(json.dumps({"bench": "errands", "figures": [asdict(one) for one in measures]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
