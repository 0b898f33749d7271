"""Runs that wait for time or for an arrival: nothing is missed, nothing is taken twice."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.testing.practice import Practice
from tests.engines.outside import DAY, HOUR, World, deliver, doze, house, receive, receive_twice

PROCEDURES = ()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def practice(tmp_path: Path, world: World) -> AsyncIterator[Practice]:
    async with house(tmp_path, world, *PROCEDURES) as opened:
        yield opened


async def test_what_arrived_before_is_not_missed(practice: Practice) -> None:
    """A run that begins to wait after something came still gets it, also after a restart."""
    await deliver(practice, 7)
    await practice.restart()

    run = await practice.start(receive.of("door"))

    assert (await practice.ended(run)).result == 7


async def test_the_oldest_is_taken_first(practice: Practice) -> None:
    """Of several arrivals, a run takes the oldest that nobody took."""
    await deliver(practice, 1)
    await deliver(practice, 2)
    await practice.restart()

    first, second = await practice.start(receive.of("door")), await practice.start(receive.of("door"))

    assert [(await practice.ended(run)).result for run in (first, second)] == [1, 2]


async def test_a_delivery_counts_once(practice: Practice) -> None:
    """The same delivery of the same source again changes nothing, also after a restart."""
    await deliver(practice, 1, delivery="one")
    await deliver(practice, 1, delivery="one")
    await practice.restart()
    await deliver(practice, 1, delivery="one")

    run = await practice.start(receive_twice.of("door"))
    await practice.move(DAY)

    assert (await practice.ended(run)).result == [1, -1]


async def test_another_source_with_the_same_delivery_is_another_arrival(practice: Practice) -> None:
    """The post and the courier number their parcels each for themselves."""
    await deliver(practice, 1, delivery="one")
    await deliver(practice, 2, delivery="one", source="courier")

    run = await practice.start(receive_twice.of("door"))

    assert (await practice.ended(run)).result == [1, 2]


async def test_an_arrival_is_for_its_own_account(practice: Practice) -> None:
    """What comes to the neighbours stays theirs, also after a restart, though kind and key are the same."""
    neighbours = await practice.ledger.open_account()
    await deliver(practice, 1, account=neighbours)
    await practice.restart()
    run = await practice.start(receive.of("door"))
    assert await practice.kinds(run) == ["run.started", "wait.begun"]

    await deliver(practice, 2)

    assert (await practice.ended(run)).result == 2


async def test_two_waiters_get_one_each_in_their_order(practice: Practice) -> None:
    """Whoever has waited longest gets the first arrival."""
    first, second = await practice.start(receive.of("door")), await practice.start(receive.of("door"))

    await deliver(practice, 1)
    await deliver(practice, 2)

    assert [(await practice.ended(run)).result for run in (first, second)] == [1, 2]


async def test_two_waits_of_one_run_get_one_each(practice: Practice) -> None:
    """Two branches that wait for the same get different arrivals, also if both come while it is not in memory."""
    practice.live_max = 0
    await practice.restart()
    run = await practice.start(receive_twice.of("door"))

    await deliver(practice, 1)
    await deliver(practice, 2)

    assert (await practice.ended(run)).result == [1, 2]


async def test_an_arrival_for_somebody_else_is_left_alone(practice: Practice) -> None:
    """Only what has the right key is taken."""
    run = await practice.start(receive.of("door"))
    await deliver(practice, 1, key="window")
    assert await practice.kinds(run) == ["run.started", "wait.begun"]

    await deliver(practice, 2)

    assert (await practice.ended(run)).result == 2


@pytest.mark.parametrize("restarts", [0, 1, 2])
async def test_a_timeout_is_a_value(practice: Practice, restarts: int) -> None:
    """Where nothing arrives in time the run hears that and goes on, however often it was restarted."""
    run = await practice.start(receive.of("door"))
    for _ in range(restarts):
        await practice.restart()

    await practice.move(DAY)

    assert (await practice.ended(run)).result == -1
    assert await practice.kinds(run) == ["run.started", "wait.begun", "wait.over", "run.ended"]


async def test_who_stopped_waiting_takes_nothing(practice: Practice) -> None:
    """An arrival that came too late for one run is there for the next."""
    late = await practice.start(receive.of("door"))
    await practice.move(DAY)
    await deliver(practice, 1)

    run = await practice.start(receive.of("door"))

    assert [(await practice.ended(one)).result for one in (late, run)] == [-1, 1]


async def test_an_arrival_passes_over_a_run_that_cannot_go_on(practice: Practice) -> None:
    """A run that waited first and was cancelled does not stand in the way of the next."""
    first, second = await practice.start(receive.of("door")), await practice.start(receive.of("door"))
    await practice.engine.cancel(practice.account, first, by="agent:test")

    await deliver(practice, 1)

    assert (await practice.ended(second)).result == 1


async def test_an_arrival_that_was_taken_stays_taken(practice: Practice) -> None:
    """After a crash nobody gets what another run has had."""
    had = await practice.start(receive.of("door"))
    await deliver(practice, 1)
    await practice.crash()

    run = await practice.start(receive.of("door"))
    await practice.move(DAY)

    assert [(await practice.ended(one)).result for one in (had, run)] == [1, -1]


async def test_a_sleep_is_not_cut_short(practice: Practice) -> None:
    """A run sleeps as long as it said, whoever looks at it or restarts it meanwhile."""
    run = await practice.start(doze.of(2))
    await practice.move(HOUR)
    await practice.restart()
    await practice.engine.wake(practice.account, run)
    await practice.move(HOUR - timedelta(seconds=1))
    assert await practice.kinds(run) == ["run.started", "sleep.begun"]

    await practice.move(timedelta(seconds=1))

    assert (await practice.kinds(run))[-1] == "run.ended"


async def test_timers_that_are_cleared_take_no_room(practice: Practice) -> None:
    """What was set and cleared long before it is due is not kept until then."""
    timers = practice.engine.world.timers
    for number in range(10_000):
        timers.set(f"run_{number}", "1", practice.clock.read().wall + 10**12)  # type: ignore[arg-type]
        timers.clear(f"run_{number}", "1")  # type: ignore[arg-type]

    assert timers.kept < 2_000
