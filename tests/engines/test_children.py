"""Runs that start others: children under a key, and successors that go on where a run ends."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from haloop.engines.at_rest import child_id
from haloop.engines.ending import successor_id
from haloop.kernel.errors import RunOver
from haloop.kernel.fact import RunStarted
from haloop.kernel.ledger import Chain, Entry
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Run
from haloop.testing.practice import Practice
from tests.engines.outside import DAY, HOUR, Question, World, ask, doze, house, send


@procedure(version=1)
async def parent(run: Run, detached: bool) -> list[str]:
    first = await run.start(send.of("from the child"), key="one", detached=detached)
    again = await run.start(send.of("from the child"), key="one", detached=detached)
    await run.sleep(HOUR)
    return [first, again]


@procedure(version=1)
async def grandparent(run: Run) -> None:
    await run.start(parent.of(detached=False), key="parent")
    await run.sleep(DAY)


@procedure(version=1)
async def count_down(run: Run, left: int) -> Ended:
    await run.sleep(HOUR)
    return run.succeed(count_down.of(left - 1)) if left else run.end("landed")


@procedure(version=1)
async def stranger(run: Run) -> None:
    await run.gate(Question(text="?"))


@procedure(version=1)
async def starts_stranger(run: Run) -> None:
    await run.start(stranger.of(), key="one")


LATER = Entry(kind="house.looked", actor="kernel")

PROCEDURES = (parent, grandparent, count_down, starts_stranger)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def practice(tmp_path: Path, world: World) -> AsyncIterator[Practice]:
    async with house(tmp_path, world, *PROCEDURES) as opened:
        yield opened


async def test_one_key_is_one_child(practice: Practice) -> None:
    """A run that starts another under the same key twice has one child."""
    run = await practice.start(parent.of(detached=False))
    child = child_id(run, "one")
    await practice.move(HOUR)

    assert (await practice.ended(run)).result == [child, child]
    assert await practice.kinds(child) == ["run.started", "gate.opened"]


async def test_a_child_knows_its_parent_and_opens_its_own_gates(practice: Practice, world: World) -> None:
    """A child is a run of its own, with a yes of its own, and says who started it."""
    ana = await practice.person("Ana")
    run = await practice.start(parent.of(detached=False))
    child = child_id(run, "one")

    await practice.yes(child, ana)

    started = (await practice.facts(child))[0]
    assert isinstance(started, RunStarted)
    assert (started.parent, started.by) == (run, f"run:{run}")
    assert world.sent == {"from the child": 1}


async def test_a_child_is_begun_although_the_process_died_in_between(practice: Practice) -> None:
    """Between the fact that a child was started and the child's own first, a crash loses nothing."""
    run = await practice.engine.start(practice.account, parent.of(detached=False), by="agent:test")
    await practice.engine.world.ledger.append(  # the parent's facts are durable once this one is
        Chain.of_account(practice.account), await practice.ledger.head(Chain.of_account(practice.account)), LATER
    )
    await practice.crash()
    await practice.engine.settled()

    assert await practice.kinds(child_id(run, "one")) == ["run.started", "gate.opened"]
    assert (await practice.kinds(run)).count("child.started") == 2


@pytest.mark.parametrize(("detached", "last"), [(False, "run.ended"), (True, "gate.opened")])
async def test_children_go_down_with_their_parent_unless_detached(
    practice: Practice, detached: bool, last: str
) -> None:
    """Cancelling a run cancels what it started, but not what it let go of."""
    run = await practice.start(parent.of(detached=detached))

    await practice.engine.cancel(practice.account, run, by="person:ana")
    await practice.engine.settled()

    assert (await practice.ended(run)).code == "cancelled"
    assert (await practice.kinds(child_id(run, "one")))[-1] == last


async def test_grandchildren_go_down_too(practice: Practice) -> None:
    """Cancelling reaches down to the last child, and the parent's last fact comes after the child knows."""
    run = await practice.start(grandparent.of())
    child = child_id(run, "parent")
    grandchild = child_id(child, "one")
    await practice.restart()

    await practice.engine.cancel(practice.account, run, by="person:ana")
    await practice.engine.settled()

    assert [(await practice.ended(one)).code for one in (run, child, grandchild)] == ["cancelled"] * 3


async def test_a_parent_that_ends_leaves_its_children(practice: Practice) -> None:
    """Ending is not cancelling: children go on."""
    run = await practice.start(parent.of(detached=False))
    await practice.move(HOUR)
    assert (await practice.ended(run)).code == "done"

    assert (await practice.kinds(child_id(run, "one")))[-1] == "gate.opened"


async def test_a_child_whose_desk_nobody_lists_is_refused(practice: Practice) -> None:
    """A procedure that no desk lists cannot be started, and the run says so."""
    run = await practice.start(starts_stranger.of())

    with pytest.raises(Exception, match="No desk lists stranger"):
        await practice.ended(run)


@pytest.mark.parametrize("restarts", [0, 1, 2])
async def test_a_successor_goes_on_once(practice: Practice, restarts: int) -> None:
    """A run that succeeds itself ends, and one other goes on with its arguments, whatever restarts there are."""
    first = await practice.start(count_down.of(2))
    for _ in range(restarts):
        await practice.restart()
    await practice.move(HOUR)
    second = successor_id(first)
    third = successor_id(second)
    await practice.move(HOUR)
    await practice.move(HOUR)

    ends = [await practice.ended(run) for run in (first, second, third)]
    assert [end.code for end in ends] == ["succeeded", "succeeded", "done"]
    assert [end.successor for end in ends] == [second, third, None]
    assert await practice.kinds(second) == ["run.started", "sleep.begun", "sleep.over", "run.ended"]


async def test_a_successor_begins_before_its_forerunner_ends(practice: Practice) -> None:
    """The last fact of a run stands after the first of its successor, so a crash loses neither."""
    first = await practice.start(count_down.of(1))
    await practice.move(HOUR)

    order = [(event.header.run_id, event.header.kind) for event in await practice.ledger.events(practice.account)]

    assert order.index((successor_id(first), "run.started")) < order.index((first, "run.ended"))


async def test_the_same_key_starts_the_same_run(practice: Practice, world: World) -> None:
    """Whoever asks again under a key gets the run that there is, also after it has ended and after a restart."""
    first = await practice.start(ask.of("why"), key="monday")
    second = await practice.start(ask.of("why"), key="monday")
    await practice.restart()
    third = await practice.start(ask.of("why"), key="monday")

    assert first == second == third
    assert world.asked["why"] == 1


async def test_a_run_that_has_ended_cannot_be_cancelled(practice: Practice) -> None:
    """Cancelling comes too late for what is over, and says so."""
    run = await practice.start(ask.of("why"))

    with pytest.raises(RunOver):
        await practice.engine.cancel(practice.account, run, by="person:ana")
    assert await practice.kinds(run) == ["run.started", "step.done", "run.ended"]


async def test_a_run_asleep_is_cancelled_at_once(practice: Practice) -> None:
    """A run that sleeps ends when it is cancelled, not when it would have woken."""
    run = await practice.start(doze.of(5))
    await practice.engine.cancel(practice.account, run, by="person:ana")
    await practice.engine.settled()
    await practice.move(DAY)

    assert await practice.kinds(run) == ["run.started", "sleep.begun", "run.cancelling", "run.ended"]
