"""Row 8: everybody at once, in every order that a seed can think of.

A run waits at a gate. Two people say yes, one changes the draft, one cancels, time passes, and now and then the
process dies, while an event loop takes what is ready in an order of its own. The outside looks, at the moment it is
called, whether the intent can be read. Afterwards time runs out, and the invariants are held against the outside's
book, the ledger, and what each person was told.
"""

import asyncio
import shutil
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Protocol, Self

from pydantic import BaseModel

from haloop.engines.reading import read_event
from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.draft import Draft, Effect
from haloop.kernel.fact import EffectIntended, RunEnded
from haloop.kernel.gate import Approved, Verdict
from haloop.kernel.ids import PersonId, RunId
from haloop.kernel.ledger import Chain
from haloop.kernel.operation import Call, NotDone, effect
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Receipt, Run
from haloop.testing.practice import Practice
from tests.faults.controls import planted
from tests.faults.invariants import Broken, Deed, Known, Noted, check, effects_broken
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, spread

CONTROL = "no wait for durability"
WITHIN = timedelta(minutes=10)
STORY_SECONDS_MAX = 30.0
_BARE_TURNS_MAX = 12
_VERIFIED_EVERY = 20


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
    practice: Practice | None = None

    @effect
    async def send(self, what: str, call: Call) -> Sent | NotDone:
        self.asked[call.key].append(what)
        if self.practice is not None and not await _is_intended(self.practice, call.key):
            self.broken.append(Broken(invariant="I1", what="it was called before its intent was durable"))
        for _ in range(self.dice.randrange(4)):
            await asyncio.sleep(0)
        self.done[call.key] += 1
        for _ in range(self.dice.randrange(4)):
            await asyncio.sleep(0)
        return Sent(what=what)

    def book(self) -> dict[str, Deed]:
        return {key: Deed(requested=tuple(asked), done=self.done[key]) for key, asked in self.asked.items()}


async def _is_intended(practice: Practice, key: str) -> bool:
    events = await practice.ledger.effects(practice.account)
    facts = [await read_event(practice.ledger, event) for event in events]
    return any(isinstance(fact, EffectIntended) and fact.key == key for fact in facts)


class ShuffledLoop(asyncio.SelectorEventLoop):
    """Takes what is ready in any order."""

    def __init__(self, dice: Random) -> None:
        super().__init__()
        self._dice = dice

    def _run_once(self) -> None:
        ready: deque[Any] = self._ready  # type: ignore[attr-defined]  # asyncio's own queue of callbacks
        if len(ready) > 1:
            shuffled = list(ready)
            self._dice.shuffle(shuffled)
            ready.clear()
            ready.extend(shuffled)
        super()._run_once()  # type: ignore[misc]  # as above


def run(plan: Plan) -> Outcome:
    """Tell `count` stories, each with dice of its own."""
    return spread(partial(_iteration, plan), range(plan.count), until_caught=plan.control is not None)


def _iteration(plan: Plan, iteration: int) -> list[Violation]:
    dice, folder = plan.random(iteration), plan.folder / str(iteration)
    story = _Story(dice, folder)
    with planted(plan.control), asyncio.Runner(loop_factory=lambda: ShuffledLoop(dice)) as runner:
        try:
            found = runner.run(asyncio.wait_for(story.tell(), STORY_SECONDS_MAX))
        except TimeoutError:
            found = [Broken(invariant="I5", what="the story does not come to its end")]
    if iteration % _VERIFIED_EVERY == 0:
        found += check(folder / "home", Known())
    shutil.rmtree(folder)
    told = " ".join(story.told)
    return [Violation(iteration=iteration, invariant=one.invariant, what=f"{one.what} ({told})") for one in found]


