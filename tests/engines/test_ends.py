"""Waiting for the end of a run: whose it is, whether it ever was, and what is left of those who stopped waiting."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from haloop.kernel.errors import ForeignRun, NotFound
from haloop.kernel.failure import Permanent
from haloop.kernel.ids import new_run_id
from haloop.testing.practice import Practice
from tests.engines.outside import World, ask, house, send

PRIVATE = "what Ana told her doctor"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def practice(tmp_path: Path, world: World) -> AsyncIterator[Practice]:
    async with house(tmp_path, world) as opened:
        yield opened


async def test_there_is_no_waiting_for_a_run_that_never_was(practice: Practice) -> None:
    """Whoever waits for the end of nothing is told at once."""
    async with asyncio.timeout(5):
        with pytest.raises(NotFound):
            await practice.ended(new_run_id())


@pytest.mark.parametrize("restarts", [0, 1])
async def test_nobody_waits_for_a_run_of_another_account(practice: Practice, restarts: int) -> None:
    """A run that waits at its gate is none of another household's business."""
    run = await practice.start(send.of(PRIVATE))
    other = await practice.ledger.open_account()
    for _ in range(restarts):
        await practice.restart()

    async with asyncio.timeout(5):
        with pytest.raises(ForeignRun) as refused:
            await practice.engine.ended(other, run)

    assert PRIVATE not in refused.value.sentence


@pytest.mark.parametrize("restarts", [0, 1])
async def test_why_a_run_cannot_go_on_is_told_to_its_own_account_only(
    practice: Practice, world: World, restarts: int
) -> None:
    """A run is parked with a reason that holds private words; another household hears that it is not theirs."""
    world.troubles.append(Permanent(PRIVATE))
    run = await practice.start(ask.of("why"))
    other = await practice.ledger.open_account()
    for _ in range(restarts):
        await practice.restart()

    async with asyncio.timeout(5):
        with pytest.raises(ForeignRun) as refused:
            await practice.engine.ended(other, run)

    assert PRIVATE in practice.engine.parked[run].sentence
    assert PRIVATE not in refused.value.sentence


async def test_how_a_run_ended_is_told_to_its_own_account_only(practice: Practice) -> None:
    """What came of a run is for whoever it belongs to."""
    run = await practice.start(ask.of(PRIVATE))
    await practice.ended(run)
    other = await practice.ledger.open_account()

    with pytest.raises(ForeignRun) as refused:
        await practice.engine.ended(other, run)

    assert PRIVATE not in refused.value.sentence


async def test_those_who_stopped_waiting_are_forgotten(practice: Practice) -> None:
    """However often somebody waits for a while and gives up, nothing piles up."""
    run = await practice.start(send.of("hello"))
    for _ in range(50):
        waiting = asyncio.ensure_future(practice.ended(run))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    assert len(practice.engine._memory._watchers.get(run, ())) == 0
