"""Whoever does something far too often is told when to come back, and holds nobody else up."""

from datetime import timedelta

import httpx2

from haloop.api.rates import Rate, Rates
from tests.api.conftest import Door, client_of, tea


def _told(answer: httpx2.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["code"], answer.headers.get("retry-after", "")


async def test_a_program_that_has_run_wild_is_slowed(door: Door) -> None:
    """The third proposal of a minute that takes two; another caller's goes on, and a minute later all is well."""
    door.app.state.rates = Rates(proposals=Rate(count=2, seconds=60))
    async with await door.agent() as agent:
        answers = [await agent.post("/api/requests", json=tea()) for _ in range(3)]
        assert [one.status_code for one in answers[:2]] == [201, 201]
        assert _told(answers[2]) == (429, "request.too_many", "60")
        assert (await door.client.post("/api/requests", json=tea())).status_code == 201

        await door.practice.move(timedelta(seconds=60))
        assert (await agent.post("/api/requests", json=tea())).status_code == 201


async def test_decisions_have_an_end_too(door: Door) -> None:
    """More words in a minute than a person could say are not taken; the first one counted."""
    door.app.state.rates = Rates(decisions=Rate(count=1, seconds=60))
    gate = await door.gate(await door.asked())
    assert (await door.decide(gate)).status_code == 200
    assert _told(await door.decide(gate)) == (429, "request.too_many", "60")


async def test_guessing_keys_is_slow(door: Door) -> None:
    """Whoever tries one key after the other gets no further than twenty in a minute, not even with the right one."""
    async with client_of(door.address, None) as guesser:
        for number in range(20):
            assert (await guesser.post("/api/session", json={"key": f"guess {number}"})).status_code == 401
        right = door.house.identity.issue_once()
        assert (await guesser.post("/api/session", json={"key": right})).status_code == 429


def test_a_window_slides() -> None:
    """Each counts for its own minute, so a burst at the end of one is no way round."""
    rate, second = Rate(count=2, seconds=10), 1_000_000
    for at in (0, 9, 10, 19):
        rate.take("ana", at * second)
