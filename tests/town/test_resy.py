"""The town's likeness of Resy, over real HTTP: sign-ins end, book tokens age, and a payment is asked for, not taken."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import AsyncClient, Response

from haloop.testing.clock import MovableClock
from haloop.town.resy_counter import BOOK_TOKEN_FOR, SIGNED_IN_FOR
from haloop.town.street import Town

LUIGI, ODILE = 1001, 1002
DAY = "2027-01-15"


@pytest.fixture
async def ana(town: Town) -> AsyncIterator[AsyncClient]:
    program = {"Authorization": 'ResyAPI api_key="haloop"'}
    async with AsyncClient(base_url=town.resy_address, headers=program, trust_env=False) as guest:
        token = (await guest.post("/3/auth/password", data={"email": "ana", "password": "x"})).json()["token"]
        guest.headers["X-Resy-Auth-Token"] = token
        yield guest


async def slots(guest: AsyncClient, venue: int) -> list[dict[str, Any]]:
    asked = {"lat": "0", "long": "0", "day": DAY, "party_size": "2", "venue_id": str(venue)}
    answer = await guest.get("/4/find", params=asked)
    found: list[dict[str, Any]] = answer.raise_for_status().json()["results"]["venues"][0]["slots"]
    return found


async def book_token(guest: AsyncClient, slot: dict[str, Any]) -> str:
    asked = {"config_id": str(slot["config"]["token"]), "day": DAY, "party_size": "2"}
    return str((await guest.get("/3/details", params=asked)).raise_for_status().json()["book_token"]["value"])


async def book(guest: AsyncClient, token: str, **more: str) -> Response:
    return await guest.post("/3/book", data={"book_token": token, **more})


async def test_a_slot_is_booked_and_cancelled(ana: AsyncClient, town: Town) -> None:
    """It stands in the same book that the town's other site writes, until it is cancelled."""
    made = (await book(ana, await book_token(ana, (await slots(ana, LUIGI))[0]))).raise_for_status().json()
    listed = (await ana.get("/3/user/reservations")).json()["reservations"]
    await ana.post("/3/cancel", data={"resy_token": made["resy_token"]})

    assert [one["reservation_id"] for one in listed] == [made["reservation_id"]]
    assert [line.cancelled for line in town.book.of("ana")] == [True]
    assert (await ana.get("/3/user/reservations")).json()["reservations"] == []


async def test_a_book_token_is_good_once_and_not_for_long(ana: AsyncClient, clock: MovableClock) -> None:
    """Some minutes later, or a second time, nothing is booked."""
    first, second, *_ = await slots(ana, LUIGI)
    old = await book_token(ana, first)
    clock.move(BOOK_TOKEN_FOR)
    fresh = await book_token(ana, second)

    statuses = [(await book(ana, token)).status_code for token in (old, fresh, fresh)]

    assert statuses == [412, 201, 412]


async def test_a_deposit_is_asked_for(ana: AsyncClient, town: Town) -> None:
    """Without a way to pay nothing is booked."""
    slot = (await slots(ana, ODILE))[0]

    refused = await book(ana, await book_token(ana, slot))

    assert slot["payment"] == {"is_paid": True, "deposit_fee": 20.0, "cancellation_fee": None}
    assert (refused.status_code, town.book.of()) == (402, [])
    assert (await book(ana, await book_token(ana, slot), struct_payment_method='{"id": 1}')).status_code == 201


async def test_a_slot_that_is_gone_has_no_details(ana: AsyncClient, town: Town) -> None:
    """Somebody else was quicker."""
    slot = (await slots(ana, LUIGI))[0]
    town.book.walk_in(slot["config"]["token"])

    asked = {"config_id": str(slot["config"]["token"]), "day": DAY, "party_size": "2"}
    assert (await ana.get("/3/details", params=asked)).status_code == 412


async def test_a_sign_in_ends(ana: AsyncClient, town: Town, clock: MovableClock) -> None:
    """After a month, or when the town takes it back; a new one opens the site again."""
    town.resy_counter.sign_out("ana")
    assert (await ana.get("/3/user/reservations")).status_code == 419

    clock.move(timedelta(seconds=1))
    ana.headers["X-Resy-Auth-Token"] = town.resy_counter.sign_in("ana")
    assert (await ana.get("/3/user/reservations")).status_code == 200
    clock.move(SIGNED_IN_FOR)
    assert (await ana.get("/3/user/reservations")).status_code == 419


async def test_a_program_says_which_it_is(ana: AsyncClient) -> None:
    """Nobody comes in without a key."""
    del ana.headers["Authorization"]
    assert (await ana.get("/3/user/reservations")).status_code == 401
