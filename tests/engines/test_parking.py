"""A run that cannot go on says why, loses nothing that was acknowledged, and can be woken when the reason is gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from haloop.kernel.desk import Desk
from haloop.kernel.draft import Effect
from haloop.kernel.errors import Diverged, Erased, HaloopError, NotFound, RunFull
from haloop.kernel.fact import RunParked
from haloop.kernel.gate import Approved, GateStatus, Verdict
from haloop.kernel.ledger import Chain
from haloop.kernel.procedure import Procedure, procedure
from haloop.kernel.run import Ended, Run
from haloop.testing.practice import Practice
from tests.engines.outside import HOUR, Letter, Outside, Question, World, ask, house, send, until

SAYS = {"question": "before", "works": "no"}


@procedure(version=1)
async def told(run: Run) -> str:
    """Asks whatever it is told to, which no procedure should."""
    await run.step(Outside.ask, SAYS["question"])
    await run.sleep(HOUR)
    return SAYS["question"]


@procedure(version=1)
async def told_again(run: Run) -> str:
    """A step, then another call than before."""
    await run.record("begun")
    if SAYS["question"] == "before":
        await run.sleep(HOUR)
    else:
        await run.gate(Question(text="?"))
    return "done"


@procedure(version=1)
async def breaks_after_yes(run: Run) -> None:
    decision = await run.gate(Question(text="May I?"))
    assert isinstance(decision, Approved)
    if SAYS["works"] == "no":
        raise LookupError("nobody thought of this")


@procedure(version=1)
async def bad_draft(run: Run) -> Ended:
    twice = Letter.of("hello")
    try:
        await run.gate(TwoLetters(text="x", send=twice.send, again=twice.send))
    except HaloopError as error:
        return run.end(error.code)
    return run.end("nobody noticed")


class TwoLetters(Letter):
    again: Effect[Any]


@procedure(version=1)
async def tidy(run: Run) -> None:
    try:
        await run.gate(Question(text="?"))
    finally:
        run.report("tidied up")
        await run.sleep(HOUR)


@procedure(version=1)
async def talkative(run: Run, facts: int) -> Ended:
    for number in range(facts):
        await run.record(number)
    return run.end("said it all")


@procedure(version=1)
async def talkative_in_turns(run: Run, said: int) -> Ended:
    for number in range(said, 2_400):
        if number - said == 1_500:
            return run.succeed(talkative_in_turns.of(number))
        await run.record(number)
    return run.end("said it all")


@procedure(version=1)
async def sends_and_breaks(run: Run) -> None:
    async def sends() -> None:
        yes = await run.gate(Letter.of("hello"))
        assert isinstance(yes, Approved)
        await run.effect(yes, yes.draft.send)

    async def asks() -> None:
        await run.step(Outside.ask, "slow")
        raise LookupError("nobody thought of this")

    await run.first([sends(), asks()])


async def greet(run: Run) -> str:
    await run.gate(Question(text="May I?"))
    return "hello"


greet_once = procedure(version=1)(greet)


async def greet_more(run: Run) -> str:
    await run.gate(Question(text="May I now?"))
    return "hello, hello"


greet_twice = procedure(version=2)(greet_more)
greet_twice.name = greet_once.name

PROCEDURES: tuple[Procedure[..., Any], ...] = (
    *(told, told_again, breaks_after_yes, bad_draft, tidy, talkative, talkative_in_turns, sends_and_breaks, greet_once),
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def practice(tmp_path: Path, world: World) -> AsyncIterator[Practice]:
    async with house(tmp_path, world, *PROCEDURES) as opened:
        yield opened


async def parked_for(practice: Practice, run: Any) -> list[str]:
    return [fact.code for fact in await practice.facts(run) if isinstance(fact, RunParked)]


@pytest.mark.parametrize("changed", [told, told_again])
async def test_a_procedure_that_changed_under_its_run_is_noticed(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, changed: Procedure[[], str]
) -> None:
    """Where the code no longer does what the history says, the run parks, and however often it is woken once."""
    run = await practice.start(changed.of())
    monkeypatch.setitem(SAYS, "question", "after")

    for _ in range(3):
        await practice.restart()
        with pytest.raises(Diverged):
            await practice.engine.wake(practice.account, run)

    assert await parked_for(practice, run) == ["run.diverged"]


async def test_a_diverged_run_goes_on_with_its_old_code(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring the old code back, and the run ends as if nothing had been."""
    run = await practice.start(told.of())
    with monkeypatch.context() as change:
        change.setitem(SAYS, "question", "after")
        await practice.restart()
        with pytest.raises(Diverged):
            await practice.engine.wake(practice.account, run)
    await practice.engine.wake(practice.account, run)
    await practice.move(HOUR)

    assert (await practice.ended(run)).result == "before"


async def test_a_run_waits_for_its_version(practice: Practice) -> None:
    """A run is locked to its procedure's version and waits where that is not installed."""
    run = await practice.start(send.of("hello"))
    installed = practice.desks
    practice.desks = [Desk("tries", procedures=[ask])]
    await practice.restart()
    with pytest.raises(NotFound) as missing:
        await practice.engine.wake(practice.account, run)
    assert missing.value.code == "procedure.missing"

    practice.desks = installed
    await practice.restart()

    assert (await practice.view(practice.gate_of(run))).gate.status is GateStatus.OPEN


