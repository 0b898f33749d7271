"""Where the addresses in messages lead, for whoever may see it; for everybody else they lead nowhere."""

import pytest

from tests.api.conftest import Door
from tests.api.test_passkeys import browser_of


async def test_a_link_leads_to_its_run(door: Door) -> None:
    """By the draft that waits, or by what was executed."""
    run = await door.asked()
    await door.asked(item="milk")

    assert await door.got(f"/api/open?draft_id={door.practice.gate_of(run)}") == {"run": run}
    assert await door.got(f"/api/open?execution_id={run}") == {"run": run}


async def test_a_link_of_another_account_leads_nowhere(door: Door) -> None:
    """As one that nobody ever made: not even that it is there is told."""
    run = await door.asked()
    gate = door.practice.gate_of(run)
    other = await door.practice.ledger.open_account()
    eve = await door.practice.person("Eve", account=other)
    paths = [f"draft_id={gate}", f"execution_id={run}", f"draft_id=gate_{'0' * 32}_1", f"execution_id=run_{'0' * 32}"]

    async with browser_of(door, eve, other) as stranger:
        answers = [await stranger.get(f"/api/open?{one}") for one in paths]

    assert [answer.status_code for answer in answers] == [404] * 4
    told = [{name: answer.json()[name] for name in ("code", "title", "next_step")} for answer in answers]
    assert told == [told[0]] * 4
    assert told[0]["code"] == "link.unknown"


@pytest.mark.parametrize("said", ["", "draft_id=", "draft_id=run_1", "execution_id=../api/me", "draft_id=%00"])
async def test_what_is_no_link_leads_nowhere(door: Door, said: str) -> None:
    """Whatever was typed, or broke on its way; a gate that its run never had is none either."""
    run = await door.asked()
    for one in (said, f"draft_id={door.practice.gate_of(run)}&execution_id={run}", f"draft_id=gate_{run[4:]}_7"):
        answer = await door.client.get(f"/api/open?{one}")
        assert (answer.status_code, answer.json()["code"]) == (404, "link.unknown")
