"""Cancelling takes hold wherever a run waits; what has left the house is finished, and its outcome kept, first."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.engines.at_rest import child_id
from haloop.kernel.errors import AnswerRefused, Diverged
from haloop.kernel.fact import ChildStarted, Fact, RunCancelling
from haloop.kernel.gate import Verdict
from haloop.kernel.ids import AccountId, RunId, new_run_id
from haloop.kernel.ledger import START, Chain
from haloop.kernel.procedure import Request, procedure
from haloop.kernel.run import Run
from haloop.testing.practice import Practice
from tests.engines.disk import HeldDisk, slow_disk
from tests.engines.outside import HOUR, Question, World, ask, doze, house, receive, send, until

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


async def test_what_was_approved_and_not_begun_is_not_sent(practice: Practice, world: World) -> None:
    """A yes whose effect still waits, here for the clock, is worth nothing once the run was cancelled."""
    ana = await practice.person("Ana")
    run = await practice.start(send.of("hello"))
    practice.clock.turn(HOUR)
    await practice.yes(run, ana)

    await practice.engine.cancel(practice.account, run, by="person:ana")
    practice.clock.turn(-HOUR)
    await practice.move(timedelta(seconds=1))

    assert world.sent == {}
    assert (await practice.kinds(run))[-3:] == ["gate.approved", "run.cancelling", "run.ended"]


async def test_cancelling_twice_is_cancelling_once(practice: Practice) -> None:
    """A second cancel while a run is on its way out adds nothing."""
    run = await practice.start(doze.of(5))

    await asyncio.gather(
        practice.engine.cancel(practice.account, run, by="person:ana"),
        practice.engine.cancel(practice.account, run, by="person:ben"),
        return_exceptions=True,
    )

    assert (await practice.kinds(run)).count("run.cancelling") == 1


# As a child begins


@procedure(version=1)
async def sends_a_child(run: Run) -> None:
    await run.start(send.of("from the child"), key="one")
    await run.gate(Question(text="?"))


async def test_cancelling_as_a_child_begins_ends_both(tmp_path: Path, world: World) -> None:
    """The word that a child was started has just reached the disk, the child's own has not: both are cancelled."""
    async with house(tmp_path, world, sends_a_child) as home:
        moment: list[tuple[asyncio.Future[None], HeldDisk]] = []

        def cancel_now(account: AccountId, run: RunId, fact: Fact) -> None:
            if isinstance(fact, ChildStarted):
                cancel = asyncio.ensure_future(home.engine.cancel(account, run, by="person:ana"))
                moment.append((cancel, HeldDisk(home)))  # it lets the cancelling through, and not the child

        home.engine.watch(cancel_now)
        run = await home.engine.start(home.account, sends_a_child.of(), by="agent:test")
        await until(lambda: bool(moment))
        ((cancel, disk),) = moment
        await cancel
        await disk.let_go()
        await home.engine.settled()

        assert (await home.ended(run)).code == "cancelled"
        assert list(home.ledger.open_runs()) == []
        assert home.engine.parked == {}


async def test_a_run_that_is_being_cancelled_ends_although_its_child_never_began(tmp_path: Path, world: World) -> None:
    """The process died after a child was noted and its parent cancelled, and before the child's first word."""
    async with house(tmp_path, world, sends_a_child) as home:
        started, child, *_ = await home.facts(await home.start(sends_a_child.of()))
        run = new_run_id()
        died_after = [started, replace(child, run=child_id(run, "one")), RunCancelling(reason="No more need.")]  # type: ignore[call-arg]
        chain = Chain(account=home.account, run_id=run)
        await home.ledger.append(chain, START, *(fact.entry("kernel") for fact in died_after))

        await home.restart()
        await home.engine.settled()

        assert (await home.ended(run)).code == "cancelled"
        assert run not in home.engine.parked


# Parked and full


@procedure(version=1)
async def breaks_after_a_yes(run: Run) -> None:
    await run.gate(Question(text="?"))
    raise LookupError("nobody thought of this")


async def test_a_run_is_cancelled_in_the_very_moment_it_parks(tmp_path: Path, world: World) -> None:
    """Why it cannot go on is still on its way to the disk when somebody cancels it: it ends as cancelled."""
    async with house(tmp_path, world, breaks_after_a_yes) as home:
        ana = await home.person("Ana")
        run = await home.start(breaks_after_a_yes.of())
        answer = await home.answer(home.gate_of(run), ana, Verdict.APPROVED)
        async with slow_disk(home):
            yes = asyncio.ensure_future(home.engine.decide(home.account, answer))
            cancel = asyncio.ensure_future(home.engine.cancel(home.account, run, by="person:ana"))
            await asyncio.sleep(0)

        await asyncio.gather(yes, cancel)
        await home.engine.settled()

        assert (await home.ended(run)).code == "cancelled"
        assert home.engine.parked == {}


@procedure(version=1)
async def talks_on_and_on(run: Run) -> None:
    for number in range(2_100):
        await run.record(number)


@pytest.mark.parametrize("restarts", [0, 1])
async def test_a_run_that_may_say_no_more_can_be_cancelled(tmp_path: Path, world: World, restarts: int) -> None:
    """A run that is as long as a run may be still ends when somebody wants it to."""
    async with house(tmp_path, world, talks_on_and_on) as home:
        run = await home.start(talks_on_and_on.of())
        for _ in range(restarts):
            await home.restart()

        await home.engine.cancel(home.account, run, by="person:ana")
        await home.engine.settled()

        assert (await home.ended(run)).code == "cancelled"
        assert home.engine.parked == {}


async def test_a_parked_run_that_is_cancelled_asks_nobody_any_more(practice: Practice) -> None:
    """Its version is gone and it is cancelled: its question is taken back, and stands in nobody's list."""
    run = await practice.start(send.of("hello"))
    practice.desks = []
    await practice.restart()
    await practice.engine.settled()

    await practice.engine.cancel(practice.account, run, by="person:ana")

    assert (await practice.kinds(run))[-3:] == ["run.cancelling", "gate.withdrawn", "run.ended"]
    assert practice.engine.open_gates(practice.account) == []


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
