"""How fast the door is: `python -m bench.door` prints a table and one JSON line.

A home is served by a process of its own and asked over HTTP by another: people who approve at the same time, also
what was parked before a restart, somebody who reads long lists, many who listen. Then whole processes, in `start`.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from bench.gated_run import BookConnector, Booked, Booking, Table, Wish, book_table
from bench.ledger import Measure
from bench.peers.work import WISH, Book
from bench.start import measure_starts
from haloop.api.house import House
from haloop.api.rates import Rate, Rates
from haloop.api.server import let_go, make_app
from haloop.app import open_haloop
from haloop.identity import Caller, Identity
from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.operation import Call, NotDone, effect
from haloop.outward import open_telling
from haloop.serving import bind, served
from haloop.settings import Settings
from haloop.store.sessions import Sessions

TOKEN = "bench"
CLIENTS = 64
STREAMS = 500
RUNS = 100_000
_VIEW = {"language": "en", "renderer": "bench/1", "catalogue": "0" * 64}
_ASKED = {"desk": "errands", "procedure": "book_table", "arguments": {"wish": dict(WISH)}}


class TimedBook(BookConnector):
    """Remembers when each effect was called, by its key."""

    def __init__(self, book: Book) -> None:
        super().__init__(book)
        self.called: dict[str, float] = {}

    @effect
    async def reserve(self, table: Table, call: Call) -> Booked | NotDone:
        self.called[call.key] = time.monotonic()
        return await self.book_it(table, call)


async def serve(folder: Path, runs: int) -> None:
    """Put so many runs into a home, then serve it until our input ends."""
    book = TimedBook(Book())
    desk = Desk("errands", procedures=[book_table])
    settings = Settings(home=folder / "home", state=folder / "witness")
    booking = Connector(port=Booking, speaks=book, name="book")
    async with (
        open_haloop(settings, desks=[desk], connectors=[booking]) as haloop,
        open_telling(settings, None, ledger=haloop.ledger, engine=haloop.engine, address="http://localhost") as telling,
    ):
        with Sessions.opened(folder / "sessions.db") as kept:
            owner = Caller(account=haloop.account, person=haloop.owner)
            identity = Identity(engine=haloop.engine, owner=owner, token=TOKEN, kept=kept)
            house = House(
                ledger=haloop.ledger,
                engine=haloop.engine,
                identity=identity,
                telling=telling,
                desks=[desk],
                version="bench",
            )
            app = make_app(house)
            unlimited = Rate(count=1_000_000, seconds=1)
            app.state.rates = Rates(visits=unlimited, proposals=unlimited, decisions=unlimited)

            @app.get("/bench/called")
            async def called() -> dict[str, float]:
                return book.called

            for first in range(0, runs, 500):
                asked = [book_table.of(_wish(number)) for number in range(first, first + 500)]
                begin = [haloop.engine.start(haloop.account, one, by="agent:bench") for one in asked]
                await asyncio.gather(*begin)
                await haloop.engine.settled()
            await app.state.search.begin()
            async with served(app, bind("127.0.0.1", 0)) as address:
                print(address, flush=True)
                await asyncio.to_thread(sys.stdin.read)
                let_go(app)


def _wish(number: int) -> Wish:
    """A table at one of a thousand places, each asked for again and again."""
    return Wish(place=f"{WISH['place']} {_word(number % 1_000)}", party=WISH["party"], at=WISH["at"])


def _word(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()[:8]


@asynccontextmanager
async def _beside(folder: Path, runs: int) -> AsyncIterator[httpx2.AsyncClient]:
    """A served home, and somebody to ask it."""
    command = [sys.executable, "-m", "bench.door", "--serve", str(folder), "--runs", str(runs)]
    server = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    address = (await server.stdout.readline()).decode().strip()
    limits = httpx2.Limits(max_connections=STREAMS + CLIENTS + 10)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        async with httpx2.AsyncClient(base_url=address, headers=headers, limits=limits, timeout=60) as client:
            yield client
    finally:
        server.stdin.close()
        await server.wait()


async def _approvals(client: httpx2.AsyncClient, each: int, *, pause: float) -> list[float]:
    """Seconds from sending a yes to the effect's call: all gates are open, and each client pauses between its yeses."""
    sent: dict[str, float] = {}
    dice = Random(7)

    async def asked() -> dict[str, Any]:
        return await _gate(client, (await client.post("/api/requests", json=_ASKED)).json()["run"])

    async def one_person(gates: list[dict[str, Any]]) -> None:
        for gate in gates:
            await asyncio.sleep(dice.uniform(0, 2 * pause))
            sent[_key(gate)] = time.monotonic()
            answer = await client.post(f"/api/gates/{gate['id']}/decisions", json=_yes(gate))
            assert answer.status_code == 200, answer.text

    waiting = [[await asked() for _ in range(each)] for _ in range(CLIENTS)]
    await asyncio.gather(*(one_person(gates) for gates in waiting))
    await asyncio.sleep(0.5)
    called = (await client.get("/bench/called")).json()
    return [called[key] - at for key, at in sent.items()]


