"""A full disk: what waited for room goes on by itself once there is some, and nobody has to wake it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from haloop.kernel.errors import NoRoom
from haloop.kernel.gate import Verdict
from haloop.testing.practice import Practice
from tests.engines.disk import full_disk
from tests.engines.outside import HOUR, MINUTE, World, doze, house, send


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def practice(tmp_path: Path, world: World) -> AsyncIterator[Practice]:
    async with house(tmp_path, world) as opened:
        yield opened


async def test_a_run_that_woke_on_a_full_disk_goes_on_when_there_is_room(practice: Practice) -> None:
    """A run should have woken while the disk was full; a minute after there is room it has."""
    run = await practice.start(doze.of(1))
    with full_disk(practice.ledger):
        await practice.move(HOUR)
        assert isinstance(practice.engine.parked[run], NoRoom)

    await practice.move(2 * MINUTE)

    assert (await practice.ended(run)).code == "done"
    assert practice.engine.parked == {}


async def test_a_run_goes_on_however_long_the_disk_was_full(practice: Practice) -> None:
    """It tries again while there is no room, and still does once there is."""
    run = await practice.start(doze.of(1))
    with full_disk(practice.ledger):
        await practice.move(HOUR)
        await practice.move(2 * MINUTE)
        await practice.move(HOUR)

    await practice.move(2 * MINUTE)

    assert (await practice.ended(run)).code == "done"


async def test_a_yes_that_found_no_room_can_be_said_again(practice: Practice, world: World) -> None:
    """Olga hears that her yes was not kept; when there is room the question is still open, and the same yes counts."""
    olga = next(iter((await practice.engine.account(practice.account)).people))
    run = await practice.start(send.of("hello"))
    answer = await practice.answer(practice.gate_of(run), olga, Verdict.APPROVED)
    with full_disk(practice.ledger):
        with pytest.raises(NoRoom):
            await practice.say(answer)
        await practice.engine.settled()
    assert world.sent == {}

    await practice.move(2 * MINUTE)
    assert practice.engine.open_gates(practice.account) == [answer.gate]
    await practice.yes(run, olga)

    assert world.sent == {"hello": 1}
