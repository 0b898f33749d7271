"""Several lines of work in one run: what wins, what is dropped, and what is seen through to its end."""

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from haloop.kernel.errors import StepFailed
from haloop.kernel.failure import Permanent
from haloop.kernel.gate import Approved, Verdict
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Run
from haloop.testing.practice import Practice
from tests.engines.outside import HOUR, Letter, Outside, Question, World, house, until


async def gated(run: Run, text: str) -> str:
    decision = await run.gate(Question(text=text))
    return f"{text}: {'yes' if isinstance(decision, Approved) else 'no'}"


async def sent(run: Run, text: str) -> str:
    yes = await run.gate(Letter.of(text))
    assert isinstance(yes, Approved)
    return type(await run.effect(yes, yes.draft.send)).__name__


@procedure(version=1)
async def race(run: Run, question: str) -> list[str]:
    lines: list[Awaitable[str]] = [gated(run, "a"), gated(run, "b"), run.step(Outside.ask, question)]
    won = await run.first(lines)
    return [won, await gated(run, "after")]


@procedure(version=1)
async def send_or_sleep(run: Run, text: str) -> str:
    async def wait() -> str:
        await run.sleep(HOUR)
        return "slept"

    return await run.first([sent(run, text), wait()])


@procedure(version=1)
async def nested(run: Run) -> list[list[str]]:
    def pair(name: str) -> Awaitable[list[str]]:
        return run.all([run.step(Outside.ask, f"{name}{number}") for number in range(2)])

    async def line(name: str) -> list[str]:
        return [run.new_id(), *await pair(name), run.new_id()]

    return await run.all([line("a"), line("b"), run.first([line("c"), line("d")])])


@procedure(version=1)
async def one_fails(run: Run) -> Ended:
    lines: list[Awaitable[str]] = [run.step(Outside.ask, "bad"), gated(run, "good")]
    try:
        await run.all(lines)
    except StepFailed as failed:
        return run.end(failed.code)
    return run.end("nothing failed")


@procedure(version=1)
async def nothing_to_do(run: Run) -> list[str]:
    return await run.all([])


PROCEDURES = (race, send_or_sleep, nested, one_fails, nothing_to_do)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def practice(tmp_path: Path, world: World) -> AsyncIterator[Practice]:
    async with house(tmp_path, world, *PROCEDURES) as opened:
        yield opened


async def test_the_first_line_wins_and_the_others_are_taken_back(practice: Practice, world: World) -> None:
    """Losing gates are withdrawn at once, so that nobody answers what no longer matters."""
    ana = await practice.person("Ana")
    world.closed.add("why")
    run = await practice.engine.start(practice.account, race.of("why"), by="agent:test")
    await until(lambda: len(practice.engine.open_gates(practice.account)) == 2)
    world.opened.set()
    await practice.engine.settled()
    assert practice.engine.open_gates(practice.account) == [practice.gate_of(run)]

    await practice.yes(run, ana)

    assert (await practice.ended(run)).result == ["why!", "after: yes"]
    assert (await practice.kinds(run)).count("gate.withdrawn") == 2


async def test_losing_gates_are_withdrawn_once(practice: Practice) -> None:
    """A run that is restarted after a race does not take its lost questions back again."""
    ana = await practice.person("Ana")
    run = await practice.start(race.of("why"))
    for _ in range(3):
        await practice.restart()
    await practice.yes(run, ana)
    assert (await practice.ended(run)).result == ["why!", "after: yes"]

    kinds = await practice.kinds(run)

    assert kinds.count("gate.opened") == 3
    assert kinds.count("gate.withdrawn") == 2


async def test_a_losing_step_is_stopped(practice: Practice, world: World) -> None:
    """A step whose line has lost is cancelled, and nothing is recorded of it."""
    ana = await practice.person("Ana")
    world.closed.add("why")
    run = await practice.engine.start(practice.account, race.of("why"), by="agent:test")
    await until(lambda: len(practice.engine.open_gates(practice.account)) == 2)

    await practice.yes(run, ana)

    assert world.gave_up == ["why"]
    assert "step.done" not in await practice.kinds(run)


async def test_a_losing_effect_is_seen_through(practice: Practice, world: World) -> None:
    """What has left the house when another line wins keeps its outcome before the run ends."""
    ana = await practice.person("Ana")
    world.closed.add("hello")
    run = await practice.start(send_or_sleep.of("hello"))
    await practice.engine.decide(practice.account, await practice.answer(practice.gate_of(run), ana, Verdict.APPROVED))
    await until(lambda: world.sent["hello"] == 1)
    practice.clock.move(HOUR)
    practice.engine.look_at_clock()
    world.opened.set()
    await practice.engine.settled()

    assert (await practice.ended(run)).result == "slept"
    assert (await practice.kinds(run))[-3:] == ["sleep.over", "effect.happened", "run.ended"]


@pytest.mark.parametrize("restarts", [0, 2])
async def test_branches_in_branches(practice: Practice, restarts: int) -> None:
    """Lines may open lines; results come in the order they were written, and names differ on each line."""
    run = await practice.start(nested.of())
    for _ in range(restarts):
        await practice.restart()

    a, b, c = (await practice.ended(run)).result

    assert [a[1:3], b[1:3], c[1:3]] == [["a0!", "a1!"], ["b0!", "b1!"], ["c0!", "c1!"]]
    assert len({a[0], a[3], b[0], b[3], c[0], c[3]}) == 6


async def test_a_failing_line_is_heard_when_the_others_have_ended(practice: Practice, world: World) -> None:
    """A fault in one line reaches the procedure after the other lines have come to their end."""
    ana = await practice.person("Ana")
    world.troubles.append(Permanent("no"))
    run = await practice.start(one_fails.of())
    await practice.restart()

    await practice.yes(run, ana)

    assert (await practice.ended(run)).reason == "step.permanent"


async def test_all_of_nothing_is_nothing(practice: Practice) -> None:
    """A run that works on no lines goes on at once."""
    run = await practice.start(nothing_to_do.of())

    assert (await practice.ended(run)).result == []
