"""The town's booking site, over real HTTP: it gives each table once, and keeps its word about keys."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient, Response

from haloop.testing.clock import MovableClock
from haloop.town.reservations import STRANGER
from haloop.town.street import Town, serve_town

FRIDAY_EVENING = "2027-01-15T19:00:00+01:00"
WINDOW = "luigi/window/2027-01-15T19:00+01:00/2/0"
SALON = "odile/salon/2027-01-15T19:00+01:00/2/2000EUR"


def as_guest(town: Town, name: str) -> AsyncClient:
    return AsyncClient(base_url=town.booking_address, headers={"Authorization": f"Bearer {name}"}, trust_env=False)


@pytest.fixture
async def ana(town: Town) -> AsyncIterator[AsyncClient]:
    async with as_guest(town, "ana") as guest:
        yield guest


@pytest.fixture
async def bo(town: Town) -> AsyncIterator[AsyncClient]:
    async with as_guest(town, "bo") as guest:
        yield guest


async def offered(guest: AsyncClient, place: str, party: int, at: str = FRIDAY_EVENING) -> list[dict[str, Any]]:
    answer = await guest.get("/availability", params={"place": place, "party": party, "at": at})
    offers: list[dict[str, Any]] = answer.raise_for_status().json()["offers"]
    return offers


async def reserve(guest: AsyncClient, slot: str, key: str = "the-first-key-of-all") -> Response:
    return await guest.post("/reservations", json={"slot": slot}, headers={"Idempotency-Key": key})


async def cancel(guest: AsyncClient, reference: str, key: str = "the-key-to-cancel") -> Response:
    return await guest.post(f"/reservations/{reference}/cancel", headers={"Idempotency-Key": key})


async def reserved(guest: AsyncClient, **params: str) -> list[dict[str, Any]]:
    answer = await guest.get("/reservations", params=params)
    reservations: list[dict[str, Any]] = answer.raise_for_status().json()["reservations"]
    return reservations


async def test_free_tables_are_offered_the_nearest_first(ana: AsyncClient) -> None:
    """Whoever asks for a time is shown what is free around it, and the same again when they ask again."""
    offers = await offered(ana, "luigi", 2)

    assert offers[0] == {
        "slot": WINDOW,
        "restaurant": "Trattoria Luigi",
        "table": "Window table",
        "at": FRIDAY_EVENING,
        "party": 2,
        "deposit": None,
        "estimate": {"currency": "EUR", "minor": 6400},
    }
    times = ["19:00", "18:30", "19:30", "18:00", "20:00", "17:30"]
    assert [offer["at"][11:16] for offer in offers] == [time for time in times for _ in range(2)]
    assert await offered(ana, "luigi", 2) == offers


@pytest.mark.parametrize(
    ("place", "restaurants"),
    [("ITALIAN", {"Trattoria Luigi"}), ("harbour", {"Hanami", "Zum Anker"}), ("old town", {"Trattoria Luigi"})],
)
async def test_a_place_is_a_name_a_kitchen_or_a_quarter(ana: AsyncClient, place: str, restaurants: set[str]) -> None:
    """People say where they want to eat in their own way."""
    assert {offer["restaurant"] for offer in await offered(ana, place, 4)} >= restaurants


@pytest.mark.parametrize(
    ("place", "party", "at"),
    [
        ("nowhere", 2, FRIDAY_EVENING),
        ("luigi", 9, FRIDAY_EVENING),
        ("luigi", 2, "2027-01-18T19:00:00+01:00"),
        ("luigi", 2, "2027-01-15T12:00:00+01:00"),
        ("luigi", 2, "2027-01-14T19:00:00+01:00"),
    ],
    ids=["no such place", "too many", "closed on Mondays", "not open yet", "yesterday"],
)
async def test_where_nothing_is_free_nothing_is_offered(ana: AsyncClient, place: str, party: int, at: str) -> None:
    """An empty list is an answer."""
    assert await offered(ana, place, party, at) == []


async def test_a_table_is_given_once(ana: AsyncClient, bo: AsyncClient) -> None:
    """Two guests want one table at the same moment; one of them gets it."""
    answers = await asyncio.gather(reserve(ana, SALON), reserve(bo, SALON))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await reserved(ana) + await reserved(bo)) == 1


async def test_a_table_is_taken_for_the_whole_sitting(ana: AsyncClient) -> None:
    """Nobody is seated while others still eat there."""
    await reserve(ana, WINDOW)

    times = [offer["at"][11:16] for offer in await offered(ana, "luigi", 2) if offer["table"] == "Window table"]

    assert not {"17:30", "18:00", "19:00", "20:30"} & set(times)


async def test_the_same_key_is_the_same_reservation(ana: AsyncClient) -> None:
    """A guest who asks again under the same key is told the same, and has one table."""
    first, second = await reserve(ana, SALON), await reserve(ana, SALON)

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first.json()["charged"] == {"minor": 2000, "currency": "EUR"}
    assert len(await reserved(ana)) == 1


async def test_a_no_stays_a_no_under_its_key(town: Town, ana: AsyncClient, bo: AsyncClient) -> None:
    """What was refused under a key is not done later because somebody asks again."""
    taken = (await reserve(bo, WINDOW)).json()["reference"]
    refused = await reserve(ana, WINDOW)
    await cancel(bo, taken)

    again = await reserve(ana, WINDOW)

    assert again.status_code == 409
    assert again.json() == refused.json() == {"code": "slot_gone", "message": "This table is not free any more."}


async def test_a_key_is_for_one_thing(ana: AsyncClient) -> None:
    """The same key for another table is refused."""
    await reserve(ana, WINDOW)

    other = await reserve(ana, SALON)

    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert len(await reserved(ana)) == 1


async def test_a_key_is_kept_for_a_day_and_found_for_ever(ana: AsyncClient, clock: MovableClock) -> None:
    """After a day the site no longer answers the same, but it still knows which reservation the key made."""
    made = (await reserve(ana, WINDOW)).json()
    clock.move(timedelta(hours=24))

    assert (await reserve(ana, WINDOW)).json()["code"] == "slot_gone"
    assert await reserved(ana, key="the-first-key-of-all") == [made]
    assert await reserved(ana, key="another-key-of-mine") == []


async def test_nobody_sees_or_cancels_what_is_anothers(ana: AsyncClient, bo: AsyncClient) -> None:
    """A reservation is its guest's."""
    reference = (await reserve(ana, WINDOW)).json()["reference"]

    assert await reserved(bo, key="the-first-key-of-all") == []
    assert (await cancel(bo, reference)).status_code == 404