async def _park(client: httpx2.AsyncClient, count: int) -> list[dict[str, Any]]:
    """So many gates as they are shown, before whoever serves them ends."""
    runs = [(await client.post("/api/requests", json=_ASKED)).json()["run"] for _ in range(count)]
    return [await _gate(client, run) for run in runs]


async def _woken(client: httpx2.AsyncClient, gates: list[dict[str, Any]]) -> list[float]:
    """Seconds from a yes to the effect's call, where the yes itself has to wake the run from its history."""
    sent = {}
    for gate in gates:
        sent[_key(gate)] = time.monotonic()
        answer = await client.post(f"/api/gates/{gate['id']}/decisions", json=_yes(gate))
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    called = (await client.get("/bench/called")).json()
    return [called[key] - at for key, at in sent.items()]


def _key(gate: dict[str, Any]) -> str:
    """The key under which its effect will be called."""
    return sha256(f"haloop/claim/1 {gate['id']} {gate['revision']} reserve".encode()).hexdigest()[:40]


async def _gate(client: httpx2.AsyncClient, run: str) -> dict[str, Any]:
    """The run's first gate, as soon as it is open."""
    while True:
        answer = await client.get(f"/api/gates/gate_{run.removeprefix('run_')}_1")
        if answer.status_code == httpx2.codes.OK:
            gate: dict[str, Any] = answer.json()
            return gate
        await asyncio.sleep(0.002)


def _yes(gate: dict[str, Any]) -> dict[str, Any]:
    named = {"revision": gate["revision"], "draft": gate["draft"], "card": gate["card_hash"]}
    return {"verdict": "approved", **named, "view": _VIEW, "nonce": gate["id"][-40:], "expires": gate["expires"]}


async def _lists(client: httpx2.AsyncClient, count: int) -> list[float]:
    """Seconds of each page of runs, from all over the account."""
    seconds, before = [], None
    for _ in range(count):
        started = time.perf_counter()
        answer = await client.get("/api/runs", params={"limit": 50, **({} if before is None else {"before": before})})
        seconds.append(time.perf_counter() - started)
        before = answer.json()["before"]
        before = None if before is None or before < 5_000 else before - 4_000
    return seconds


