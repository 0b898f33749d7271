"""Numbers 9, 10 and 25: an agent may do little, spend nothing by itself, and be stopped with all others by one word."""

from datetime import timedelta

import pytest
from playwright.async_api import expect

from haloop.kernel.gate import Need
from haloop.kernel.money import Money
from haloop.kernel.policy import Ceiling
from tests.api.conftest import Door, client_of, tea
from tests.cli.conftest import Haloop
from tests.cli.neighbour import Neighbour, asked
from tests.web.test_passkeys_in_a_browser import Browser
from tests.web.test_passkeys_in_a_browser import pytestmark as needs_chromium

AN_AGENTS = {"run.started", "run.cancelling", "gate.withdrawn", "answer.refused"}
"""All that may stand in the ledger under an agent's name."""


async def test_09_whatever_an_agent_tries_its_token_does_three_things(door: Door) -> None:
    """Good bodies on every route: it asks, takes back and cancels its own, and is turned away by name; no more."""
    async with await door.agent() as agent:
        (token,) = await door.got("/api/tokens")
        runs = [(await agent.post("/api/requests", json=tea())).json()["run"] for _ in range(3)]
        await door.practice.engine.settled()
        gates = [await door.gate(run) for run in runs]
        tried = [
            ("POST", "/api/tokens", {"agent": "friend"}),
            ("DELETE", f"/api/tokens/{token['id']}", None),
            ("POST", "/api/visits", None),
            ("POST", "/api/passkeys/options", None),
            ("POST", "/api/agents/stop", {}),
            ("POST", "/api/agents/resumption", None),
            ("POST", "/api/clock/trust", None),
            ("POST", "/api/recovery/end", None),
            ("POST", f"/api/gates/{gates[0]['id']}/challenge", door.decision(gates[0])),
            ("POST", f"/api/gates/{gates[0]['id']}/extension", {"until": gates[0]["expires"] + 1}),
            ("POST", f"/api/gates/{gates[0]['id']}/findings", {"effect": "buy", "happened": True}),
            *(("POST", f"/api/gates/{gates[0]['id']}/decisions", door.decision(gates[0], one)) for one in VERDICTS),
        ]
        for method, path, body in tried:
            answer = await agent.request(method, path, json=body)
            assert (answer.status_code, answer.json()["executed"]) == (403, False), path
        await agent.post(f"/api/gates/{gates[1]['id']}/withdrawal", json={"reason": ""})
        await agent.post(f"/api/runs/{runs[2]}/cancellation", json={"reason": ""})
        await door.practice.engine.settled()

    events = (await door.got("/api/ledger/events", params={"limit": 500}))["events"]
    assert {event["kind"] for event in events if event["actor"] == "agent:shopper"} == AN_AGENTS
    assert (await door.gate(runs[0]))["status"] == "open"
    assert door.shop.sold == []


VERDICTS = ("approved", "refused")


async def test_10_what_would_exceed_the_accounts_ceiling_ends_and_is_on_the_record(door: Door) -> None:
    """An agent asks for the same twice: the second would be too much, so nobody is even asked."""
    ceiling = Ceiling(amount=Money(minor=900, currency="EUR"), window=timedelta(days=7))
    await door.practice.rules(Need(), ceiling)
    async with await door.agent() as agent:
        runs = []
        for _ in range(2):
            runs.append((await agent.post("/api/requests", json=tea())).json()["run"])
            await door.practice.engine.settled()
            if (await door.got("/api/gates"))["waiting"]:
                await door.decide(await door.gate(runs[-1]))
        told = (await agent.get(f"/api/runs/{runs[1]}")).json()

    assert len(door.shop.sold) == 1
    assert told["reason"].startswith("5.00 EUR more would exceed 9.00 EUR")
    refused = [event for event in told["trail"] if event["kind"] == "gate.refused"]
    assert [(event["actor"], event["says"]["code"]) for event in refused] == [("policy", "budget.ceiling")]


