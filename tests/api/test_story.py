"""Somebody asks, sees the draft, says yes, and keeps a receipt that a stranger can check: all of it over HTTP."""

import asyncio
import sys
from pathlib import Path

from tests.api.conftest import TOKEN, Door, client_of, tea

VERIFIER = Path(__file__).parents[2] / "tools" / "verify_receipt.py"


async def test_a_request_becomes_a_receipt(door: Door, tmp_path: Path) -> None:
    """From the wish to the file that `tools/verify_receipt.py` accepts."""
    run = await door.asked()
    gate = await door.gate(run)
    assert [(line["operation"], line["cost_max"]["minor"]) for line in gate["card"]["effects"]] == [("Shop.buy", 500)]

    said = await door.decide(gate)

    assert (said.status_code, said.json()["status"]) == (200, "approved")
    shown = await door.got(f"/api/runs/{run}")
    assert (shown["state"], shown["code"]) == ("ended", "done")
    (receipt,) = await door.got(f"/api/runs/{run}/receipts")
    file = tmp_path / "receipt.json"
    file.write_bytes((await door.client.get(receipt["file"])).content)
    key = (await door.got("/api/ledger/key"))["key"]
    checking = await asyncio.create_subprocess_exec(sys.executable, VERIFIER, file, "--key", key)
    assert await checking.wait() == 0


async def test_an_agent_proposes_and_a_person_approves(door: Door) -> None:
    """An agent's token asks, watches and reads the receipt of what it asked for; its yes is refused and recorded."""
    async with await door.agent("shopper") as agent:
        run = (await agent.post("/api/requests", json={**_tea(), "arguments": {"order": _ORDER}})).json()["run"]
        await door.practice.engine.settled()
        gate = (await agent.get(f"/api/gates/{door.practice.gate_of(run)}")).json()

        tried = await agent.post(f"/api/gates/{gate['id']}/decisions", json=door.decision(gate))

        assert (tried.status_code, tried.json()["code"], tried.json()["executed"]) == (403, "answer.agent", False)
        newest = (await door.got("/api/ledger/events", params={"limit": 500}))["events"][-1]
        assert (newest["kind"], newest["actor"]) == ("answer.refused", "agent:shopper")
        assert door.shop.sold == []
        assert (await door.decide(gate)).status_code == 200
        assert (await agent.get(f"/api/runs/{run}")).json()["asked_by"] == "agent:shopper"
        assert len((await agent.get(f"/api/runs/{run}/receipts")).json()) == 1


async def test_an_agent_sees_only_what_it_asked_for(door: Door) -> None:
    """Another's run is not there for it: not in the list, not by its name, not by its gate."""
    run = await door.asked()
    gate = door.practice.gate_of(run)
    async with await door.agent() as agent:
        for path in (f"/api/runs/{run}", f"/api/gates/{gate}", f"/api/runs/{run}/receipts"):
            assert (await agent.get(path)).status_code == 404
        assert (await agent.get("/api/runs")).json()["runs"] == []
        for path in ("/api/gates", "/api/people", "/api/tokens", "/api/grants", "/api/ledger/events", "/api/status"):
            assert (await agent.get(path)).status_code == 403


async def test_a_token_that_was_revoked_opens_nothing(door: Door) -> None:
    """Taking it back takes hold at once; so does its end."""
    async with await door.agent() as agent:
        (known,) = await door.got("/api/tokens")
        assert (await door.client.delete(f"/api/tokens/{known['id']}")).status_code == 204
        assert (await agent.get("/api/me")).status_code == 401


async def test_nobody_gets_in_without_saying_who(door: Door) -> None:
    """No header, a wrong one, a token of another shape."""
    for token in (None, "guess", TOKEN + "x", "hal_" + "0" * 32 + "_" + "0" * 16 + "_" + "0" * 64):
        async with client_of(door.address, token) as stranger:
            answer = await stranger.get("/api/runs")
            assert (answer.status_code, answer.json()["code"]) == (401, "identity.unknown")


_ORDER = {"cents": 500, "item": "tea", "shop": "Karl"}


def _tea() -> dict[str, str]:
    return {"desk": "shop", "procedure": "buy_if_asked"}


async def test_a_gate_says_what_a_change_looks_like(door: Door) -> None:
    """Whoever asks a person what should be different knows what to ask for, or that there is nothing to ask."""
    changeable = await door.gate(await door.asked())
    asked = await door.client.post("/api/requests", json={**tea(), "procedure": "buy_as_is"})
    await door.practice.engine.settled()
    fixed = await door.gate(asked.json()["run"])

    assert changeable["change_takes"] == {"type": "integer"}
    assert fixed["change_takes"] is None
