"""The town's subscriptions, over real HTTP: leaving takes what the contract says, once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient, Response

from haloop.testing.clock import MovableClock
from haloop.town.street import Town, serve_town


@pytest.fixture
async def ana(town: Town) -> AsyncIterator[AsyncClient]:
    async with as_guest(town, "ana") as guest:
        yield guest


def as_guest(town: Town, name: str) -> AsyncClient:
    headers = {"Authorization": f"Bearer {name}"}
    return AsyncClient(base_url=town.subscriptions_address, headers=headers, trust_env=False)


async def held(guest: AsyncClient) -> dict[str, dict[str, Any]]:
    answer = (await guest.get("/subscriptions")).raise_for_status().json()
    return {one["subscription"]: one for one in answer["subscriptions"]}


async def leave(guest: AsyncClient, name: str, *, declined: str = "", key: str = "the-first-key-of-all") -> Response:
    kept = (await held(guest)).get(name, {"ends_on": "2027-01-31", "fee": None})
    body = {"ends_on": kept["ends_on"], "fee": kept["fee"], "declined": declined}
    return await guest.post(f"/subscriptions/{name}/cancellation", json=body, headers={"Idempotency-Key": key})


async def test_everybody_has_the_same_few(ana: AsyncClient) -> None:
    """With what each costs, when it would end, and which one is cancelled already."""
    known = await held(ana)
    assert known["netflix"]["price"] == {"minor": 1399, "currency": "EUR"}
    assert known["morning-paper"]["fee"] == {"minor": 2500, "currency": "EUR"}
    assert known["iron-gym"]["ends_on"] > known["netflix"]["ends_on"]
    assert known["cloud-drive"]["cancellation"] is not None


async def test_leaving_is_asked_back_first(ana: AsyncClient) -> None:
    """Each offer is said once to whoever declines the one before; then they are let go."""
    offers = []
    answer = (await leave(ana, "iron-gym")).json()
    while "offer" in answer:
        offers.append(answer["offer"])
        answer = (await leave(ana, "iron-gym", declined=answer["decline"])).json()
    assert offers == ["Pause for two months instead.", "Bring a friend for nothing."]
    assert answer["cancellation"]["confirmation"] == "C0001"


async def test_the_same_key_leaves_once(ana: AsyncClient) -> None:
    """Sent again it is the same cancellation; under another key it was cancelled before."""
    first = await leave(ana, "disney")
    again = await leave(ana, "disney")
    other = await leave(ana, "disney", key="another-key-for-it")
    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "already_cancelled")


async def test_terms_that_changed_let_nobody_go(town: Town, ana: AsyncClient) -> None:
    """A fee that nobody has read is not charged."""
    kept = (await held(ana))["disney"]
    town.contracts.raise_fee("disney", 900)
    body = {"ends_on": kept["ends_on"], "fee": kept["fee"]}
    headers = {"Idempotency-Key": "the-first-key-of-all"}
    answer = await ana.post("/subscriptions/disney/cancellation", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "terms_changed")
    assert (await held(ana))["disney"]["cancellation"] is None


async def test_what_nobody_has_cannot_be_cancelled(ana: AsyncClient) -> None:
    """By a code of its own."""
    answer = await leave(ana, "no-such-thing")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_subscription")


async def test_the_book_outlives_the_process(tmp_path: Path, clock: MovableClock) -> None:
    """What somebody left stays left, for them alone."""
    async with serve_town(tmp_path, clock=clock) as town, as_guest(town, "ana") as ana:
        await leave(ana, "disney")
    async with serve_town(tmp_path, clock=clock) as town, as_guest(town, "ana") as ana, as_guest(town, "bo") as bo:
        assert (await held(ana))["disney"]["cancellation"] is not None
        assert (await held(bo))["disney"]["cancellation"] is None