async def test_25_one_word_stops_every_agent(door: Door) -> None:
    """From that answer on no token opens anything, no yes counts, nothing is issued; afterwards all is given anew."""
    waiting = await door.gate(await door.asked())
    async with await door.agent("one") as one, await door.agent("two") as two:
        proposed = (await one.post("/api/requests", json=tea())).json()["run"]
        stopped = await door.client.post("/api/agents/stop", json={"reason": "It ordered a piano."})
        assert stopped.status_code == 204
        for agent in (one, two):
            for method, path, body in (("GET", "/api/me", None), ("POST", "/api/requests", tea())):
                assert (await agent.request(method, path, json=body)).status_code == 401
        refused = await door.decide(waiting)
        made = await door.client.post("/api/tokens", json={"agent": "three"})
        assert [(each.status_code, each.json()["code"]) for each in (refused, made)] == [(409, "agents.stopped")] * 2
        assert (await door.got("/api/status"))["agents_stopped"]
        assert door.shop.sold == []

        assert (await door.client.post("/api/agents/stop")).status_code == 204
        await door.practice.move(timedelta(seconds=1))
        assert (await door.client.post("/api/agents/resumption")).status_code == 204
        assert (await one.get("/api/me")).status_code == 401
    assert (await door.decide(waiting)).status_code == 200
    assert (await door.decide(await door.gate(proposed))).status_code == 200
    assert len(door.shop.sold) == 2
    said = [event for event in (await door.got("/api/ledger/events"))["events"] if event["kind"].startswith("agents.")]
    assert [(event["kind"], event["actor"]) for event in said] == [
        ("agents.stopped", f"person:{door.ana}"),
        ("agents.stopped", f"person:{door.ana}"),
        ("agents.resumed", f"person:{door.ana}"),
    ]
    assert said[0]["says"]["reason"] == "It ordered a piano."


async def test_25_no_agent_stops_or_starts_the_others(door: Door) -> None:
    """The switch is for people: 403 to a token, 401 to a stranger, and nothing is switched."""
    async with await door.agent() as agent, client_of(door.address, None) as stranger:
        for client, status in ((agent, 403), (stranger, 401)):
            for path in ("/api/agents/stop", "/api/agents/resumption"):
                assert (await client.post(path)).status_code == status
    assert not (await door.got("/api/status"))["agents_stopped"]


def test_25_the_switch_is_one_command_that_asks_nothing(haloop: Haloop, neighbour: Neighbour) -> None:
    """It stops; status says so; a yes is refused with what to do; the other command lets work go on."""
    haloop("tokens", "new", "shopper")
    _, gate = asked(haloop)

    stopped = haloop("stop-agents", "--reason", "enough")

    assert stopped.code == 0
    assert stopped.out.startswith("Every agent is stopped.")
    assert haloop("tokens").out == "No agent has a token.\n"
    assert "stopped; haloop resume-agents" in haloop("status").out
    refused = haloop("approve", gate, "--yes")
    assert refused.code == 4
    assert "haloop resume-agents" in refused.err
    neighbour.do(neighbour.door.practice.move(timedelta(seconds=1)))
    assert haloop("resume-agents", "--json").document == {"agents_stopped": False}
    assert haloop("approve", gate, "--yes").code == 0


@needs_chromium
async def test_25_the_switch_is_a_button_on_the_page(door: Door) -> None:
    """One press, no question; letting work go on asks first."""
    async with Browser.opened(door) as browser:
        button = browser.page.get_by_role("button", name="Stop all agents")
        await button.click()
        await expect(browser.page.get_by_role("button", name="All agents are stopped")).to_be_visible()
        assert (await door.got("/api/status"))["agents_stopped"]
        browser.page.on("dialog", lambda dialog: dialog.accept())
        await browser.page.get_by_role("button", name="All agents are stopped").click()
        await expect(button).to_be_visible()
        assert browser.complaints == []
    assert not (await door.got("/api/status"))["agents_stopped"]


@pytest.mark.parametrize("body", [{"reason": "x" * 501}, {"reason": 3}, {"why": "x"}, []])
async def test_a_stop_that_nobody_can_read_is_told_so(door: Door, body: object) -> None:
    """A word too long, of another kind, under another name: 422, and nothing is switched."""
    answer = await door.client.post("/api/agents/stop", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.malformed")
    assert not (await door.got("/api/status"))["agents_stopped"]
