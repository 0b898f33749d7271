"""A position holds one call: its history names the operation and its arguments, and the procedure must ask the same."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import date
from pathlib import Path

import pytest

from haloop.kernel.draft import Draft, Effect
from haloop.kernel.errors import Diverged
from haloop.kernel.gate import Approved
from haloop.kernel.inbox import Arrival
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Run
from haloop.testing.practice import Practice
from tests.engines.outside import DAY, HOUR, Outside, Parcel, Question, Sent, World, ask, ask_once, house


class Letters(Draft):
    """Two that are approved together."""

    first: Effect[Sent]
    second: Effect[Sent]

    @classmethod
    def of(cls) -> "Letters":
        return cls(first=Effect.of(Outside.send, "one"), second=Effect.of(Outside.send, "two"))


class Postcard(Arrival):
    number: int


SAYS = {"call": ""}

CALLS: Mapping[str, Callable[[Run], Awaitable[object]]] = {
    "ask why": lambda run: run.step(Outside.ask, "why"),
    "ask how": lambda run: run.step(Outside.ask, "how"),
    "ask once why": lambda run: run.step(Outside.ask_once, "why"),
    "put a question": lambda run: run.gate(Question(text="May I?")),
    "put another question": lambda run: run.gate(Question(text="Must I?")),
    "put a question at a stage": lambda run: run.gate(Question(text="May I?"), stage="plan"),
    "sleep an hour": lambda run: run.sleep(HOUR),
    "sleep a day": lambda run: run.sleep(DAY),
    "await a parcel": lambda run: run.wait_for(Parcel, key="door", within=DAY),
    "await a postcard": lambda run: run.wait_for(Postcard, key="door", within=DAY),
    "await a parcel elsewhere": lambda run: run.wait_for(Parcel, key="window", within=DAY),
    "await a parcel for an hour": lambda run: run.wait_for(Parcel, key="door", within=HOUR),
    "start a run": lambda run: run.start(ask.of("why"), key="one"),
    "start another run": lambda run: run.start(ask_once.of("why"), key="one"),
    "start a run about something else": lambda run: run.start(ask.of("how"), key="one"),
    "start a run under another key": lambda run: run.start(ask.of("why"), key="two"),
    "start a run and let it go": lambda run: run.start(ask.of("why"), key="one", detached=True),
    "record a text": lambda run: run.record("2027-01-15"),
    "record another text": lambda run: run.record("2027-01-16"),
    "record a day": lambda run: run.record(date(2027, 1, 15)),
}

OTHERS = [
    *[("ask why", "ask how"), ("ask why", "ask once why"), ("ask why", "record a text")],
    *[("put a question", "put another question"), ("put a question", "put a question at a stage")],
    *[("put a question", "sleep an hour")],
    *[("sleep an hour", "sleep a day"), ("sleep an hour", "put a question")],
    *[("await a parcel", "await a postcard"), ("await a parcel", "await a parcel elsewhere")],
    *[("await a parcel", "await a parcel for an hour"), ("await a parcel", "sleep a day")],
    *[("start a run", "start another run"), ("start a run", "start a run about something else")],
    *[("start a run", "start a run under another key"), ("start a run", "start a run and let it go")],
    *[("record a text", "record another text"), ("record a text", "record a day"), ("record a text", "ask why")],
]


@procedure(version=1)
async def told(run: Run) -> None:
    """Does whatever it is told to, which no procedure should, and then waits."""
    await CALLS[SAYS["call"]](run)
    await run.gate(Question(text="And now?"))


@procedure(version=1)
async def send_told(run: Run) -> None:
    """Sends whichever letter it is told to, of two that were approved."""
    yes = await run.gate(Letters.of())
    assert isinstance(yes, Approved)
    await run.effect(yes, yes.draft.first if SAYS["call"] == "first" else yes.draft.second)
    await run.sleep(HOUR)


@pytest.fixture
async def practice(tmp_path: Path) -> AsyncIterator[Practice]:
    async with house(tmp_path, World(), told, send_told) as opened:
        yield opened


@pytest.mark.parametrize(("before", "after"), OTHERS)
async def test_another_call_at_the_same_position_is_noticed(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    """Whether the operation differs or only what it was given: the run parks instead of going on."""
    monkeypatch.setitem(SAYS, "call", before)
    run = await practice.start(told.of())
    monkeypatch.setitem(SAYS, "call", after)

    await practice.restart()

    with pytest.raises(Diverged):
        await practice.engine.wake(practice.account, run)


@pytest.mark.parametrize("call", CALLS)
async def test_the_same_call_at_the_same_position_goes_on(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Nothing is taken for another call that is the same."""
    monkeypatch.setitem(SAYS, "call", call)
    run = await practice.start(told.of())
    before = await practice.kinds(run)

    await practice.restart()
    await practice.engine.wake(practice.account, run)
    await practice.engine.settled()

    assert await practice.kinds(run) == before


async def test_another_effect_at_the_same_position_is_noticed(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that sent the first letter does not take its receipt for that of the second."""
    ana = await practice.person("Ana")
    monkeypatch.setitem(SAYS, "call", "first")
    run = await practice.start(send_told.of())
    await practice.yes(run, ana)
    monkeypatch.setitem(SAYS, "call", "second")

    await practice.restart()

    with pytest.raises(Diverged):
        await practice.engine.wake(practice.account, run)
