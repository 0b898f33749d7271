"""Several gates under one word: each row counts by itself, one touch signs them all, and an agent's counts nowhere."""

import asyncio
from typing import Any

import httpx2

from haloop.kernel.fact import GateApproved
from haloop.kernel.ids import RunId
from haloop.kernel.passkey import challenge, from_base64url, read_decision
from tests.api.conftest import Door, tea
from tests.api.test_passkeys import added


async def _gates(door: Door, *items: str) -> list[dict[str, Any]]:
    return [await door.gate(await door.asked(item=item)) for item in items]


def _rows(door: Door, gates: list[dict[str, Any]], verdict: str = "approved", **more: Any) -> list[dict[str, Any]]:
    return [{"gate": gate["id"], "decision": door.decision(gate, verdict, **more)} for gate in gates]


async def _send(door: Door, rows: list[dict[str, Any]], **more: Any) -> httpx2.Response:
    answer = await door.client.post("/api/decisions", json={"rows": rows, **more})
    await door.practice.engine.settled()
    return answer


async def test_one_word_answers_several_gates(door: Door) -> None:
    """Two yeses and a no in one go: two are bought; said again, it is answered as the first time."""
    gates = await _gates(door, "tea", "milk", "wax")
    rows = [*_rows(door, gates[:2]), *_rows(door, gates[2:], "refused", reason="enough")]

    first, again = [(await _send(door, rows)).json()["rows"] for _ in range(2)]

    assert [(row["gate"], row["counts"], row["now"]["status"]) for row in first] == [
        (gates[0]["id"], True, "approved"),
        (gates[1]["id"], True, "approved"),
        (gates[2]["id"], True, "refused"),
    ]
    assert again == first
    assert sorted(one.item for one in door.shop.sold) == ["milk", "tea"]


async def test_what_changed_meanwhile_is_refused_alone_with_its_difference(door: Door) -> None:
    """Somebody made one of three cheaper while the cards stood there: the others count."""
    gates = await _gates(door, "tea", "milk", "wax")
    rows = _rows(door, gates)
    await door.decide(gates[1], "changed", change=400)

    answer = await _send(door, rows)

    told = answer.json()["rows"]
    assert (answer.status_code, [row["counts"] for row in told]) == (200, [True, False, True])
    problem = told[1]["problem"]
    assert (problem["code"], problem["status"], problem["executed"]) == ("answer.stale", 409, False)
    assert problem["gate"]["revision"] == 2
    assert [one["at"] for one in problem["difference"]][-1] == "effect buy"
    assert sorted(one.item for one in door.shop.sold) == ["tea", "wax"]


async def test_one_touch_signs_all_of_them_and_nothing_else(live: Door) -> None:
    """The passkey's one answer stands with each approval; a row that was slipped in afterwards counts nowhere."""
    passkey = await added(live)
    gates = await _gates(live, "tea", "milk", "wax")
    rows = _rows(live, gates)
    asked = (await live.client.post("/api/decisions/challenge", json={"rows": rows[:2]})).json()
    assertion = passkey.answer_in_browser(asked["challenge"]).model_dump()

    unsigned = (await _send(live, rows[:2])).json()["rows"]
    wider = (await _send(live, rows, assertion=assertion)).json()["rows"]
    signed = (await _send(live, rows[:2], assertion=assertion)).json()["rows"]

    assert [row["problem"]["code"] for row in unsigned] == ["answer.proof"] * 2
    assert [row["problem"]["code"] for row in wider] == ["passkey.bad"] * 3
    assert [row["now"]["status"] for row in signed] == ["approved"] * 2
    assert sorted(one.item for one in live.shop.sold) == ["milk", "tea"]
    for gate in gates[:2]:
        (yes,) = [one for one in await live.practice.facts(RunId(gate["run"])) if isinstance(one, GateApproved)]
        assert read_decision(yes.decision or b"")["gate"] == gate["id"]
        assert challenge(yes.decision or b"", yes.batch) == from_base64url(asked["challenge"])


async def test_what_nobody_could_mean_is_refused_whole(door: Door) -> None:
    """A gate twice, a row signed by itself, no rows, too many, one of nobody's: none of it counts."""
    (gate,) = await _gates(door, "tea")
    row = _rows(door, [gate])[0]
    alone = {"gate": gate["id"], "decision": {**row["decision"], "assertion": "AAAA"}}
    foreign = {**row, "gate": f"gate_{'0' * 32}_1"}

    refused = [await _send(door, rows) for rows in ([row, row], [alone], [], [row] * 26)]
    (nowhere,) = (await _send(door, [foreign])).json()["rows"]

    assert [one.status_code for one in refused] == [422] * 4
    assert [one.json()["code"] for one in refused[:2]] == ["answer.malformed"] * 2
    assert nowhere["problem"]["status"] == 404
    assert door.shop.sold == []


async def test_an_agent_decides_none_of_them_and_that_is_recorded(door: Door) -> None:
    """For each gate that it tried, the ledger says so; a gate of somebody else's run is not there for it."""
    async with await door.agent() as agent:
        asked = [await agent.post("/api/requests", json=tea(item=item)) for item in ("tea", "milk")]
        await door.practice.engine.settled()
        gates = [await door.gate(RunId(one.json()["run"])) for one in asked]
        (theirs,) = await _gates(door, "wax")

        tried = await agent.post("/api/decisions", json={"rows": _rows(door, gates)})
        strange = await agent.post("/api/decisions", json={"rows": _rows(door, [theirs])})

    assert (tried.status_code, tried.json()["code"]) == (403, "answer.agent")
    assert strange.status_code == 404
    events = (await door.got("/api/ledger/events", params={"limit": 500}))["events"]
    turned_away = [one["says"]["gate"] for one in events if one["kind"] == "answer.refused"]
    assert sorted(turned_away) == sorted(gate["id"] for gate in gates)
    assert door.shop.sold == []


async def test_parallel_batches_buy_once(door: Door) -> None:
    """The same three yeses, sent eight times at once: three things are bought."""
    rows = _rows(door, await _gates(door, "tea", "milk", "wax"))
    answers = await asyncio.gather(*(_send(door, rows) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(one.item for one in door.shop.sold) == ["milk", "tea", "wax"]


async def test_what_is_uncertain_is_shown_with_what_a_finding_says(door: Door) -> None:
    """The line broke: what was sent, why nobody knows, and the shape of an answer; then a person's word ends it."""
    door.shop.fails = True
    async with await door.agent() as agent:
        run = RunId((await agent.post("/api/requests", json=tea(item="tea"))).json()["run"])
        await door.practice.engine.settled()
        await door.decide(await door.gate(run))

        (open_one,) = (await agent.get(f"/api/runs/{run}/uncertain")).json()
    assert (open_one["effect"], open_one["executed"]["item"], open_one["passkey"]) == ("buy", "tea", False)
    assert open_one["result"]["properties"].keys() == {"number", "charged"}
    assert open_one["sentence"]

    at = f"/api/gates/{open_one['gate']}/findings"
    wrong = await door.client.post(at, json={"effect": "buy", "happened": True, "result": {"nonsense": 1}})
    settled = await door.client.post(at, json={"effect": "buy", "happened": True, "result": {"number": "17"}})
    await door.practice.engine.settled()

    assert (wrong.status_code, settled.status_code) == (422, 204)
    assert await door.got(f"/api/runs/{run}/uncertain") == []
    (happened,) = [one for one in (await door.got(f"/api/runs/{run}"))["trail"] if one["kind"] == "effect.happened"]
    assert (happened["actor"], happened["says"]["result"]["number"]) == (f"person:{door.ana}", "17")
