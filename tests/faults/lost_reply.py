"""Row 10: the provider whose reply is lost, and everything else that can happen to one request.

Stories are drawn from a seed: a run of one to three effects under one yes, a trouble for each request, each
re-send and each question, and perhaps a death of the process at one of these moments. Time passes until
nothing clears itself up any more; a person then looks into the provider's book and says what they found.
The provider's own book is the judge: what it did, what it was asked for, and what the ledger says in the end.
"""

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Protocol

from pydantic import BaseModel

from haloop.engines.reading import read_event
from haloop.kernel import values
from haloop.kernel.canonical import Canonical
from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.draft import Draft, DraftPart, Effect
from haloop.kernel.gate import Approved
from haloop.kernel.ids import PersonId, RunId
from haloop.kernel.ledger import Chain
from haloop.kernel.operation import Absent, Call, Found, NotDone, Unknown, effect, idempotent, queryable
from haloop.kernel.procedure import procedure
from haloop.kernel.run import Ended, Receipt, Run
from haloop.testing.practice import Practice
from haloop.testing.provider import Provider, Trouble
from tests.faults.controls import planted
from tests.faults.invariants import Broken, Deed, Known, Noted, check, effects_broken
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, spread

STORIES_PER_HOME = 20
DEADLINE = timedelta(milliseconds=15)
"""Short, because whoever dawdles is really waited for."""
SETTLED_AFTER = timedelta(minutes=1)
KEY_LASTS = timedelta(minutes=30)

_TROUBLES_MAX = 8
_CONTACTS_MAX = 6
_PATIENCE = (5, 25, 60, 600, 3_600)
"""Seconds that pass until nothing clears itself up any more."""


class Item(BaseModel, frozen=True, extra="forbid"):
    name: str


class Done(BaseModel, frozen=True, extra="forbid"):
    number: str


class Outside(Protocol):
    @effect
    async def act(self, item: Item, call: Call) -> Done | NotDone: ...


@dataclass
class Office:
    """The outside, which can neither be asked nor sent the same twice."""

    provider: Provider = field(default_factory=lambda: Provider(same_key_same_act=False))
    requested: dict[str, list[Canonical]] = field(default_factory=lambda: defaultdict(list))
    numbers: Iterator[int] = field(default_factory=count)

    @effect(deadline=DEADLINE)
    async def act(self, item: Item, call: Call) -> Done | NotDone:
        return await self.do(item, call)

    async def do(self, item: Item, call: Call) -> Done | NotDone:
        self.requested[call.key].append(values.plain(Item, item))
        return await self.provider.act(call, lambda: Done(number=str(next(self.numbers))))

    def book(self) -> Mapping[str, Deed]:
        """What it has written down, by key."""
        done = self.provider.done
        return {key: Deed(requested=tuple(asked), done=done[key]) for key, asked in self.requested.items()}


class KeyedOffice(Office):
    """One key is one act for a while."""

    @effect(deadline=DEADLINE, recovery=idempotent(for_=KEY_LASTS))
    async def act(self, item: Item, call: Call) -> Done | NotDone:
        return await self.do(item, call)


async def _look_up(office: Office, _item: Item, call: Call) -> Found[Any] | Absent | Unknown:
    return await office.provider.look_up(call)


class AskedOffice(Office):
    """It can be asked what became of a request."""

    @effect(deadline=DEADLINE, recovery=queryable(_look_up, settled_after=SETTLED_AFTER))
    async def act(self, item: Item, call: Call) -> Done | NotDone:
        return await self.do(item, call)


_OFFICES: tuple[type[Office], ...] = (Office, KeyedOffice, AskedOffice)


class Part(DraftPart["Errand"]):
    act: Effect[Done]


class Errand(Draft):
    parts: tuple[Part, ...]


@procedure(version=1)
async def errand(run: Run, names: list[str]) -> list[Receipt[Done] | NotDone] | Ended:
    """Do several things under one yes, one after the other."""
    parts = tuple(Part(act=Effect.of(Outside.act, Item(name=name))) for name in names)
    yes = await run.gate(Errand(parts=parts), valid_for=timedelta(days=1))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return [await run.effect(yes, part.act) for part in yes.draft.parts]


DESKS = [Desk("faults", procedures=[errand])]