async def test_a_cancelled_table_is_free_again(ana: AsyncClient, bo: AsyncClient) -> None:
    """The deposit comes back, once, and somebody else may sit there."""
    reference = (await reserve(ana, SALON)).json()["reference"]

    answer, again = await cancel(ana, reference), await cancel(ana, reference)
    late = await cancel(ana, reference, key="a-second-key-to-cancel")

    assert answer.json() == again.json() == {"reference": reference, "refunded": {"minor": 2000, "currency": "EUR"}}
    assert (late.status_code, late.json()["code"]) == (409, "already_cancelled")
    assert (await reserve(bo, SALON)).status_code == 200


async def test_shortly_before_it_is_too_late_to_cancel(ana: AsyncClient, clock: MovableClock) -> None:
    """An hour before dinner the table is kept, and so is the deposit."""
    reference = (await reserve(ana, SALON)).json()["reference"]
    clock.move(timedelta(hours=9))

    assert (await cancel(ana, reference)).json()["code"] == "too_late"
    assert not (await reserved(ana))[0]["cancelled"]


@pytest.mark.parametrize(
    "slot",
    [
        *("", "luigi", "luigi/window/soon/2/0", "luigi/window/2027-01-15T19:00/2/0"),
        "luigi/window/2027-01-15T19:00+01:00/2/100EUR",
        "luigi/window/2027-01-15T19:07+01:00/2/0",
        "luigi/window/2027-01-15T19:00+01:00/8/0",
    ],
)
async def test_what_was_never_offered_is_not_given(ana: AsyncClient, slot: str) -> None:
    """Other terms, another time or mere words: nothing is reserved."""
    assert (await reserve(ana, slot)).json()["code"] == "slot_gone"
    assert await reserved(ana) == []


async def test_without_a_name_or_a_key_nothing_is_reserved(town: Town, ana: AsyncClient) -> None:
    """Whoever does not say who they are, or under which key, is refused."""
    async with AsyncClient(base_url=town.booking_address, trust_env=False) as nobody:
        assert (await reserve(nobody, WINDOW)).status_code == 401
    assert (await ana.post("/reservations", json={"slot": WINDOW})).status_code == 422
    assert WINDOW in [offer["slot"] for offer in await offered(ana, "luigi", 2)]


async def test_somebody_else_may_be_quicker(town: Town, ana: AsyncClient) -> None:
    """A table that a stranger has walked in to take is gone, and no guest can ask for that to happen."""
    town.book.walk_in(WINDOW)

    assert (await reserve(ana, WINDOW)).json()["code"] == "slot_gone"
    assert [one.slot for one in town.book.of(STRANGER)] == [WINDOW]


async def test_the_book_is_there_after_the_town_was_closed(tmp_path: Path, clock: MovableClock) -> None:
    """With a folder of its own the town remembers who sits where, and what it answered under which key."""
    async with serve_town(tmp_path / "town", clock=clock) as town, as_guest(town, "ana") as ana:
        made = (await reserve(ana, WINDOW)).json()

    async with serve_town(tmp_path / "town", clock=clock) as town, as_guest(town, "ana") as ana:
        assert (await reserve(ana, WINDOW)).json() == made
        assert await reserved(ana) == [made]


async def test_the_town_leaves_signals_alone(clock: MovableClock) -> None:
    """Whoever runs the process decides what ends it."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with serve_town(clock=clock):
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
