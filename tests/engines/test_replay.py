"""A run that is taken up again stands where it stood, and says the same as if nothing had happened."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from haloop.engines.reading import only_waits
from haloop.kernel.fact import ArtifactAdded, RunRecorded
from haloop.kernel.gate import Verdict
from haloop.kernel.ids import RunId
from haloop.testing.practice import Practice
from tests.engines.outside import HOUR, World, ask, deliver, doze, everything, house, send, until


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def practice(tmp_path: Path, world: World) -> AsyncIterator[Practice]:
    async with house(tmp_path, world) as opened:
        yield opened


class Undisturbed(Practice):
    """The process never ends."""

    async def pause(self) -> None: ...


class Restarted(Practice):
    """The process is stopped and started wherever a run waits, and again."""

    async def pause(self) -> None:
        await self.restart()
        await self.restart()
        await self.engine.settled()


class Crashed(Practice):
    """The process dies wherever a run waits, and again as soon as it is back."""

    async def pause(self) -> None:
        await self.crash()
        await self.crash()
        await self.engine.settled()


class Forgetful(Practice):
    """No run stays in memory."""

    async def pause(self) -> None:
        self.live_max = 0
        await self.restart()
        await self.engine.settled()


@pytest.mark.parametrize("kind", [Undisturbed, Restarted, Crashed, Forgetful])
async def test_a_run_says_the_same_however_often_it_is_taken_up(
    tmp_path: Path, world: World, kind: type[Undisturbed]
) -> None:
    """Its history, its times, its names and what the world saw do not depend on restarts."""
    async with house(tmp_path, world, kind=kind) as home:
        assert isinstance(home, kind)
        ana = await home.person("Ana")
        run = await home.start(everything.of("hello"))
        await home.pause()
        await home.move(HOUR)
        await home.pause()
        await home.yes(run, ana)
        await home.pause()
        await deliver(home, 7, key="hello")
        await home.pause()

        assert (await home.ended(run)).reason == "1 7"
        assert await home.kinds(run) == EVERYTHING
        assert world.sent == {"hello": 1}
        assert world.asked == {"hello": 1, "quick a": 1, "quick b": 1, "child": 1}


EVERYTHING = [
    *("run.started", "run.recorded", "step.done", "sleep.begun", "sleep.over"),
    *("gate.opened", "step.done", "step.done", "gate.withdrawn", "run.recorded"),
    *("gate.opened", "gate.approved", "effect.intended", "effect.happened", "child.started", "run.recorded"),
    *("wait.begun", "wait.over", "run.ended"),
]


async def test_the_time_is_that_of_the_newest_event_heard(practice: Practice) -> None:
    """What a run takes for now is when the newest fact it heard of was recorded, also after a restart."""
    began = practice.clock.read().wall
    run = await practice.start(doze.of(5))
    await practice.move(HOUR)
    await practice.restart()

    await practice.move(5 * HOUR)

    before, after = (await practice.ended(run)).result
    assert before == "2027-01-15T08:00:00+00:00"
    assert began == 1_800_000_000_000_000
    assert after == "2027-01-15T14:00:00+00:00"


async def test_names_differ_by_run_and_place(practice: Practice) -> None:
    """A run's new names are its own, and two in one run differ."""
    first, second = await practice.start(everything.of("one")), await practice.start(everything.of("two"))

    kept = [fact for run in (first, second) for fact in await practice.facts(run) if isinstance(fact, RunRecorded)]
    assert len({fact.value[0] for fact in kept}) == 2


async def test_a_timer_that_passed_while_nobody_looked_fires_once(practice: Practice) -> None:
    """A run whose time came while the process was stopped goes on at the next start, once."""
    run = await practice.start(doze.of(1))
    practice.clock.move(3 * HOUR)
    await practice.restart()
    await practice.engine.settled()

    await practice.move(HOUR)

    assert await practice.kinds(run) == ["run.started", "sleep.begun", "sleep.over", "run.ended"]


async def test_a_decision_reaches_a_run_that_is_not_in_memory(tmp_path: Path, world: World) -> None:
    """Runs that wait leave memory, and a yes brings the right one back."""
    async with house(tmp_path, world) as home:
        ana = await home.person("Ana")
        home.live_max = 2
        await home.restart()
        runs = [await home.start(send.of(f"letter {number}")) for number in range(6)]

        for run in runs:
            await home.yes(run, ana)

        assert [(await home.ended(run)).code for run in runs] == ["done"] * 6
        assert set(world.sent.values()) == {1}


async def test_runs_that_wait_leave_memory_past_those_that_are_at_work(tmp_path: Path, world: World) -> None:
    """Two are at work for long and came first: of the others no more stay than there is room for."""
    async with house(tmp_path, world) as home:
        home.live_max = 4
        await home.restart()
        world.closed |= {"first", "second"}
        busy = [await home.engine.start(home.account, ask.of(name), by="test") for name in ("first", "second")]
        await until(lambda: world.asked["second"] == 1)

        waiting = []
        for number in range(12):
            waiting.append(await home.engine.start(home.account, send.of(f"letter {number}"), by="test"))
            await until(partial(_only_waits, home, waiting[-1]))

        there = [run for run in (*busy, *waiting) if home.engine._memory.get(run) is not None]
        world.opened.set()
        assert there[:2] == busy
        assert len(there) <= home.live_max + 1


def _only_waits(home: Practice, run: RunId) -> bool:
    live = home.engine._memory.get(run)
    return live is None or live.is_quiet


async def test_two_who_wake_a_run_at_once_wake_one_run(practice: Practice, world: World) -> None:
    """Waking a run twice at the same time does its work once."""
    ana = await practice.person("Ana")
    run = await practice.start(send.of("hello"))
    await practice.restart()
    answer = await practice.answer(practice.gate_of(run), ana, Verdict.APPROVED)
    await practice.restart()

    await asyncio.gather(
        practice.engine.wake(practice.account, run), practice.say(answer), practice.engine.wake(practice.account, run)
    )

    assert world.sent == {"hello": 1}
    assert await practice.kinds(run) == [
        *("run.started", "gate.opened", "gate.approved", "effect.intended", "effect.happened", "run.ended")
    ]


async def test_a_file_that_a_waiting_run_is_given_leaves_it_waiting(practice: Practice, world: World) -> None:
    """At the next start it is not read as a whole: it only waits, is asked about as before, and its time runs out."""
    ana = await practice.person("Ana")
    answered, forgotten = [await practice.start(send.of(text)) for text in ("hello", "nobody")]
    for run in (answered, forgotten):
        file = ArtifactAdded(digest="0" * 64, size=0, name="notes.md", media_type="text/markdown", key=b"k" * 32)
        await practice.engine.add_artifact(practice.account, run, file, by=f"person:{ana}")

    assert [only_waits(run) for run in practice.ledger.open_runs()] == [True, True]
    await practice.restart()
    await practice.yes(answered, ana)
    await practice.move(timedelta(days=365))

    assert world.sent == {"hello": 1}
    assert (await practice.kinds(forgotten))[-2:] == ["gate.expired", "run.ended"]