async def test_a_run_whose_version_is_missing_says_so_from_the_start(practice: Practice) -> None:
    """A new process without its version names the reason by itself; whoever waits for the end hears it at once."""
    run = await practice.start(send.of("hello"))
    practice.desks = [Desk("tries", procedures=[ask])]

    await practice.restart()
    await practice.engine.settled()

    assert [error.code for error in practice.engine.parked.values()] == ["procedure.missing"]
    async with asyncio.timeout(5):
        with pytest.raises(NotFound) as missing:
            await practice.ended(run)
    assert missing.value.code == "procedure.missing"


async def test_looking_at_a_run_that_ended_changes_nothing_although_its_version_is_gone(practice: Practice) -> None:
    """Somebody opens an old question whose procedure is no longer installed: what ended stays ended."""
    ana = await practice.person("Ana")
    run = await practice.start(send.of("hello"))
    gate = practice.gate_of(run)
    await practice.no(run, ana)
    before = await practice.kinds(run)
    practice.desks = [Desk("tries", procedures=[ask])]
    await practice.restart()

    with suppress(HaloopError):  # it may be shown, or refused by name
        await practice.view(gate)
    await practice.engine.settled()

    assert await practice.kinds(run) == before
    assert practice.engine.parked == {}
    assert (await practice.ended(run)).code == "refused"


async def test_a_run_stays_with_the_version_it_began_with(practice: Practice) -> None:
    """A new version is listed beside the old one: the old run ends as it began, and a new run is of the new version."""
    ana = await practice.person("Ana")
    old = await practice.start(greet_once.of())
    practice.desks = [Desk("tries", procedures=[greet_once, greet_twice])]
    await practice.restart()
    new = await practice.start(greet_twice.of())

    await practice.yes(old, ana)
    await practice.yes(new, ana)

    assert [(await practice.ended(run)).result for run in (old, new)] == ["hello", "hello, hello"]


async def test_an_answer_is_kept_although_the_procedure_breaks(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A yes that was acknowledged stands in the ledger, whatever the procedure does next."""
    ana = await practice.person("Ana")
    run = await practice.start(breaks_after_yes.of())

    assert await practice.yes(run, ana) is GateStatus.APPROVED

    with pytest.raises(HaloopError) as broken:
        await practice.ended(run)
    assert broken.value.code == "procedure.raised"
    assert await practice.kinds(run) == ["run.started", "gate.opened", "gate.approved", "run.parked"]
    monkeypatch.setitem(SAYS, "works", "yes")
    await practice.engine.wake(practice.account, run)
    assert (await practice.ended(run)).code == "done"


async def test_what_left_the_house_is_recorded_although_the_run_breaks(practice: Practice, world: World) -> None:
    """A call that is under way when another line breaks keeps its outcome, and the run parks after it."""
    ana = await practice.person("Ana")
    world.closed.update({"slow", "hello"})
    run = await practice.engine.start(practice.account, sends_and_breaks.of(), by="agent:test")
    await until(lambda: world.asked["slow"] == 1 and bool(practice.engine.open_gates(practice.account)))
    await practice.engine.decide(practice.account, await practice.answer(practice.gate_of(run), ana, Verdict.APPROVED))
    await until(lambda: world.sent["hello"] == 1)
    world.opened.set()
    await practice.engine.settled()

    kinds = await practice.kinds(run)

    assert kinds.index("effect.happened") < kinds.index("run.parked")
    assert world.sent == {"hello": 1}


async def test_a_draft_that_cannot_be_is_heard_by_the_procedure(practice: Practice) -> None:
    """What is wrong with a draft reaches the procedure by name."""
    run = await practice.start(bad_draft.of())

    assert (await practice.ended(run)).reason == "draft.effect_twice"


async def test_a_procedure_that_tidies_up_is_let_go_quietly(practice: Practice) -> None:
    """What a procedure does on being let go is neither done nor heard."""
    heard: list[str] = []
    run = await practice.start(tidy.of())
    practice.engine.world.reports.append(lambda _account, _run, sentence: heard.append(sentence))

    await practice.engine.cancel(practice.account, run, by="person:ana")
    await practice.engine.settled()

    assert (await practice.ended(run)).code == "cancelled"


async def test_a_run_that_says_too_much_parks(practice: Practice) -> None:
    """A run has an end, however talkative: past it, it parks by name."""
    run = await practice.start(talkative.of(2_100))

    with pytest.raises(RunFull):
        await practice.ended(run)
    assert await parked_for(practice, run) == ["run.full"]


async def test_a_run_that_succeeds_itself_may_say_as_much_as_it_likes(practice: Practice) -> None:
    """A talkative run goes on as its successor."""
    run = await practice.start(talkative_in_turns.of(0))

    ended = await practice.ended(run)
    assert ended.successor is not None
    assert (await practice.ended(ended.successor)).reason == "said it all"  # type: ignore[arg-type]


async def test_an_erased_run_says_so(practice: Practice) -> None:
    """Whoever reads a run that was erased on purpose hears just that."""
    run = await practice.start(ask.of("why"))
    await practice.ended(run)

    await practice.ledger.erase_run(Chain(account=practice.account, run_id=run), actor="person:ana", why="asked")

    with pytest.raises(Erased):
        await practice.facts(run)


async def test_a_parked_run_is_not_counted_as_waiting(practice: Practice) -> None:
    """A parked run that goes on again is no longer among the parked ones."""
    world_connectors, practice.connectors = practice.connectors, []
    await practice.restart()
    run = await practice.start(ask.of("why"))
    assert list(practice.engine.parked) == [run]

    practice.connectors = world_connectors
    await practice.restart()
    await practice.ended(run)

    assert practice.engine.parked == {}
