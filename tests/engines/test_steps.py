"""A step is tried within its bounds; each attempt is a fact, and what came of it is remembered."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.kernel.errors import NotFound, StepFailed
from haloop.kernel.failure import Malformed, Permanent, RateLimited, Transient
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Run
from haloop.testing.practice import Practice
from tests.engines.outside import (
    DAY,
    Outside,
    Question,
    World,
    ask,
    ask_briefly,
    ask_impatiently,
    ask_once,
    connector,
    house,
    tried,
    until,
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def practice(tmp_path: Path, world: World) -> AsyncIterator[Practice]:
    async with house(tmp_path, world) as opened:
        yield opened


async def test_what_a_step_answers_is_remembered(practice: Practice, world: World) -> None:
    """A step that was done is never done again, also after a restart."""
    run = await practice.start(ask.of("why"))
    await practice.restart()

    ended = await practice.ended(run)

    assert ended.result == "why!"
    assert world.asked["why"] == 1


@pytest.mark.parametrize(
    ("trouble", "failure", "attempts"),
    [
        (Transient("busy"), "transient", 4),
        (ConnectionResetError("gone"), "transient", 4),
        (TimeoutError(), "transient", 4),
        (RateLimited("slowly", after_seconds=7), "rate_limited", 4),
        (Malformed("what?"), "malformed", 2),
        (42, "malformed", 2),
        (Permanent("never"), "permanent", 1),
        (ZeroDivisionError("oops"), "permanent", 1),
    ],
    ids=["transient", "connection", "time out", "rate limit", "malformed", "wrong type", "permanent", "anything"],
)
async def test_a_failing_step_is_tried_within_its_bounds(
    practice: Practice, world: World, trouble: object, failure: str, attempts: int
) -> None:
    """How often a step is tried depends on the class of its failure, and every attempt is a fact."""
    world.troubles.extend([trouble] * 10)
    run = await practice.start(ask.of("why"))
    for _ in range(6):
        await practice.move(DAY)

    with pytest.raises(StepFailed) as failed:
        await practice.ended(run)

    assert failed.value.code == f"step.{failure}"
    assert tried(await practice.facts(run)) == [(number, failure) for number in range(1, attempts + 1)]
    assert world.asked["why"] == attempts


async def test_a_step_that_works_in_the_end_is_done(practice: Practice, world: World) -> None:
    """Two bad moments cost a few seconds, and the run goes on."""
    world.troubles.extend([Transient("busy"), Transient("busy")])
    run = await practice.start(ask.of("why"))
    await practice.move(timedelta(seconds=1))
    assert world.asked["why"] == 2

    await practice.move(timedelta(seconds=4))

    assert (await practice.ended(run)).result == "why!"
    assert await practice.kinds(run) == ["run.started", "step.failed", "step.failed", "step.done", "run.ended"]


async def test_we_come_back_when_we_were_told_to(practice: Practice, world: World) -> None:
    """A rate limit is waited out, also when the process is restarted meanwhile."""
    world.troubles.append(RateLimited("in an hour", after_seconds=3600))
    run = await practice.start(ask.of("why"))
    await practice.move(timedelta(minutes=59))
    await practice.restart()
    await practice.move(timedelta(seconds=30))
    assert world.asked["why"] == 1

    await practice.move(timedelta(seconds=31))

    assert (await practice.ended(run)).result == "why!"


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 1e300, -1e300])
async def test_being_told_to_come_back_never_is_no_end(practice: Practice, world: World, seconds: float) -> None:
    """A rate limit without measure is waited out for a bounded while, and the run goes on."""
    world.troubles.append(RateLimited("not in this life", after_seconds=seconds))
    run = await practice.start(ask.of("why"))
    assert practice.engine.parked == {}

    await practice.move(7 * DAY)

    assert (await practice.ended(run)).result == "why!"


async def test_attempts_are_counted_across_restarts(practice: Practice, world: World) -> None:
    """Restarting does not buy a step more attempts."""
    world.troubles.extend([Transient("busy")] * 10)
    run = await practice.start(ask.of("why"))
    for _ in range(5):
        await practice.restart()
        await practice.move(DAY)

    with pytest.raises(StepFailed):
        await practice.ended(run)
    assert world.asked["why"] == 4


async def test_a_port_may_allow_fewer_attempts(practice: Practice, world: World) -> None:
    """A step whose port allows one attempt has one, whatever the failure."""
    world.troubles.append(Malformed("what?"))
    run = await practice.start(ask_briefly.of("why"))

    with pytest.raises(StepFailed):
        await practice.ended(run)
    assert world.asked["why"] == 1


async def test_a_costly_step_is_not_repeated_after_a_failure(practice: Practice, world: World) -> None:
    """A step that must not run twice is not tried again."""
    world.troubles.append(Transient("busy"))
    run = await practice.start(ask_once.of("why"))
    await practice.move(DAY)

    with pytest.raises(StepFailed):
        await practice.ended(run)
    assert world.asked["why"] == 1


async def test_a_costly_step_is_not_repeated_after_a_crash(practice: Practice, world: World) -> None:
    """A step that must not run twice, and was under way when the process died, fails as interrupted."""
    world.closed.add("why")
    run = await practice.engine.start(practice.account, ask_once.of("why"), by="agent:test")
    await until(lambda: world.asked["why"] == 1)
    await practice.crash()

    with pytest.raises(StepFailed) as failed:
        await practice.ended(run)
    assert failed.value.code == "step.interrupted"
    assert await practice.kinds(run) == ["run.started", "step.begun", "step.failed", "run.parked"]
    assert world.asked["why"] == 1


async def test_a_step_is_done_by_whoever_stands_behind_its_port(practice: Practice, world: World) -> None:
    """A procedure names the port; who speaks for it is what the process was started with, this time."""
    await practice.start(ask.of("why"))
    other = World()
    practice.connectors = [connector(other)]
    await practice.restart()

    run = await practice.start(ask.of("why"))

    assert (await practice.ended(run)).result == "why!"
    assert (world.asked["why"], other.asked["why"]) == (1, 1)


async def test_a_step_that_dawdles_has_failed(tmp_path: Path, world: World) -> None:
    """Nobody waits longer than the port's deadline; the attempt counts as a passing trouble."""
    world.closed.add("why")
    async with house(tmp_path, world, ask_impatiently) as practice:
        run = await practice.start(ask_impatiently.of("why"))

        with pytest.raises(StepFailed) as failed:
            await practice.ended(run)

        assert failed.value.code == "step.transient"
        assert world.gave_up == ["why"]


