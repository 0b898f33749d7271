"""An outside world that does as it is told, and the procedures with which runs are tried out on it."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.draft import Draft, Effect
from haloop.kernel.fact import Fact
from haloop.kernel.gate import Approved
from haloop.kernel.ids import AccountId
from haloop.kernel.inbox import Arrival, Delivery, TimedOut
from haloop.kernel.operation import Call, NotDone, effect, step
from haloop.kernel.procedure import Procedure, procedure
from haloop.kernel.run import Ended, Receipt, Run
from haloop.testing.practice import Practice

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Sent(BaseModel, frozen=True):
    number: int


class Outside(Protocol):
    async def ask(self, question: str) -> str: ...

    @step(repeat=False)
    async def ask_once(self, question: str) -> str: ...

    @step(attempts=1)
    async def ask_briefly(self, question: str) -> str: ...

    @step(attempts=1, deadline=timedelta(milliseconds=30))
    async def ask_impatiently(self, question: str) -> str: ...

    @effect
    async def send(self, what: str, call: Call) -> Sent | NotDone: ...


class World:
    """What is out there: it answers questions, unless it is told to fail, and counts what was really sent."""

    def __init__(self) -> None:
        self.troubles: deque[Exception | object] = deque()
        """For the next questions, in order: raised, or answered if it is no exception."""
        self.asked: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.closed: set[str] = set()
        """What is not answered before `opened` is set."""
        self.opened = asyncio.Event()
        self.gave_up: list[str] = []

    async def ask(self, question: str) -> str:
        self.asked[question] += 1
        await self._wait(question)
        if self.troubles:
            trouble = self.troubles.popleft()
            if isinstance(trouble, Exception):
                raise trouble
            return trouble  # type: ignore[return-value]  # some outsides answer anything
        return f"{question}!"

    async def ask_once(self, question: str) -> str:
        return await self.ask(question)

    async def ask_briefly(self, question: str) -> str:
        return await self.ask(question)

    async def ask_impatiently(self, question: str) -> str:
        return await self.ask(question)

    @effect
    async def send(self, what: str, call: Call) -> Sent | NotDone:
        self.sent[what] += 1
        await self._wait(what)
        return Sent(number=self.sent[what])

    async def _wait(self, what: str) -> None:
        if what in self.closed:
            try:
                await self.opened.wait()
            except asyncio.CancelledError:
                self.gave_up.append(what)
                raise


class Letter(Draft):
    text: str
    send: Effect[Sent]

    @classmethod
    def of(cls, text: str) -> "Letter":
        return cls(text=text, send=Effect.of(Outside.send, text))


class Question(Draft):
    """Nothing will be done; people only say yes or no."""

    text: str


class Parcel(Arrival):
    number: int


# Procedures


@procedure(version=1)
async def ask(run: Run, question: str) -> str:
    return await run.step(Outside.ask, question)


@procedure(version=1)
async def ask_once(run: Run, question: str) -> str:
    return await run.step(Outside.ask_once, question)


@procedure(version=1)
async def ask_briefly(run: Run, question: str) -> str:
    return await run.step(Outside.ask_briefly, question)


@procedure(version=1)
async def ask_impatiently(run: Run, question: str) -> str:
    return await run.step(Outside.ask_impatiently, question)


@procedure(version=1)
async def send(run: Run, text: str) -> Receipt[Sent] | NotDone | Ended:
    yes = await run.gate(Letter.of(text))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.send)


@procedure(version=1)
async def doze(run: Run, hours: int) -> list[str]:
    before = run.now()
    await run.sleep(timedelta(hours=hours))
    return [before.isoformat(), run.now().isoformat()]


@procedure(version=1)
async def receive(run: Run, key: str) -> int:
    got = await run.wait_for(Parcel, key=key, within=DAY)
    return -1 if isinstance(got, TimedOut) else got.number


@procedure(version=1)
async def receive_twice(run: Run, key: str) -> list[int]:
    async def one() -> int:
        got = await run.wait_for(Parcel, key=key, within=DAY)
        return -1 if isinstance(got, TimedOut) else got.number

    return await run.all([one(), one()])


@procedure(version=1)
async def everything(run: Run, text: str) -> Ended:
    """One of each call, with branches in branches; no two of its facts can change places."""
    started, name = run.now(), run.new_id()
    await run.record([name, started.isoformat()])
    await run.step(Outside.ask, text)
    await run.sleep(HOUR)

    async def inner(question: str) -> list[str]:
        asked = await run.all([run.step(Outside.ask, f"{question} a"), run.step(Outside.ask, f"{question} b")])
        return [*asked, run.new_id(), run.now().isoformat()]

    async def slow() -> list[str]:
        await run.gate(Question(text="Nobody answers this."))
        return ["never"]

    await run.record(await run.first([inner("quick"), slow()]))
    yes = await run.gate(Letter.of(text))
    if not isinstance(yes, Approved):
        return run.end(yes)
    receipt = await run.effect(yes, yes.draft.send)
    child = await run.start(ask.of("child"), key="child")
    await run.record([child, run.now().isoformat(), run.new_id()])
    got = await run.wait_for(Parcel, key=text, within=DAY)
    assert isinstance(got, Parcel)
    assert isinstance(receipt, Receipt)
    return run.end(f"{receipt.result.number} {got.number}")


RUNS: Sequence[Procedure[..., Any]] = (*(ask, ask_once, ask_briefly, send, doze, receive, receive_twice, everything),)


def connector(world: World) -> Connector:
    return Connector(port=Outside, speaks=world, name="outside")


@asynccontextmanager
async def house(
    folder: Path, world: World, *more: Procedure[..., Any], kind: type[Practice] = Practice
) -> AsyncIterator[Practice]:
    """A house where these procedures can be tried."""
    desk = Desk("tries", procedures=[*RUNS, *more])
    async with kind.opened(folder, desks=[desk], connectors=[connector(world)]) as practice:
        await practice.person("Olga")
        yield practice


async def deliver(
    practice: Practice,
    number: int,
    *,
    key: str = "door",
    delivery: str | None = None,
    source: str = "post",
    account: AccountId | None = None,
) -> None:
    """A parcel comes."""
    parcel = Delivery(source=source, delivery=delivery or str(number), key=key, arrival=Parcel(number=number))
    await practice.engine.deliver(account or practice.account, parcel)
    await practice.engine.settled()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so, for as long as a test may take."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # whatever it is, it happens on this loop
            await asyncio.sleep(0)


def tried(facts: Sequence[Fact]) -> list[tuple[int, str]]:
    """The failed attempts in a history."""
    return [(fact.attempt, fact.failure) for fact in facts if fact.kind == "step.failed"]  # type: ignore[attr-defined]
