"""Who may make a call now, who waits for others, and what stands when a process or a day ends in between."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import Request, Response

from haloop.connectors.gateway.reserving import GivenUp, Reserving
from haloop.kernel.clock import SystemClock
from haloop.ports.models import Budget, Cost, Expense, Spender, Spent
from haloop.store.model_use import AgentUse
from haloop.testing.clock import MovableClock
from tests.connectors.gateway import killed
from tests.connectors.gateway.conftest import Host

TO_MIDNIGHT, SECOND = timedelta(hours=16), timedelta(seconds=1)
"""The clock begins at eight in the morning, UTC."""
A_DAY = Budget(tokens=1_000)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[AgentUse]:
    with AgentUse.opened(tmp_path, for_day=A_DAY) as counted:
        yield counted


@pytest.fixture
def reserving(counted: AgentUse, clock: MovableClock) -> Reserving:
    return Reserving(counted, clock)


def call(tokens: int, *, attempt: str = "r-1", mission: str = "m-1", account: str = "acc_ana", of: int = 0) -> Expense:
    """One that may come to so many, of as many as the attempt may use."""
    budget = Budget(tokens=of) if of else None
    spender = Spender(household=account, mission=mission, attempt=attempt, for_attempt=budget)
    return Expense(spender=spender, at_most=Cost(tokens_in=tokens))


async def waits(asking: "asyncio.Task[int]") -> bool:
    """Whether it does, once it has asked."""
    for _ in range(3):
        await asyncio.sleep(0)
    return not asking.done()


async def test_a_call_waits_for_what_another_may_leave(reserving: Reserving) -> None:
    """Of a day that two attempts share: the first took nearly all of it and used a little."""
    first = await reserving.reserve(call(900))
    second = asyncio.create_task(reserving.reserve(call(900, attempt="r-2", mission="m-2")))
    assert await waits(second)

    reserving.settle(first, Cost(tokens_in=50))

    assert await second != first


async def test_a_call_that_is_too_dear_whatever_comes_of_the_others_is_refused_at_once(reserving: Reserving) -> None:
    """And one that waits is refused as soon as that is so, with what was used, and not what is under way."""
    reserving.settle(await reserving.reserve(call(150)), Cost(tokens_in=150))
    first = await reserving.reserve(call(500))
    with pytest.raises(Spent, match=r"150 are used, and its next call may take 900\."):
        await reserving.reserve(call(900))
    second = asyncio.create_task(reserving.reserve(call(800)))
    assert await waits(second)

    reserving.settle(first, Cost(tokens_in=300))

    with pytest.raises(Spent, match=r"450 are used, and its next call may take 800\."):
        await second


async def test_whoever_needs_much_is_not_passed_by_for_ever(reserving: Reserving) -> None:
    """A small call that came later waits behind it, though there is room for it now."""
    first = await reserving.reserve(call(500))
    big = asyncio.create_task(reserving.reserve(call(900)))
    assert await waits(big)
    small = asyncio.create_task(reserving.reserve(call(200)))
    assert await waits(small)

    reserving.settle(first, Cost())
    reserved = await big
    assert await waits(small)
    reserving.settle(reserved, Cost(tokens_in=1))
    await small


async def test_nobody_waits_for_what_is_not_theirs(reserving: Reserving) -> None:
    """An attempt whose own budget is taken holds up neither another nor another household."""
    await reserving.reserve(call(90, of=100))
    assert await waits(asyncio.create_task(reserving.reserve(call(90, of=100))))

    await reserving.reserve(call(700, attempt="r-2"))
    await reserving.reserve(call(1_000, account="acc_bob"))


async def test_whoever_waits_no_more_leaves_their_place(reserving: Reserving) -> None:
    """Its attempt was ended: those behind it have what it waited for."""
    await reserving.reserve(call(500))
    big = asyncio.create_task(reserving.reserve(call(900)))
    assert await waits(big)
    small = asyncio.create_task(reserving.reserve(call(200)))
    assert await waits(small)

    big.cancel()

    await small


async def test_nothing_is_reserved_for_whoever_wants_it_no_more(reserving: Reserving) -> None:
    """Not even where what they waited for is there at the same moment."""
    first = await reserving.reserve(call(900))
    end = asyncio.get_running_loop().create_future()
    waiting = [asyncio.create_task(reserving.reserve(call(900), end)) for _ in range(2)]
    assert await waits(waiting[0])

    reserving.settle(first, Cost())
    end.set_result(None)

    for one in waiting:
        with pytest.raises(GivenUp):
            await one
    assert reserving.used_by("r-1") == Cost()


async def test_a_day_is_counted_until_midnight_and_a_call_where_it_began(
    reserving: Reserving, clock: MovableClock
) -> None:
    """What was reserved before it is settled after it, and takes nothing of the new day; a mission has both."""
    late = await reserving.reserve(call(900))
    clock.move(TO_MIDNIGHT - SECOND)
    waiting = asyncio.create_task(reserving.reserve(call(200)))
    assert await waits(waiting)

    clock.move(SECOND)
    early = await reserving.reserve(call(700))
    reserving.settle(late, Cost(tokens_in=800))
    await waiting
    reserving.settle(early, Cost(tokens_in=100))

    await reserving.reserve(call(700))
    assert reserving.used_by("r-1") == Cost(tokens_in=800 + 200 + 100 + 700)


async def test_what_was_under_way_when_the_process_was_killed_counts_as_used(host: Host, tmp_path: Path) -> None:
    """Its provider may have done it all; nobody waits for it, and the attempt that is done again begins with it."""
    never = asyncio.Event()

    async def answer(_: Request) -> Response:
        await never.wait()
        return Response()

    host.answer = answer
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", killed.__name__, str(tmp_path), host.address, killed.ATTEMPT
    )
    async with asyncio.timeout(60):
        await host.was_asked.wait()
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
    never.set()

    with AgentUse.opened(tmp_path, for_day=A_DAY) as counted:
        left = counted.used_by(killed.ATTEMPT)
        assert left.tokens_out == killed.TOKENS_OUT
        again = Reserving(counted, SystemClock())
        budget = left.tokens + 100
        await again.reserve(call(60, attempt=killed.ATTEMPT, of=budget))
        with pytest.raises(Spent, match=rf"this step's budget, {left.tokens} are used"):
            await again.reserve(call(101, attempt=killed.ATTEMPT, of=budget))
