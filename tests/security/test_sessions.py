"""Numbers 18 and 23: a browser's session is made anew at each visit, ends in the process, and is not to be guessed."""

import base64

import pytest

from haloop.api.rates import Rates
from tests.api.conftest import Door, client_of, tea

BITS = 128


def _bits(secret: str) -> int:
    """How many bits a secret in base64 has at most."""
    return 8 * len(base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4)))


async def test_18_each_login_is_a_session_of_its_own_that_nobody_chose(door: Door) -> None:
    """A cookie that was planted before is not adopted; no two are alike; cookie and secret have 256 bits each."""
    begun = []
    for _ in range(8):
        async with client_of(door.address, None) as browser:
            browser.cookies.set("haloop_session", "planted")
            key = door.house.identity.issue_once()
            answer = await browser.post("/api/session", json={"key": key})
            begun.append((answer.cookies["haloop_session"], answer.json()["secret"]))
    async with client_of(door.address, None) as thief:
        planted = {"Cookie": "haloop_session=planted", "X-Haloop-Session": begun[0][1]}
        refused = await thief.get("/api/me", headers=planted)

    assert refused.status_code == 401
    assert len({part for both in begun for part in both}) == 16
    assert min(_bits(part) for both in begun for part in both) >= 2 * BITS


async def test_18_a_session_that_was_ended_is_dead_in_the_process(door: Door) -> None:
    """Whoever kept the cookie and the secret gets nowhere; another browser's session goes on."""
    headers = []
    async with client_of(door.address, None) as browser:
        for _ in range(2):
            browser.cookies.clear()
            begun = await browser.post("/api/session", json={"key": door.house.identity.issue_once()})
            cookie = f"haloop_session={begun.cookies['haloop_session']}"
            headers.append({"Cookie": cookie, "X-Haloop-Session": begun.json()["secret"], "Origin": door.address})
        browser.cookies.clear()
        assert (await browser.delete("/api/session", headers=headers[0])).status_code == 204
        seen = [(await browser.get("/api/me", headers=one)).status_code for one in headers]

    assert seen == [401, 200]


async def test_18_the_cookie_is_the_browsers_alone(door: Door) -> None:
    """No script reads it, no page elsewhere sends it, and it names no domain that others could share."""
    answer = await door.client.post("/api/session", json={"key": door.house.identity.issue_once()})
    words = {word.strip().partition("=")[0].lower() for word in answer.headers["set-cookie"].split(";")}

    assert words == {"haloop_session", "httponly", "max-age", "path", "samesite"}
    assert "samesite=strict" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Forwarded-Host"])
async def test_23_nobody_guesses_on_under_another_name(door: Door, header: str) -> None:
    """What a request says of where it comes from is not believed: the limit holds, and says when to come back."""
    count = Rates().visits.count
    async with client_of(door.address, None) as guesser:
        for number in range(count):
            answer = await guesser.post("/api/session", json={"key": "x"}, headers={header: f"10.0.0.{number}"})
            assert answer.status_code == 401
        last = await guesser.post("/api/session", json={"key": "x"}, headers={header: "10.0.1.1"})

    assert (last.status_code, last.json()["code"], last.json()["executed"]) == (429, "request.too_many", False)
    assert 0 < int(last.headers["retry-after"]) <= Rates().visits.seconds


async def test_23_proposals_and_decisions_have_limits_as_they_ship(door: Door) -> None:
    """With the limits of a real start: a program that has run wild is told to wait; nobody else is held up."""
    limits = Rates()
    async with await door.agent("wild") as wild, await door.agent("calm") as calm:
        answers = [await wild.post("/api/requests", json={}) for _ in range(limits.proposals.count + 1)]
        others = await calm.post("/api/requests", json=tea())
    gate = await door.gate(await door.asked())
    path = f"/api/gates/{gate['id']}/decisions"
    said = [await door.client.post(path, json={}) for _ in range(limits.decisions.count + 1)]

    for told in (answers, said):
        assert {answer.status_code for answer in told[:-1]} == {422}
        assert told[-1].status_code == 429
        assert int(told[-1].headers["retry-after"]) > 0
    assert others.status_code == 201
