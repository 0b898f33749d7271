"""A POST under a key: sent again it is answered as the first time, and done once."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.testing.clock import MovableClock
from tests.api.conftest import Door, opened_door

KEYED = {"Idempotency-Key": "once-and-no-more"}
SHOPPER = {"agent": "shopper"}


async def test_a_lost_reply_is_heard_again(door: Door) -> None:
    """A token is shown once and made once, however often it is asked for under one key."""
    first, again = [await door.client.post("/api/tokens", json=SHOPPER, headers=KEYED) for _ in range(2)]

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert len(await door.got("/api/tokens")) == 1


async def test_two_at_once_are_one(door: Door) -> None:
    """A second try that comes while the first is under way waits for it."""
    made = await asyncio.gather(*(door.client.post("/api/tokens", json=SHOPPER, headers=KEYED) for _ in range(5)))

    assert {one.json()["token"] for one in made} == {made[0].json()["token"]}
    assert len(await door.got("/api/tokens")) == 1


@pytest.mark.parametrize(("path", "body"), [("/api/tokens", {"agent": "other"}), ("/api/visits", None)])
async def test_a_key_stands_for_one_thing(door: Door, path: str, body: dict[str, str] | None) -> None:
    """Under the key of something else nothing is done, and whoever asks is told so."""
    await door.client.post("/api/tokens", json=SHOPPER, headers=KEYED)
    refused = await door.client.post(path, json=body, headers=KEYED)

    assert (refused.status_code, refused.json()["code"], refused.json()["executed"]) == (
        409,
        "request.key_taken",
        False,
    )
    assert [one["agent"] for one in await door.got("/api/tokens")] == ["shopper"]


async def test_what_was_refused_is_tried_anew(door: Door) -> None:
    """A refusal is no result: once nothing is in the way, the same key does it."""
    assert (await door.client.post("/api/agents/stop", json={})).status_code == 204
    assert (await door.client.post("/api/tokens", json=SHOPPER, headers=KEYED)).status_code == 409
    assert (await door.client.post("/api/agents/resumption")).status_code == 204
    assert (await door.client.post("/api/tokens", json=SHOPPER, headers=KEYED)).status_code == 201


async def test_keys_are_each_callers_own(door: Door) -> None:
    """Nobody hears another's answer by guessing a key."""
    run = await door.asked()
    async with await door.agent() as agent:
        mine = await door.client.post(f"/api/runs/{run}/cancellation", json={"reason": ""}, headers=KEYED)
        theirs = await agent.post(f"/api/runs/{run}/cancellation", json={"reason": ""}, headers=KEYED)
    assert (mine.status_code, theirs.status_code) == (202, 404)


async def test_an_answer_is_held_for_a_day(tmp_path: Path) -> None:
    """After that a key is forgotten, and is a new one."""
    clock = MovableClock()
    async with opened_door(tmp_path, clock=clock) as door:
        first = await door.client.post("/api/visits", headers=KEYED)
        clock.move(timedelta(hours=23))
        held = await door.client.post("/api/visits", headers=KEYED)
        clock.move(timedelta(hours=2))
        fresh = await door.client.post("/api/visits", headers=KEYED)
    assert first.json() == held.json() != fresh.json()


@pytest.mark.parametrize("key", ["two words", "x" * 201, ""])
async def test_a_key_is_plain(door: Door, key: str) -> None:
    """What is no key is said to be none, and nothing is done."""
    refused = await door.client.post("/api/tokens", json=SHOPPER, headers={"Idempotency-Key": key})
    assert (refused.status_code, refused.json()["code"]) == (422, "request.key")
    assert await door.got("/api/tokens") == []


async def test_every_post_says_that_it_takes_a_key(door: Door) -> None:
    """Whoever reads the description knows where a key counts; logins are the exception, they are good once anyway."""
    paths = (await door.got("/api/openapi.json"))["paths"]
    without = [
        path
        for path, methods in paths.items()
        if "post" in methods
        and "idempotency-key" not in {one["name"].lower() for one in methods["post"].get("parameters", [])}
    ]
    assert [path for path in without if not path.startswith("/api/login")] == []