def run(plan: Plan) -> Outcome:
    """Tell `count` stories, a few to a home."""
    homes = -(-plan.count // STORIES_PER_HOME)
    outcome = spread(partial(_home, plan), range(homes), until_caught=plan.control is not None)
    return Outcome(done=min(plan.count, outcome.done * STORIES_PER_HOME), violations=outcome.violations)


def _home(plan: Plan, number: int) -> list[Violation]:
    folder = plan.folder / str(number)
    folder.mkdir()
    first = number * STORIES_PER_HOME
    stories = range(first, min(plan.count, first + STORIES_PER_HOME))
    with planted(plan.control):
        found = asyncio.run(_tell(plan, folder, number, stories))
    broken = check(folder / "home", Known())
    shutil.rmtree(folder)
    return found + [Violation(iteration=first, invariant=one.invariant, what=one.what) for one in broken]


async def _tell(plan: Plan, folder: Path, number: int, stories: range) -> list[Violation]:
    office = _OFFICES[number % len(_OFFICES)]()
    office.provider.same_key_same_act = isinstance(office, KeyedOffice)
    connector = Connector(port=Outside, speaks=office, name="office")
    found = []
    async with Practice.opened(folder, desks=DESKS, connectors=[connector]) as house:
        person = await house.person("Ana")
        for iteration in stories:
            story = _Story(house=house, office=office, person=person, dice=plan.random(iteration))
            for broken in await story.told():
                what = f"{type(office).__name__}, {story.troubles}: {broken.what}"
                found.append(Violation(iteration=iteration, invariant=broken.invariant, what=what))
    return found


@dataclass(slots=True, kw_only=True)
class _Story:
    """One run and its troubles."""

    house: Practice
    office: Office
    person: PersonId
    dice: Random
    troubles: str = ""
    contacts: int = 0
    dies_at: int = 0
    is_dead: bool = False

    async def told(self) -> list[Broken]:
        """Live through it, and hold the ledger against the book."""
        self._draw()
        names = [f"thing {number}" for number in range(self.dice.randint(1, 3))]
        run = await self.house.start(errand.of(names))
        before = self.office.book().keys()
        await self.house.yes(run, self.person)
        for seconds in _PATIENCE:
            await self._let_pass(seconds)
        while await self._settle_one(run):
            await self._let_pass(max(_PATIENCE))
        book = {key: deed for key, deed in self.office.book().items() if key not in before}
        found = list(effects_broken(await self._history(run), book))
        if "run.ended" not in await self.house.kinds(run):
            found.append(Broken(invariant="I5", what="the run does not end"))
        return found

    def _draw(self) -> None:
        provider, dice = self.office.provider, self.dice
        calls = [dice.choice(list(Trouble)) for _ in range(dice.randrange(_TROUBLES_MAX))]
        questions = [dice.choice(list(Trouble)) for _ in range(dice.randrange(_TROUBLES_MAX))]
        self.dies_at = dice.randrange(_CONTACTS_MAX)
        self.troubles = f"calls {calls}, questions {questions}, dies at contact {self.dies_at}"
        provider.troubles.clear()
        provider.troubles.extend(calls)
        provider.lookup_troubles.clear()
        provider.lookup_troubles.extend(questions)
        provider.on_request = provider.on_question = self._contact

    def _contact(self, _call: Call) -> None:
        """The process is in touch with the outside; it may die of it."""
        self.contacts += 1
        if self.contacts == self.dies_at:
            self.is_dead = True
            self.house.pull_plug()

    async def _let_pass(self, seconds: int) -> None:
        """What is late arrives, time passes, and whoever died comes back."""
        await self._revive()
        self.office.provider.catch_up()
        await self.house.move(timedelta(seconds=seconds))
        await self._revive()

    async def _revive(self) -> None:
        if self.is_dead:
            self.is_dead = False
            await self.house.crash()
            await self.house.engine.settled()

    async def _settle_one(self, run: RunId) -> bool:
        """A person looks into the provider's book once nothing is on its way any more, and says what is there."""
        self.office.provider.catch_up()
        uncertain = await self.house.engine.uncertain(self.house.account, run)
        for intent in uncertain[:1]:
            result = self.office.provider.results.get(intent.key)
            plain = None if result is None else values.plain(Done, result)
            await self.house.settle(run, self.person, happened=result is not None, result=plain)
        return bool(uncertain)

    async def _history(self, run: RunId) -> list[Noted]:
        ledger = self.house.ledger
        events = await ledger.run(Chain(account=self.house.account, run_id=run))
        return [Noted(fact=await read_event(ledger, event), ts=event.header.ts) for event in events]


ROW = Row(
    number=10,
    name="a provider whose reply is lost",
    tool="scripted provider",
    checks="I2 I3 I4 I5",
    control="blind retry",
    counts={Scale.TEST: 120, Scale.CI: 6_000, Scale.RELEASE: 300_000},
    run=run,
)
