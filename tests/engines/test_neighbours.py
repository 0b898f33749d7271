"""What is wrong with one run, or with whoever listens, harms no other run."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from haloop.kernel.fact import Fact, RunStarted
from haloop.kernel.gate import Verdict
from haloop.kernel.ids import AccountId, RunId, new_run_id
from haloop.kernel.ledger import START, Chain, Entry
from haloop.kernel.part import Part
from haloop.testing.practice import Practice
from tests.engines.disk import slow_disk
from tests.engines.outside import World, ask, house, send, until


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def practice(tmp_path: Path, world: World) -> AsyncIterator[Practice]:
    async with house(tmp_path, world) as opened:
        yield opened


@pytest.fixture
async def complaints() -> list[BaseException]:
    """What the event loop is told that nobody caught."""
    heard: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, about: heard.append(about["exception"]))
    return heard


class Surface:
    """A surface with a bug: it falls over one kind of fact."""

    def __init__(self, kind: str, **fields: Any) -> None:
        self._kind = kind
        self._fields = fields

    def __call__(self, account: AccountId, run: RunId, fact: Fact) -> None:
        if fact.kind == self._kind and all(getattr(fact, name) == value for name, value in self._fields.items()):
            raise LookupError("A surface has a bug.")


async def test_what_was_approved_is_sent_although_a_listener_raises(
    practice: Practice, world: World, complaints: list[BaseException]
) -> None:
    """A surface falls over the intent: the letter is sent all the same, and the event loop hears of the bug."""
    ana = await practice.person("Ana")
    practice.engine.watch(Surface("effect.intended"))
    run = await practice.start(send.of("hello"))

    await practice.engine.decide(practice.account, await practice.answer(practice.gate_of(run), ana, Verdict.APPROVED))

    await until(lambda: world.sent["hello"] == 1)
    await practice.engine.settled()
    assert (await practice.ended(run)).code == "done"
    assert [type(one) for one in complaints] == [LookupError]


async def test_a_listener_that_raises_keeps_nobody_waiting(practice: Practice, complaints: list[BaseException]) -> None:
    """Three runs reach the disk together, and a surface falls over the second: all three are begun and end."""
    practice.engine.watch(Surface(RunStarted.kind, arguments={"question": "two"}))
    async with slow_disk(practice):
        starts = [
            asyncio.ensure_future(practice.engine.start(practice.account, ask.of(question), by="agent:test"))
            for question in ("one", "two", "three")
        ]
        await asyncio.sleep(0)

    async with asyncio.timeout(5):
        runs = await asyncio.gather(*starts)
        ends = [await practice.ended(run) for run in runs]

    assert [end.result for end in ends] == ["one!", "two!", "three!"]
    assert [type(one) for one in complaints] == [LookupError]


async def test_the_next_listener_hears_what_one_fell_over(practice: Practice, complaints: list[BaseException]) -> None:
    """A surface with a bug takes no fact away from the others."""
    heard: list[str] = []
    practice.engine.watch(Surface(RunStarted.kind))
    practice.engine.watch(lambda _account, _run, fact: heard.append(fact.kind))

    async with asyncio.timeout(5):
        await practice.ended(await practice.start(ask.of("why")))

    assert heard == ["run.started", "step.done", "run.ended"]
    assert [type(one) for one in complaints] == [LookupError]


async def test_an_erased_run_does_not_lock_its_account(practice: Practice, world: World) -> None:
    """A run that sent something is erased on purpose; the next process begins new runs in the same account."""
    ana = await practice.person("Ana")
    run = await practice.start(send.of("hello"))
    await practice.yes(run, ana)
    await practice.ledger.erase_run(
        Chain(account=practice.account, run_id=run), actor=f"person:{ana}", why="Ana asked for it."
    )

    await practice.restart()
    await practice.yes(await practice.start(send.of("hello again")), ana)

    assert world.sent == {"hello": 1, "hello again": 1}


async def test_a_fact_that_nobody_knows_stops_its_own_run_only(practice: Practice) -> None:
    """A run holds a kind of fact that this release has no name for: the others go on at the next start."""
    strange = Chain(account=practice.account, run_id=new_run_id())
    unknown = Entry(kind="note.made", actor="kernel", parts=(Part.of("fact", {"words": "?"}),))
    await practice.ledger.append(strange, START, unknown)
    waiting = await practice.start(send.of("hello"))

    await practice.restart()
    await practice.engine.settled()

    assert list(practice.engine.parked) == [strange.run_id]
    assert practice.gate_of(waiting)
    assert (await practice.ended(await practice.start(ask.of("why")))).code == "done"
