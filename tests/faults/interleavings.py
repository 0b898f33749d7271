"""Row 8: everybody at once, in every order that a seed can think of.

A run waits at a gate. Two people say yes, one changes the draft, one cancels, time passes, and now and then the
process dies, while dice decide who comes first and when the disk is done. The outside looks, at the moment it is
called, whether the intent can be read. Afterwards time runs out, another engine takes up what is there, and the
invariants are held against the outside's book, the ledger, and what each person was told. Each story has a home and
dice of its own, so that its number alone tells it again.
"""

import asyncio
import os
import shutil
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Protocol, Self

from pydantic import BaseModel

from haloop.engines import local
from haloop.engines.local import LocalEngine
from haloop.engines.reading import read_event
from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.draft import Draft, Effect
from haloop.kernel.errors import HaloopError
from haloop.kernel.fact import EffectIntended, RunEnded
from haloop.kernel.gate import Approved, Verdict
from haloop.kernel.ids import PersonId, RunId
from haloop.kernel.ledger import Chain
from haloop.kernel.operation import Call, NotDone, effect
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Receipt, Run
from haloop.store.signing import verify_passkey
from haloop.testing import practice
from haloop.testing.practice import Practice
from tests.faults.controls import patched, planted
from tests.faults.invariants import BALLAST, Broken, Deed, Known, Noted, check, effects_broken
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, spread
from tests.faults.seeded_loop import Disk, SeededLoop

CONTROL = "no wait for durability"
WITHIN = timedelta(minutes=10)
REMARK = (
    "Time and the disk's slowness are the seed's; the ledger's writer works on the loop, without its thread."
    " One story in five ends with the home closed and opened again, and the verifier looks at one home in fifty."
)
STORY_SECONDS_MAX = 30.0
"""In the loop's own time: a story that only waits is over at once."""
_BARE_TURNS_MAX = 12
_CRASHES_SHARE = 0.4
_REOPENED_SHARE = 0.2
_VERIFIED_EVERY = 50


class Sent(BaseModel, frozen=True):
    what: str


class Post(Protocol):
    @effect
    async def send(self, what: str, call: Call) -> Sent | NotDone: ...


class Letter(Draft):
    text: str
    send: Effect[Sent]

    @classmethod
    def of(cls, text: str) -> Self:
        return cls(text=text, send=Effect.of(Post.send, text))

    def apply(self, change: str) -> Self:
        return self.of(change)


@procedure(version=1)
async def write(run: Run, text: str) -> Receipt[Sent] | NotDone | Ended:
    yes = await run.gate(Letter.of(text), within=WITHIN)
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.send)


@dataclass(slots=True)
class PostOffice:
    """The outside: it keeps a book, and looks over our shoulder."""

    dice: Random
    asked: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    done: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    broken: list[Broken] = field(default_factory=list)
    house: Practice | None = None

    @effect
    async def send(self, what: str, call: Call) -> Sent | NotDone:
        self.asked[call.key].append(what)
        if self.house is not None and not await _is_intended(self.house, call.key):
            self.broken.append(Broken(invariant="I1", what="it was called before its intent was durable"))
        for _ in range(self.dice.randrange(4)):
            await asyncio.sleep(0)
        self.done[call.key] += 1
        for _ in range(self.dice.randrange(4)):
            await asyncio.sleep(0)
        return Sent(what=what)

    def book(self) -> dict[str, Deed]:
        return {key: Deed(requested=tuple(asked), done=self.done[key]) for key, asked in self.asked.items()}


async def _is_intended(house: Practice, key: str) -> bool:
    events = await house.ledger.effects(house.account)
    facts = [await read_event(house.ledger, event) for event in events]
    return any(isinstance(fact, EffectIntended) and fact.key == key for fact in facts)


def run(plan: Plan) -> Outcome:
    """Tell `count` stories."""
    outcome = spread(partial(_iteration, plan), range(plan.count), until_caught=plan.control is not None)
    return replace(outcome, remark=REMARK)


def _iteration(plan: Plan, iteration: int) -> list[Violation]:
    dice, folder = plan.random(iteration), plan.folder / str(iteration)
    shutil.copytree(_template(plan.folder), folder)
    disk = Disk(dice)
    story = _Story(dice, disk, folder)
    with (
        planted(plan.control),
        disk.used(),
        patched(practice, BALLAST_BYTES=BALLAST),
        asyncio.Runner(loop_factory=lambda: SeededLoop(dice)) as runner,
    ):
        try:
            found = runner.run(asyncio.wait_for(story.tell(), STORY_SECONDS_MAX))
        except TimeoutError:
            found = [Broken(invariant="I5", what="the story does not come to its end")]
        except HaloopError as error:
            found = [Broken(invariant="I9", what=f"the story breaks off: {error.code}: {error.sentence}")]
    if iteration % _VERIFIED_EVERY == 0:
        found += check(folder / "home", Known())
    shutil.rmtree(folder)
    told = " ".join(story.told)
    return [Violation(iteration=iteration, invariant=one.invariant, what=f"{one.what} ({told})") for one in found]


def _template(parent: Path) -> Path:
    """A house with three people and nothing to do; made once by each process that needs it."""
    folder = parent / f"template-{os.getpid()}"
    if not folder.exists():
        with patched(practice, BALLAST_BYTES=BALLAST):
            asyncio.run(_prepare(folder))
    return folder