class _Story:
    """One run, and everybody at once."""

    def __init__(self, dice: Random, folder: Path) -> None:
        self._dice = dice
        self._folder = folder
        self._heard: list[str] = []
        """The nonces of the answers that were acknowledged."""
        self.told: list[str] = []

    async def tell(self) -> list[Broken]:
        office = PostOffice(self._dice)
        connector = Connector(port=Post, speaks=office, name="post")
        desk = Desk("letters", procedures=[write])
        async with Practice.opened(self._folder, desks=[desk], connectors=[connector]) as practice:
            office.practice = practice
            people = [await practice.person(name) for name in ("Ana", "Ben", "Cleo")]
            run = await practice.start(write.of("dear"))
            await self._everybody(practice, run, people)
            for _ in range(3):
                await practice.move(WITHIN)
            await practice.restart()
            await practice.engine.settled()
            return [*office.broken, *await self._judge(practice, run, office)]

    async def _everybody(self, practice: Practice, run: RunId, people: list[PersonId]) -> None:
        ana, ben, cleo = people
        acts: dict[str, Callable[[], Awaitable[object]]] = {
            "ana": partial(self._answer, practice, run, ana, Verdict.APPROVED),
            "ben": partial(self._answer, practice, run, ben, Verdict.APPROVED),
            "edit": partial(self._answer, practice, run, cleo, Verdict.CHANGED, "dearest"),
            "cancel": partial(practice.engine.cancel, practice.account, run, by=f"person:{cleo}"),
            "time": partial(self._pass, practice, self._dice.choice([WITHIN / 2, WITHIN])),
        }
        names = self._dice.sample(sorted(acts), self._dice.randint(2, len(acts)))
        others = [asyncio.ensure_future(self._some_time(name, acts[name])) for name in names]
        if self._dice.random() < 0.4:
            await self._some_time("crash", practice.crash)
        await asyncio.gather(*others)

    async def _some_time(self, name: str, act: Callable[[], Awaitable[object]]) -> None:
        for _ in range(self._dice.randrange(_BARE_TURNS_MAX)):
            await asyncio.sleep(0)
        self.told.append(name)
        with suppress(Exception):  # refused, too late, or the process is dead: what counts is what the ledger says
            await act()

    async def _answer(
        self, practice: Practice, run: RunId, person: PersonId, verdict: Verdict, change: str | None = None
    ) -> None:
        answer = await practice.answer(practice.gate_of(run), person, verdict, change=change)
        await asyncio.sleep(0)
        await practice.engine.decide(practice.account, answer)
        self._heard.append(answer.nonce)

    async def _pass(self, practice: Practice, length: timedelta) -> None:
        practice.clock.move(length)
        practice.engine.look_at_clock()

    async def _judge(self, practice: Practice, run: RunId, office: PostOffice) -> list[Broken]:
        events = await practice.ledger.run(Chain(account=practice.account, run_id=run))
        history = [Noted(fact=await read_event(practice.ledger, event), ts=event.header.ts) for event in events]
        said = b"".join(getattr(noted.fact, "decision", None) or b"" for noted in history)
        found = list(effects_broken(history, office.book()))
        found += [
            Broken(invariant="I1", what=f"an acknowledged answer is lost: {nonce}")
            for nonce in self._heard
            if f'"nonce":"{nonce}"'.encode() not in said
        ]
        return [*found, *self._stuck(practice, history, run)]

    def _stuck(self, practice: Practice, history: list[Noted], run: RunId) -> Iterator[Broken]:
        if run in practice.engine.parked:
            yield Broken(invariant="I9", what=f"it cannot be taken up: {practice.engine.parked[run].sentence}")
        kinds = [noted.fact.kind for noted in history]
        is_uncertain = "effect.uncertain" in kinds
        if not any(isinstance(noted.fact, RunEnded) for noted in history) and not is_uncertain:
            yield Broken(invariant="I5", what=f"it neither ended nor is uncertain: {kinds}")
        if kinds.count("run.ended") > 1 or (is_uncertain is False and kinds[-1] != "run.ended"):
            yield Broken(invariant="I9", what=f"something follows the end: {kinds}")


ROW = Row(
    number=8,
    name="everybody at once",
    tool="shuffled loop",
    checks="I1 I3 I4 I5 I9",
    control=CONTROL,
    counts={Scale.TEST: 250, Scale.CI: 50_000, Scale.RELEASE: 500_000},
    run=run,
)
