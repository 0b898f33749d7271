"""An account's defaults through the door: an owner sets them, the ledger has them, and plain words go by them."""

from typing import Any

import pytest

from haloop.kernel.people import Role
from tests.api.conftest import Door
from tests.api.test_passkeys import browser_of

USUAL = {"place": "Trattoria Luigi", "party": 2, "earliest": "18:30:00", "latest": "20:30:00"}


async def put(door: Door, values: dict[str, Any], desk: str = "errands") -> tuple[int, dict[str, Any]]:
    answer = await door.client.put("/api/defaults", json={"desk": desk, "values": values})
    return answer.status_code, answer.json()


async def test_a_household_s_usual_table_is_meant_where_nothing_is_said(errands: Door) -> None:
    """Before, the words alone are a question; afterwards they are a draft that says what was taken for granted."""
    words = {"words": "book dinner Friday", "zone": "Europe/Berlin"}
    before = (await errands.client.post("/api/requests", json=words)).json()
    assert (await put(errands, USUAL))[0] == 200
    begun = (await errands.client.post("/api/requests", json=words)).json()
    await errands.practice.engine.settled()

    gate = await errands.gate(begun["run"])
    (defaults,) = await errands.got("/api/defaults")
    assert "questions" in before
    assert defaults["values"] == USUAL
    assert set(defaults["takes"]["properties"]) == set(USUAL)
    assert "No place was said: Trattoria Luigi, your usual one." in begun["understood"]["taken"]
    assert "No place was said: Trattoria Luigi, your usual one." in str(gate["card"])


async def test_they_are_a_fact_and_survive_a_start(errands: Door) -> None:
    """Whoever set them stands in the ledger; a new process knows them, and all of them are set anew each time."""
    await put(errands, USUAL)
    await put(errands, {"party": 4})
    events = (await errands.got("/api/ledger/events", params={"limit": 500}))["events"]
    await errands.practice.restart()

    account = await errands.practice.engine.account(errands.practice.account)
    assert account.defaults == {"errands": {"party": 4}}
    assert [one["actor"] for one in events if one["kind"] == "defaults.set"] == [f"person:{errands.ana}"] * 2


@pytest.mark.parametrize(
    ("desk", "values", "status", "code"),
    [
        ("grants", {}, 404, "defaults.unknown"),
        ("errands", {"party": 0}, 422, "defaults.bad"),
        ("errands", {"colour": "red"}, 422, "defaults.bad"),
        ("errands", {"earliest": "18:30"}, 422, "defaults.bad"),
        ("errands", {"earliest": "20:30", "latest": "18:30"}, 422, "defaults.bad"),
    ],
)
async def test_what_does_not_fit_is_not_set(
    errands: Door, desk: str, values: dict[str, Any], status: int, code: str
) -> None:
    """It is refused by name, and what was set before stays."""
    await put(errands, USUAL)
    refused = await put(errands, values, desk)

    assert (refused[0], refused[1]["code"]) == (status, code)
    assert (await errands.got("/api/defaults"))[0]["values"] == USUAL


async def test_only_an_owner_sets_them_and_each_account_has_its_own(errands: Door) -> None:
    """Who looks may see them; agents are not shown them, and another account has none."""
    await put(errands, USUAL)
    vic = await errands.practice.person("Vic", Role.VIEWER)
    other = await errands.practice.ledger.open_account()
    eve = await errands.practice.person("Eve", account=other)
    wanted = {"desk": "errands", "values": {}}
    async with (
        browser_of(errands, vic) as viewer,
        browser_of(errands, eve, other) as owner,
        await errands.agent() as agent,
    ):
        statuses = [(await who.put("/api/defaults", json=wanted)).status_code for who in (viewer, agent)]
        seen = (await viewer.get("/api/defaults")).json()
        others = (await owner.get("/api/defaults")).json()
        hidden = (await agent.get("/api/defaults")).status_code
    assert (statuses, hidden) == ([403, 403], 403)
    assert (seen[0]["values"], others[0]["values"]) == (USUAL, {})
