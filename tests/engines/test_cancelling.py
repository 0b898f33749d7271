"""Cancelling takes hold wherever a run waits; what has left the house is finished, and its outcome kept, first."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from haloop.kernel.errors import AnswerRefused, Diverged
from haloop.kernel.gate import Verdict
from haloop.kernel.procedure import Request, procedure
from haloop.kernel.run import Run
from haloop.testing.practice import Practice
from tests.engines.outside import Question, World, ask, doze, house, receive, send, until

PROCEDURES = ()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def practice(tmp_path: Path, world: World) -> AsyncIterator[Practice]:
    async with house(tmp_path, world, *PROCEDURES) as opened:
        yield opened


@pytest.mark.parametrize("restarts", [0, 1])
@pytest.mark.parametrize(
    ("request_", "last"),
    [
        (lambda: send.of("hello"), ["gate.opened", "run.cancelling", "gate.withdrawn", "run.ended"]),
        (lambda: doze.of(5), ["sleep.begun", "run.cancelling", "run.ended"]),
        (lambda: receive.of("door"), ["wait.begun", "run.cancelling", "run.ended"]),
    ],
    ids=["gate", "sleep", "wait"],
)
async def test_a_waiting_run_ends_at_once(
    practice: Practice, request_: Callable[[], Request[object]], last: list[str], restarts: int
) -> None:
    """At a gate, asleep or waiting for something, a run that is cancelled ends there."""
    run = await practice.start(request_())
    for _ in range(restarts):
        await practice.restart()

    await practice.engine.cancel(practice.account, run, by="person:ana", reason="changed my mind")
    await practice.engine.settled()

    assert await practice.kinds(run) == ["run.started", *last]
    assert (await practice.ended(run)).code == "cancelled"
    assert practice.engine.open_gates(practice.account) == []


async def test_a_step_is_stopped(practice: Practice, world: World) -> None:
    """A step that is under way when its run is cancelled is given up."""
    world.closed.add("why")
    run = await practice.engine.start(practice.account, ask.of("why"), by="agent:test")
    await until(lambda: world.asked["why"] == 1)

    await practice.engine.cancel(practice.account, run, by="person:ana")
    await practice.engine.settled()

    assert world.gave_up == ["why"]
    assert await practice.kinds(run) == ["run.started", "run.cancelling", "run.ended"]


async def test_a_call_is_finished_first(practice: Practice, world: World) -> None:
    """After the intent the call is seen through: its outcome is recorded, and only then the end."""
    ana = await practice.person("Ana")
    world.closed.add("hello")
    run = await practice.start(send.of("hello"))
    await practice.engine.decide(practice.account, await practice.answer(practice.gate_of(run), ana, Verdict.APPROVED))
    await until(lambda: world.sent["hello"] == 1)

    await practice.engine.cancel(practice.account, run, by="person:ana")
    assert (await practice.kinds(run))[-1] == "run.cancelling"
    world.opened.set()
    await practice.engine.settled()

    assert (await practice.kinds(run))[-3:] == ["run.cancelling", "effect.happened", "run.ended"]
    assert (await practice.ended(run)).code == "cancelled"


async def test_a_yes_and_a_cancel_at_once(practice: Practice, world: World) -> None:
    """Whichever comes first counts, and nothing is sent that was cancelled before its intent."""
    ana = await practice.person("Ana")
    run = await practice.start(send.of("hello"))
    answer = await practice.answer(practice.gate_of(run), ana, Verdict.APPROVED)

    results = await asyncio.gather(
        practice.engine.cancel(practice.account, run, by="person:ana"),
        practice.engine.decide(practice.account, answer),
        return_exceptions=True,
    )
    await practice.engine.settled()

    assert isinstance(results[1], AnswerRefused)
    assert world.sent == {}
    assert (await practice.ended(run)).code == "cancelled"


async def test_cancelling_twice_is_cancelling_once(practice: Practice) -> None:
    """A second cancel while a run is on its way out adds nothing."""
    run = await practice.start(doze.of(5))

    await asyncio.gather(
        practice.engine.cancel(practice.account, run, by="person:ana"),
        practice.engine.cancel(practice.account, run, by="person:ben"),
        return_exceptions=True,
    )

    assert (await practice.kinds(run)).count("run.cancelling") == 1


TEXTS = {"said": "before"}


@procedure(version=1)
async def ask_as_told(run: Run) -> None:
    await run.gate(Question(text=TEXTS["said"]))


async def test_a_run_nobody_can_drive_any_more_can_be_cancelled(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose procedure changed under it is ended from its history alone."""
    async with house(tmp_path, world, ask_as_told) as home:
        run = await home.start(ask_as_told.of())
        monkeypatch.setitem(TEXTS, "said", "after")
        await home.restart()
        with pytest.raises(Diverged):
            await home.engine.wake(home.account, run)

        await home.engine.cancel(home.account, run, by="person:ana")
        await home.restart()

        assert (await home.ended(run)).code == "cancelled"
        assert (await home.kinds(run))[-3:] == ["run.cancelling", "gate.withdrawn", "run.ended"]
