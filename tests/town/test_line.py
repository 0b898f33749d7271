"""The line to a server of the town: each trouble looks like the real one, and the book says what was done."""

import asyncio

import pytest
from httpx2 import AsyncClient, RemoteProtocolError, Response

from haloop.town.line import Trouble
from haloop.town.street import Town

WINDOW = "luigi/window/2027-01-15T19:00+01:00/2/0"


async def reserve(town: Town) -> Response:
    async with AsyncClient(base_url=town.booking_address, trust_env=False) as guest:
        headers = {"Authorization": "Bearer ana", "Idempotency-Key": "the-first-key-of-all"}
        return await guest.post("/reservations", json={"slot": WINDOW}, headers=headers)


@pytest.mark.parametrize(
    ("trouble", "status", "done"),
    [
        (Trouble.NONE, 200, 1),
        (Trouble.BUSY, 503, 0),
        (Trouble.RATE_LIMITED, 429, 0),
        (Trouble.ERROR_AFTER, 500, 1),
        (Trouble.GARBAGE, 200, 1),
    ],
)
async def test_an_answer_may_say_little_of_what_was_done(town: Town, trouble: Trouble, status: int, done: int) -> None:
    """An error may come before or after the act; only the book tells."""
    town.booking_line.troubles.append(trouble)

    answer = await reserve(town)

    assert answer.status_code == status
    assert len(town.book.of("ana")) == done


@pytest.mark.parametrize(("trouble", "done"), [(Trouble.REQUEST_LOST, 0), (Trouble.REPLY_LOST, 1)])
async def test_a_broken_line_tells_nothing(town: Town, trouble: Trouble, done: int) -> None:
    """The connection ends in the middle of an answer, whether or not the request arrived."""
    town.booking_line.troubles.append(trouble)

    with pytest.raises(RemoteProtocolError):
        await reserve(town)
    assert len(town.book.of("ana")) == done


async def test_a_slow_request_is_done_after_its_sender_hung_up(town: Town) -> None:
    """Who stops listening has not taken anything back."""
    town.booking_line.troubles.append(Trouble.SLOW)
    sending = asyncio.create_task(reserve(town))
    await town.booking_line.is_holding.wait()

    sending.cancel()
    await asyncio.wait([sending])
    before = town.book.of("ana")
    await town.booking_line.let_go()

    assert before == []
    assert len(town.book.of("ana")) == 1