async def _prepare(folder: Path) -> None:
    async with Practice.opened(folder, desks=[], connectors=[]) as house:
        for name in ("Ana", "Ben", "Cleo"):
            await house.person(name)


class _Story:
    """One run, and everybody at once."""

    def __init__(self, dice: Random, disk: Disk, folder: Path) -> None:
        self._dice = dice
        self._disk = disk
        self._office = PostOffice(dice)
        connector = Connector(port=Post, speaks=self._office, name="post")
        self._house = Practice(folder, desks=[Desk("letters", procedures=[write])], connectors=[connector])
        self._office.house = self._house
        self._heard: list[str] = []
        """The nonces of the answers that were acknowledged."""
        self.told: list[str] = []

    async def tell(self) -> list[Broken]:
        house = self._house
        await house.restart()
        try:
            (house.account,) = await house.ledger.accounts()
            run = await house.start(write.of("dear"))
            await self._everybody(run, list((await house.engine.account(house.account)).people))
            for _ in range(3):
                await house.move(WITHIN)
            if self._dice.random() < _REOPENED_SHARE:
                await house.restart()
            return [*self._office.broken, *await self._afterwards(run)]
        finally:
            await house.stop()

    async def _everybody(self, run: RunId, people: list[PersonId]) -> None:
        ana, ben, cleo = people
        acts: dict[str, Callable[[], Awaitable[object]]] = {
            "ana": partial(self._answer, run, ana, Verdict.APPROVED),
            "ben": partial(self._answer, run, ben, Verdict.APPROVED),
            "edit": partial(self._answer, run, cleo, Verdict.CHANGED, "dearest"),
            "cancel": partial(self._cancel, run, cleo),
            "time": partial(self._pass, self._dice.choice([WITHIN / 2, WITHIN])),
        }
        names = self._dice.sample(sorted(acts), self._dice.randint(2, len(acts)))
        others = [asyncio.ensure_future(self._some_time(name, acts[name])) for name in names]
        if self._dice.random() < _CRASHES_SHARE:
            await self._let_turns_pass()
            await self._crash()
        await asyncio.gather(*others)

    async def _some_time(self, name: str, act: Callable[[], Awaitable[object]]) -> None:
        await self._let_turns_pass()
        self.told.append(name)
        with suppress(Exception):  # refused, too late, or the process is dead: what counts is what the ledger says
            await act()

    async def _let_turns_pass(self) -> None:
        for _ in range(self._dice.randrange(_BARE_TURNS_MAX)):
            await asyncio.sleep(0)

    async def _answer(self, run: RunId, person: PersonId, verdict: Verdict, change: str | None = None) -> None:
        house = self._house
        answer = await house.answer(house.gate_of(run), person, verdict, change=change)
        await asyncio.sleep(0)
        await house.engine.decide(house.account, answer)
        self._heard.append(answer.nonce)

    async def _cancel(self, run: RunId, person: PersonId) -> None:
        await self._house.engine.cancel(self._house.account, run, by=f"person:{person}")

    async def _pass(self, length: timedelta) -> None:
        self._house.clock.move(length)
        self._house.engine.look_at_clock()

    async def _crash(self) -> None:
        self.told.append("crash")
        self._house.pull_plug()
        self._disk.crash()
        with patched(local, CLOSE_SECONDS=0.0):  # the dead wait for nothing
            await self._house.crash()

    async def _afterwards(self, run: RunId) -> list[Broken]:
        """Let another engine take up what is there, and hold what it finds against the book."""
        house = self._house
        async with LocalEngine.opened(
            house.ledger, desks=house.desks, connectors=house.connectors, verify=verify_passkey, clock=house.clock
        ) as engine:
            await engine.settled()
            return await self._judge(engine, run)

    async def _judge(self, engine: LocalEngine, run: RunId) -> list[Broken]:
        ledger = self._house.ledger
        events = await ledger.run(Chain(account=self._house.account, run_id=run))
        history = [Noted(fact=await read_event(ledger, event), ts=event.header.ts) for event in events]
        said = b"".join(getattr(noted.fact, "decision", None) or b"" for noted in history)
        found = list(effects_broken(history, self._office.book()))
        found += [
            Broken(invariant="I1", what=f"an acknowledged answer is lost: {nonce}")
            for nonce in self._heard
            if f'"nonce":"{nonce}"'.encode() not in said
        ]
        return [*found, *_stuck(engine, history, run)]


def _stuck(engine: LocalEngine, history: list[Noted], run: RunId) -> Iterator[Broken]:
    if run in engine.parked:
        yield Broken(invariant="I9", what=f"it cannot be taken up: {engine.parked[run].sentence}")
    kinds = [noted.fact.kind for noted in history]
    is_uncertain = "effect.uncertain" in kinds
    if not any(isinstance(noted.fact, RunEnded) for noted in history) and not is_uncertain:
        yield Broken(invariant="I5", what=f"it neither ended nor is uncertain: {kinds}")
    if kinds.count("run.ended") > 1 or (is_uncertain is False and kinds[-1] != "run.ended"):
        yield Broken(invariant="I9", what=f"something follows the end: {kinds}")


ROW = Row(
    number=8,
    name="everybody at once",
    tool="seeded loop",
    checks="I1 I3 I4 I5 I9",
    control=CONTROL,
    counts={Scale.TEST: 1_000, Scale.CI: 50_000, Scale.RELEASE: 500_000},
    run=run,
)