async def test_a_step_cannot_gate(tmp_path: Path) -> None:
    """A connector that gets hold of its run and asks a person by itself fails its step; nobody is asked."""
    presumptuous = Presumptuous()
    async with house(tmp_path, presumptuous, give_away) as practice:
        await practice.person("Ana")
        RUNS_GIVEN_AWAY.clear()
        run = await practice.start(give_away.of())

        with pytest.raises(StepFailed) as failed:
            await practice.ended(run)

        assert failed.value.code == "step.permanent"
        assert practice.engine.open_gates(practice.account) == []


RUNS_GIVEN_AWAY: list[Run] = []


class Presumptuous(World):
    """Asks a person in the middle of a step."""

    async def ask(self, question: str) -> str:
        await RUNS_GIVEN_AWAY[-1].gate(Question(text=question))
        return "they agreed"


@procedure(version=1)
async def give_away(run: Run) -> str:
    """Leaves its run where a connector can find it, which no procedure should."""
    RUNS_GIVEN_AWAY.append(run)
    return await run.step(Outside.ask, "why")


async def test_a_step_waits_for_its_connector(practice: Practice, world: World) -> None:
    """Without a connector the run parks by that name, and goes on once one is connected and it is woken."""
    practice.connectors = []
    await practice.restart()
    run = await practice.start(ask.of("why"))
    with pytest.raises(NotFound) as missing:
        await practice.ended(run)
    assert missing.value.code == "connector.missing"

    practice.connectors = [connector(world)]
    await practice.restart()

    assert (await practice.ended(run)).result == "why!"
    assert await practice.kinds(run) == ["run.started", "run.parked", "step.done", "run.ended"]


async def test_waking_a_parked_run_in_vain_changes_nothing(practice: Practice) -> None:
    """Whoever wakes a run whose reason has not gone hears the reason, and the history stays as it is."""
    practice.connectors = []
    await practice.restart()
    run = await practice.start(ask.of("why"))

    for _ in range(3):
        with pytest.raises(NotFound):
            await practice.engine.wake(practice.account, run)

    assert await practice.kinds(run) == ["run.started", "run.parked"]


async def test_a_step_that_kills_the_process_is_not_tried_for_ever(practice: Practice, world: World) -> None:
    """An attempt that a dead process cut short is recorded at the next start, and counts."""
    world.closed.add("why")
    run = await practice.engine.start(practice.account, ask.of("why"), by="agent:test")
    seen = 0
    while run not in practice.engine.parked:
        await until(lambda: world.asked["why"] > seen or run in practice.engine.parked)  # noqa: B023  # asked at once
        seen = world.asked["why"]
        await practice.crash()
        practice.clock.move(DAY)
        practice.engine.look_at_clock()

    with pytest.raises(StepFailed) as failed:
        await practice.ended(run)
    assert failed.value.code == "step.interrupted"
    attempts = [(number, "interrupted") for number in range(1, world.asked["why"] + 1)]
    assert tried(await practice.facts(run)) == attempts


async def test_an_attempt_that_was_cut_short_is_made_up_for_at_once(practice: Practice, world: World) -> None:
    """One crash costs a repeatable step nothing but the attempt."""
    world.closed.add("why")
    run = await practice.engine.start(practice.account, ask.of("why"), by="agent:test")
    await until(lambda: world.asked["why"] == 1)
    world.closed.clear()
    await practice.crash()

    assert (await practice.ended(run)).result == "why!"
    assert world.asked["why"] == 2