async def _searches(client: httpx2.AsyncClient, count: int) -> list[float]:
    """Seconds of each search once all runs are read: a word of some, of none, with a state, and filters alone."""
    while not (await _search(client, search="nobody")).json()["is_complete"]:  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.5)
    wanted: list[dict[str, str]] = [
        *({"search": _word(number)} for number in range(count // 4)),
        *({"search": f"{WISH['place']} {_word(number)}", "state": "waits_for_you"} for number in range(count // 4)),
        *({"search": f"nowhere {number}"} for number in range(count // 4)),
        *({"desk": "errands", "procedure": f"nothing {number}"} for number in range(count // 4)),
    ]
    Random(7).shuffle(wanted)
    seconds = []
    for one in wanted:
        started = time.perf_counter()
        answer = await _search(client, **one)
        seconds.append(time.perf_counter() - started)
        assert answer.status_code == 200, answer.text
    return seconds


async def _search(client: httpx2.AsyncClient, **wanted: str) -> httpx2.Response:
    return await client.get("/api/runs", params={"limit": 50, **wanted})


async def _streams(client: httpx2.AsyncClient) -> float:
    """Seconds until an event has reached everybody who listens."""
    async with AsyncExitStack() as stack:
        open_streams = [client.stream("GET", "/api/events") for _ in range(STREAMS)]
        answers = [await stack.enter_async_context(one) for one in open_streams]
        hearing = [asyncio.ensure_future(_first_event(answer)) for answer in answers]
        await asyncio.sleep(0.5)
        started = time.perf_counter()
        await client.post("/api/tokens", json={"agent": "listener"})
        await asyncio.gather(*hearing)
        return time.perf_counter() - started


async def _first_event(answer: httpx2.Response) -> None:
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            return


async def measure(*, small: bool) -> list[Measure]:
    """All figures; `small` is a smoke test."""
    with TemporaryDirectory(prefix="haloop-door-") as folder:
        async with _beside(Path(folder) / "a", 0) as client:
            await _approvals(client, 1, pause=0.1)
            waited = await _approvals(client, 2 if small else 20, pause=0.5)
            rushed = await _approvals(client, 2 if small else 10, pause=0.0)
            heard = statistics.median([await _streams(client) for _ in range(1 if small else 3)])
            parked = await _park(client, 20 if small else 400)
        async with _beside(Path(folder) / "a", 0) as client:
            woken = await _woken(client, parked)
        runs = 500 if small else RUNS
        async with _beside(Path(folder) / "b", runs) as client:
            await _lists(client, 20)
            listed = await _lists(client, 50 if small else 400)
            searched = await _searches(client, 40 if small else 400)
    shown = f"{CLIENTS} clients, each with two yeses a second"
    return [
        _at_most("approve over HTTP to the effect's call, p50", _quantile(waited, 0.5), 10, shown),
        _at_most("approve over HTTP to the effect's call, p95", _quantile(waited, 0.95), 30, shown),
        _at_most("the same without a pause, p50", _quantile(rushed, 0.5), None, f"{CLIENTS} yeses at once"),
        _at_most("the same for a run that is parked, p50", _quantile(woken, 0.5), 30, "10 ms, and 20 ms for the wake"),
        _at_most("the same for a run that is parked, p95", _quantile(woken, 0.95), None, f"{len(woken)}, one by one"),
        _at_most(f"a page of 50 of {runs:,} runs, p95", _quantile(listed, 0.95), 25, f"{len(listed)} pages"),
        _at_most(f"a search over {runs:,} runs, p95", _quantile(searched, 0.95), 25, f"{len(searched)} searches"),
        _at_most("an event reaches every open stream", heard, 500, f"{STREAMS} streams"),
        *await asyncio.to_thread(measure_starts, small=small),
    ]


def _quantile(seconds: Sequence[float], share: float) -> float:
    return sorted(seconds)[int(share * (len(seconds) - 1))]


def _at_most(name: str, seconds: float, limit: float | None, note: str) -> Measure:
    target = "" if limit is None else f"≤ {limit:g}"
    return Measure(name, seconds * 1_000, "ms", target, limit is None or seconds * 1_000 <= limit, note)


def main() -> None:
    """Measure, or be the process that is measured."""
    parser = argparse.ArgumentParser(prog="bench.door", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a smoke test: short, and its figures mean nothing")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=0, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.serve is not None:
        told.serve.mkdir(exist_ok=True)
        asyncio.run(serve(told.serve, told.runs))
        return
    measures = asyncio.run(measure(small=told.small))
    print("| measured | figure | target | reached | |\n| --- | --- | --- | --- | --- |")
    for one in measures:
        print(one.line())
    print(json.dumps({"bench": "door", "figures": [asdict(one) for one in measures]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
