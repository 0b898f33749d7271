"""Live events: what happens is heard as it happens, from wherever a listener left off, and nobody who is slow costs."""

import asyncio
import json
import socket
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import httpx2

from haloop.api.rates import Rate, Rates
from haloop.api.server import let_go
from haloop.kernel.people import Role
from tests.api.conftest import TOKEN, Door, client_of
from tests.api.test_passkeys import browser_of

SECONDS = 5
RUNS = 120
MEGABYTES_MAX = 15
"""What is told to one is two and a half; to twenty, if all were kept for them, fifty."""


async def heard(answer: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    """The events of a stream, as they come."""
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def until(answer: httpx2.Response, kind: str) -> list[dict[str, Any]]:
    """What is heard up to an event of this kind."""
    told = []
    async with asyncio.timeout(SECONDS):
        async for event in heard(answer):
            told.append(event)
            if event["kind"] == kind:
                break
    return told


async def test_what_happens_is_heard_as_it_happens(door: Door) -> None:
    """Somebody listens while a run is asked for, approved and done."""
    async with door.client.stream("GET", "/api/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        run = await door.asked()
        await door.decide(await door.gate(run))
        told = await until(answer, "run.ended")

    kinds = [event["kind"] for event in told if event["run"] == run]
    assert kinds[0] == "run.started"
    assert {"gate.opened", "gate.approved", "effect.intended", "effect.happened"} <= set(kinds)


async def test_a_listener_goes_on_where_it_left_off(door: Door) -> None:
    """The connection broke; what happened meanwhile comes first, each event once and in order."""
    async with door.client.stream("GET", "/api/events") as answer:
        await door.asked()
        before = await until(answer, "gate.opened")
    run = await door.asked(item="milk")

    again = {"Last-Event-ID": str(before[-1]["index"])}
    async with door.client.stream("GET", "/api/events", headers=again) as answer:
        missed = await until(answer, "gate.opened")

    assert {event["run"] for event in missed} == {run}
    assert [event["index"] for event in missed] == list(
        range(before[-1]["index"] + 1, before[-1]["index"] + 1 + len(missed))
    )


async def test_what_belongs_to_no_run_is_heard_too(door: Door) -> None:
    """Somebody joins the account."""
    async with door.client.stream("GET", "/api/events") as answer:
        await door.practice.person("Ben")
        (joined,) = await until(answer, "person.added")
    assert joined["says"]["name"] == "Ben"


async def test_a_listener_that_vanished_is_forgotten(door: Door) -> None:
    """Nothing is kept for whoever went away without a word."""
    async with client_of(door.address, TOKEN) as client, client.stream("GET", "/api/events") as answer:
        assert answer.status_code == 200
        assert len(bells(door)) == 1
    async with asyncio.timeout(SECONDS):
        while bells(door):
            await door.asked()
            await asyncio.sleep(0.01)


async def test_an_ending_process_lets_listeners_go(door: Door) -> None:
    """Whoever listens is not what an end waits for."""
    async with door.client.stream("GET", "/api/events") as answer:
        let_go(door.app)
        async with asyncio.timeout(SECONDS):
            assert [event async for event in heard(answer)] == []
    assert (await door.client.get("/readyz")).status_code == 503


async def test_whoever_is_taken_out_hears_no_more(door: Door) -> None:
    """A stream that was open goes on no longer than its person belongs there."""
    ben = await door.practice.person("Ben", Role.VIEWER)
    async with browser_of(door, ben) as his, his.stream("GET", "/api/events") as answer:
        assert answer.status_code == 200
        assert (await door.client.delete(f"/api/people/{ben}")).status_code == 204
        await door.asked()
        async with asyncio.timeout(SECONDS):
            told = [event["kind"] async for event in heard(answer)]
    assert "run.started" not in told


async def test_one_person_does_not_take_all_the_room(door: Door, monkeypatch: Any) -> None:
    """Somebody else still gets a stream."""
    monkeypatch.setattr("haloop.api.events.OF_ONE_MAX", 1)
    ben = await door.practice.person("Ben", Role.VIEWER)
    async with door.client.stream("GET", "/api/events"), browser_of(door, ben) as his:
        refused = await door.client.get("/api/events")
        async with his.stream("GET", "/api/events") as answer:
            assert answer.status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (429, "request.too_many")


async def test_there_is_an_end_to_how_many_listen(door: Door, monkeypatch: Any) -> None:
    """One more than there is room for is told so."""
    monkeypatch.setattr("haloop.api.events.STREAMS_MAX", 1)
    async with door.client.stream("GET", "/api/events"):
        refused = await door.client.get("/api/events")
    assert (refused.status_code, refused.json()["code"]) == (429, "request.too_many")


async def test_whoever_does_not_read_holds_no_memory(door: Door) -> None:
    """Twenty listen from the beginning and read nothing, while megabytes happen; one beside them hears all of it."""
    host, port = "127.0.0.1", int(door.address.rpartition(":")[2])
    request = f"GET /api/events?after=-1 HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    door.app.state.rates = Rates(proposals=Rate(count=2 * RUNS, seconds=60))
    runs = [await door.asked(item="tea " * 5_000) for _ in range(RUNS)]
    tracemalloc.start()
    slow = [socket.socket() for _ in range(20)]
    for one in slow:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # so much is taken in unread, and no more
        one.connect((host, port))
        one.sendall(request.encode())
    async with door.client.stream("GET", "/api/events?after=-1", timeout=60) as answer:
        heard_of = set()
        async with asyncio.timeout(60):
            async for event in heard(answer):
                heard_of.add(event["run"])
                if event["run"] == runs[-1] and event["kind"] == "gate.opened":
                    break
    assert len(bells(door)) >= 20
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for one in slow:
        one.close()

    assert set(runs) <= heard_of
    assert peak < MEGABYTES_MAX * 1_000_000


def bells(door: Door) -> dict[asyncio.Event, Any]:
    known: dict[asyncio.Event, Any] = door.app.state.streams._bells
    return known
