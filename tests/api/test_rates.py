"""Whoever does something far too often is told when to come back, and holds nobody else up."""

from datetime import timedelta
from pathlib import Path

import httpx2

from haloop.api.rates import Rate, Rates
from tests.api.conftest import Door, client_of, tea
from tests.api.elsewhere import Browser, reachable


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


async def test_whoever_has_a_whole_network_guesses_no_faster(tmp_path: Path) -> None:
    """Twenty addresses of one IPv6 line are one caller; the next line's, and an old address, are others."""
    async with reachable(tmp_path, "https://login.example.org") as door, Browser.at(door) as guesser:
        guesses = []
        for number in range(21):
            guesser.address = f"2001:db8:1:2:{number:x}::7"
            guesses.append((await guesser.post("/api/session", {"key": f"guess {number}"})).status_code)
        others = []
        for address in ("2001:db8:1:3::7", "203.0.113.7", "::ffff:203.0.113.8", "not an address"):
            guesser.address = address
            others.append((await guesser.post("/api/session", {"key": "a guess"})).status_code)

    assert guesses == [*[401] * 20, 429]
    assert others == [401] * 4


def test_a_window_slides() -> None:
    """Each counts for its own minute, so a burst at the end of one is no way round."""
    rate, second = Rate(count=2, seconds=10), 1_000_000
    for at in (0, 9, 10, 19):
        rate.take("ana", at * second)
