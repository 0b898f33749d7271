"""Numbers 3, 4 and 5: nothing runs without a yes to exactly that, given once, by whom it takes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from haloop.identity import Caller
from haloop.kernel.gate import Need
from haloop.kernel.ids import PersonId
from haloop.kernel.people import Role
from haloop.testing.passkey import Passkey
from tests.api.conftest import Door, client_of, tea

PARALLEL = 24


@asynccontextmanager
async def session_of(door: Door, person: PersonId) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser of somebody's, with a session of its own."""
    key = door.house.identity.issue_once(Caller(account=door.practice.account, person=person))
    async with client_of(door.address, None) as browser:
        begun = await browser.post("/api/session", json={"key": key}, headers={"Origin": door.address})
        browser.headers.update({"Origin": door.address, "X-Haloop-Session": begun.json()["secret"]})
        yield browser


async def _facts(door: Door, kind: str) -> list[dict[str, Any]]:
    events = (await door.got("/api/ledger/events", params={"limit": 500}))["events"]
    return [event for event in events if event["kind"] == kind]


async def _said(door: Door, client: httpx2.AsyncClient, gate: dict[str, Any], said: dict[str, Any]) -> httpx2.Response:
    answer = await client.post(f"/api/gates/{gate['id']}/decisions", json=said)
    await door.practice.engine.settled()
    return answer


async def _signed(door: Door, client: httpx2.AsyncClient, gate: dict[str, Any], passkey: Passkey) -> dict[str, Any]:
    """A yes, with the passkey's answer to exactly that."""
    said = door.decision(gate)
    asked = await client.post(f"/api/gates/{gate['id']}/challenge", json=said)
    assert asked.status_code == 200, asked.text
    return {**said, "assertion": passkey.answer_in_browser(asked.json()["challenge"]).model_dump()}


async def test_03_whatever_ran_was_approved_as_it_ran(door: Door) -> None:
    """Each intent in the ledger has an approval of its gate and revision, whose draft holds the very argument sent."""
    for cents in (100, 250, 700):
        gate = await door.gate(await door.asked(cents=cents))
        await door.decide(gate, "changed", change=cents + 1)
        await door.decide(await door.gate(gate["run"]))

    done = (await door.got("/api/activity"))["executions"]
    approved = {(fact["says"]["gate"], fact["says"]["revision"]) for fact in await _facts(door, "gate.approved")}
    intended = await _facts(door, "effect.intended")
    assert len(done) == len(intended) == len(door.shop.sold) == 3
    assert {(fact["says"]["gate"], fact["says"]["revision"]) for fact in intended} == approved
    assert [one["approved"] == one["executed"] != one["asked"]["order"] for one in done] == [True] * 3
    assert sorted(order.cents for order in door.shop.sold) == [101, 251, 701]


@pytest.mark.parametrize("wrong", ["draft", "card", "revision"])
async def test_03_a_yes_to_anything_else_runs_nothing(door: Door, wrong: str) -> None:
    """Another draft's hash, another card's, a revision that is not there yet: refused, recorded, nothing bought."""
    gate, other = [await door.gate(await door.asked(cents=cents)) for cents in (500, 900)]
    taken = {"draft": other["draft"], "card": other["card_hash"], "revision": 2}[wrong]

    answer = await door.decide(gate, **{wrong: taken})

    assert (answer.status_code, answer.json()["code"]) == (409, "answer.stale")
    assert [fact["says"]["code"] for fact in await _facts(door, "answer.refused")] == ["answer.stale"]
    assert door.shop.sold == []


async def test_03_a_change_voids_the_yes_before_it(door: Door) -> None:
    """One of two needed said yes, then the other changed the amount: the first yes counts for nothing."""
    ben = await door.practice.person("Ben")
    await door.practice.rules(Need(count=2))
    gate = await door.gate(await door.asked())
    async with session_of(door, ben) as his:
        assert (await door.decide(gate)).json()["yeses"] == [door.ana]
        await _said(door, his, gate, door.decision(gate, "changed", change=900))
        changed = await door.gate(gate["run"])
        assert (changed["revision"], changed["yeses"], changed["status"]) == (2, [], "open")
        assert (await _said(door, his, gate, door.decision(gate))).status_code == 409
        await _said(door, his, changed, door.decision(changed))
        assert door.shop.sold == []
        await door.decide(changed)

    assert [order.cents for order in door.shop.sold] == [900]


async def test_04_many_yeses_at_once_are_one_execution_and_one_receipt(door: Door) -> None:
    """Owners in many browsers and programs say yes in the same moment, some of them twice: once bought, one receipt."""
    people = [door.ana, *[await door.practice.person(f"Owner {number}") for number in range(5)]]
    gate = await door.gate(await door.asked())
    async with AsyncExitStack() as open_ones:
        browsers = [await open_ones.enter_async_context(session_of(door, person)) for person in people]
        said = [(browsers[number % 6], door.decision(gate)) for number in range(PARALLEL)]
        path = f"/api/gates/{gate['id']}/decisions"
        answers = await asyncio.gather(*(one.post(path, json=body) for one, body in (*said, *said)))
    await door.practice.engine.settled()

    codes = {answer.json().get("code") for answer in answers if answer.status_code != 200}
    assert {answer.status_code for answer in answers} == {200, 409}
    assert codes == {"answer.late"}
    assert len(door.shop.sold) == 1
    assert len(await _facts(door, "gate.approved")) == len(await _facts(door, "effect.intended")) == 1
    assert len(await door.got(f"/api/runs/{gate['run']}/receipts")) == 1


async def test_04_the_same_request_sent_at_once_is_one_run(door: Door) -> None:
    """A retry that overtakes the first: one key, one run, one question."""
    keyed = {"Idempotency-Key": "once"}
    asking = (door.client.post("/api/requests", json=tea(), headers=keyed) for _ in range(PARALLEL))
    answers = await asyncio.gather(*asking)

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["run"] for answer in answers}) == 1
    assert (await door.got("/api/gates"))["waiting"] == 1


async def test_05_what_is_real_takes_a_passkey_for_exactly_that_and_a_second_person_where_asked(live: Door) -> None:
    """Two with passkeys must say yes: no token, no answer to another question, and no one of them twice, is enough."""
    ben = await live.practice.person("Ben", Role.APPROVER)
    await live.practice.rules(Need(count=2))
    keys = {one: replace(await live.practice.enrol(one), origin=live.address) for one in (live.ana, ben)}
    gate, other = [await live.gate(await live.asked(cents=cents)) for cents in (500, 900)]
    async with session_of(live, live.ana) as hers, session_of(live, ben) as his:
        by_token = await live.decide(gate)
        other_answer = (await _signed(live, hers, other, keys[live.ana]))["assertion"]
        elsewhere = await _said(live, hers, gate, {**live.decision(gate), "assertion": other_answer})
        assert (by_token.json()["code"], elsewhere.status_code) == ("answer.proof", 409)
        for _ in range(2):
            await _said(live, hers, gate, await _signed(live, hers, gate, keys[live.ana]))
        assert live.shop.sold == []
        done = await _said(live, his, gate, await _signed(live, his, gate, keys[ben]))

    assert done.json()["status"] == "approved"
    assert [order.cents for order in live.shop.sold] == [500]
