"""When somebody turns the clock, nothing irreversible starts and nothing expires until it can be believed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.kernel.desk import (
    Approved,
    Effect,
    Ended,
    NotDone,
    Receipt,
    Run,
    procedure,
)
from haloop.kernel.people import Role
from haloop.testing.practice import Practice
from haloop.testing.provider import Provider
from tests.engines.bell import Bell, BellDraft, bell_house


@procedure(version=1)
async def ring_bell(run: Run, times: int) -> Receipt[str] | NotDone | Ended:
    """Ask, then ring."""
    yes = await run.gate(BellDraft(ring=Effect.of(Bell.ring, times)), within=timedelta(days=2))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.ring)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def practice(tmp_path: Path, provider: Provider) -> AsyncIterator[Practice]:
    async with bell_house(tmp_path, provider, ring_bell) as practice:
        yield practice


TURNS = [timedelta(days=3_650), timedelta(days=-1), timedelta(hours=1), timedelta(seconds=-61)]


@pytest.mark.parametrize("turn", TURNS)
async def test_a_turned_clock_expires_no_gate(practice: Practice, turn: timedelta) -> None:
    """Ten years ahead or a day back: whoever was asked can still answer."""
    await practice.person("Ana")
    run = await practice.start(ring_bell.of(3))
    practice.clock.turn(turn)
    await practice.move(timedelta(seconds=1))
    assert len(practice.engine.open_gates(practice.account)) == 1
    assert "gate.expired" not in await practice.kinds(run)


@pytest.mark.parametrize("turn", TURNS)
async def test_nothing_irreversible_starts_under_a_turned_clock(
    practice: Practice, provider: Provider, turn: timedelta
) -> None:
    """A yes is kept, and its effect waits until the clock is right again."""
    ana = await practice.person("Ana")
    run = await practice.start(ring_bell.of(3))
    practice.clock.turn(turn)
    await practice.yes(run, ana)
    assert provider.done.total() == 0
    practice.clock.turn(-turn)
    await practice.move(timedelta(seconds=1))
    assert (await practice.ended(run)).code == "done"
    assert provider.done.total() == 1


async def test_an_owner_may_say_that_the_clock_is_right(practice: Practice, provider: Provider) -> None:
    """After a true change of time work goes on at an owner's word, which is a fact."""
    ana = await practice.person("Ana")
    run = await practice.start(ring_bell.of(3))
    practice.clock.turn(timedelta(minutes=5))
    await practice.yes(run, ana)
    await practice.engine.trust_clock(practice.account, by=ana)
    assert (await practice.ended(run)).code == "done"
    assert provider.done.total() == 1


async def test_nobody_but_an_owner_says_that(practice: Practice) -> None:
    """An approver decides on drafts, not on what time it is."""
    ben = await practice.person("Ben", Role.APPROVER)
    practice.clock.turn(timedelta(hours=1))
    with pytest.raises(Exception, match="another role"):
        await practice.engine.trust_clock(practice.account, by=ben)


async def test_a_gate_expires_at_its_moment_and_not_before(practice: Practice) -> None:
    """One microsecond early is early."""
    await practice.person("Ana")
    run = await practice.start(ring_bell.of(3))
    await practice.move(timedelta(days=2) - timedelta(microseconds=1))
    assert "gate.expired" not in await practice.kinds(run)
    await practice.move(timedelta(microseconds=1))
    assert (await practice.ended(run)).code == "expired"


@pytest.mark.parametrize("turn", TURNS)
async def test_starting_again_does_not_make_the_clock_right(
    practice: Practice, provider: Provider, turn: timedelta
) -> None:
    """However often the process is started again, nothing runs and nothing expires while the clock is wrong."""
    ana = await practice.person("Ana")
    run, other = [await practice.start(ring_bell.of(times)) for times in (3, 4)]
    practice.clock.turn(turn)
    await practice.restart()
    await practice.yes(run, ana)
    await practice.restart()
    await practice.move(timedelta(seconds=1))
    assert provider.done.total() == 0
    assert "gate.expired" not in await practice.kinds(other)
    practice.clock.turn(-turn)
    await practice.restart()
    assert (await practice.ended(run)).code == "done"


async def test_an_owners_word_outlives_the_process(practice: Practice, provider: Provider) -> None:
    """What was called right stays right; what is turned after that is in doubt again."""
    ana = await practice.person("Ana")
    run, later = [await practice.start(ring_bell.of(times)) for times in (3, 4)]
    practice.clock.turn(timedelta(hours=1))
    await practice.restart()
    await practice.engine.trust_clock(practice.account, by=ana)
    await practice.restart()
    await practice.yes(run, ana)
    assert (await practice.ended(run)).code == "done"
    practice.clock.turn(timedelta(hours=1))
    await practice.restart()
    await practice.yes(later, ana)
    assert provider.done.total() == 1


async def test_many_small_steps_are_one_jump(practice: Practice) -> None:
    """Fifty seconds back before each start: the second one is too many."""
    moved = []
    for _ in range(3):
        practice.clock.turn(timedelta(seconds=-50))
        await practice.restart()
        moved.append(practice.engine.world.time.moved)
    assert moved == [0, -100_000_000, -150_000_000]


async def test_a_reboot_does_not_make_the_clock_right(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Boot time counts anew, so what was recorded of the clock before is all that is known, and it was wrong."""
    ana = await practice.person("Ana")
    run = await practice.start(ring_bell.of(3))
    practice.clock.turn(timedelta(minutes=5))
    await practice.yes(run, ana)
    for number in range(2):
        for module in ("doubt", "greeting"):
            monkeypatch.setattr(f"haloop.store.{module}.boot_id", lambda number=number: f"another boot {number}")
        await practice.restart()
        assert practice.engine.world.time.moved == 300_000_000
    await practice.engine.trust_clock(practice.account, by=ana)
    assert (await practice.ended(run)).code == "done"
