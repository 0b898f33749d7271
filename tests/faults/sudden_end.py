"""Rows 3 and 4: the process is killed at a named point on the way of an effect, and again while it recovers.

Each visit is a process of its own that takes up the same home, says yes where a gate is open, lets the effects
run, and is killed when it comes to its point for the n-th time: before or after an append, a commit, a call, an
answer, a question. The next process goes on from what it finds. The outside keeps its book in a file that only
grows, one line for each request and each act, so it outlives everybody. The last process lets a person settle
what nobody else can know, and holds the ledger against the book.
"""

import asyncio
import inspect
import json
import os
import shutil
import signal
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial, wraps
from pathlib import Path
from random import Random
from typing import Any

from haloop.engines.at_effect import AtEffect
from haloop.engines.clearing_up import ClearingUp
from haloop.engines.live_run import LiveRun
from haloop.engines.local import LocalEngine
from haloop.engines.outgoing import Outgoing
from haloop.engines.reading import read_event
from haloop.kernel import canonical, values
from haloop.kernel.connector import Connector
from haloop.kernel.errors import HaloopError
from haloop.kernel.fact import PersonAdded
from haloop.kernel.finding import Finding
from haloop.kernel.gate import Answer, GateId, Verdict
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.ledger import Chain
from haloop.kernel.operation import Absent, Call, Found, NotDone, Unknown, effect, idempotent, queryable
from haloop.store.batch import Batch
from haloop.store.signing import read_or_make_signer, verify_passkey
from haloop.store.sqlite import SqliteLedger
from haloop.store.submission import Submission
from haloop.testing.clock import START, MovableClock
from haloop.testing.practice import VIEW
from haloop.testing.provider import LineBroke
from tests.faults.controls import patched, planted
from tests.faults.invariants import BALLAST, Broken, Deed, Known, Noted, check, effects_broken
from tests.faults.lost_reply import DESKS, KEY_LASTS, SETTLED_AFTER, Done, Item, Outside, errand
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, spread

ANA = PersonId("per_" + "a" * 32)
VISITS_MAX = 3
EFFECTS_MAX = 3
LIFE_SECONDS_MAX = 60.0
_VERIFIED_EVERY = 10
_LIFE = timedelta(minutes=5)
"""How much later the next process begins."""
_PATIENCE = (timedelta(seconds=30), 2 * SETTLED_AFTER, timedelta(minutes=10))


POINTS: Mapping[str, tuple[type, str]] = {
    "append": (SqliteLedger, "append"),
    "commit": (Batch, "write"),
    "acknowledgement": (Submission, "finish"),
    "noting a fact": (LiveRun, "note"),
    "sending": (AtEffect, "_send"),
    "sending again": (AtEffect, "resend"),
    "call": (Outgoing, "send"),
    "taking an answer": (AtEffect, "_take_answer"),
    "question": (Outgoing, "ask"),
    "taking a finding": (ClearingUp, "_take_finding"),
}
"""The product's own functions at which a process may end, by the names that a report uses."""


CLEARING_UP = frozenset({"sending again", "question", "taking a finding"})
"""The points that only an unknown outcome leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """Where a process ends: at a point, before or after it, the n-th time it comes there."""

    point: str
    when: str
    visit: int

    def __str__(self) -> str:
        return f"{self.when} {self.point}, visit {self.visit}"


class Book:
    """What the outside wrote down, in a file that only grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, what: str, key: str, item: Item) -> None:
        os.write(self._file, canonical.encode([what, key, values.plain(Item, item)]) + b"\n")

    def done(self, key: str) -> bool:
        return any(line[:2] == ["done", key] for line in self._lines())

    def deeds(self) -> Mapping[str, Deed]:
        lines = self._lines()
        done = Counter(key for what, key, _ in lines if what == "done")
        return {
            key: Deed(requested=tuple(item for what, of, item in lines if (what, of) == ("asked", key)), done=done[key])
            for _, key, _ in lines
        }

    def _lines(self) -> list[Any]:
        return [json.loads(line) for line in self._path.read_bytes().splitlines()]


class Office:
    """It can neither be asked nor sent the same twice."""

    is_key_an_act = False
    points = frozenset(POINTS) - CLEARING_UP
    """Where a process that deals with it comes by."""

    def __init__(self, book: Book, *, loses_replies: bool) -> None:
        self.book = book
        self._loses_replies = loses_replies

    @effect
    async def act(self, item: Item, call: Call) -> Done | NotDone:
        return self.do(item, call)

    def do(self, item: Item, call: Call) -> Done:
        self.book.write("asked", call.key, item)
        if not (self.is_key_an_act and self.book.done(call.key)):
            self.book.write("done", call.key, item)
        if self._loses_replies and call.attempt == 1:
            raise LineBroke("The line broke.")
        return Done(number=call.key)


class KeyedOffice(Office):
    """One key is one act for a while."""

    is_key_an_act = True
    points = Office.points | {"sending again"}

    @effect(recovery=idempotent(for_=KEY_LASTS))
    async def act(self, item: Item, call: Call) -> Done | NotDone:
        return self.do(item, call)


async def _look_up(office: Office, _item: Item, call: Call) -> Found[Any] | Absent | Unknown:
    return Found(result=Done(number=call.key)) if office.book.done(call.key) else Absent()


class AskedOffice(Office):
    """It can be asked what became of a request."""

    points = Office.points | {"question", "taking a finding"}

    @effect(recovery=queryable(_look_up, settled_after=SETTLED_AFTER))
    async def act(self, item: Item, call: Call) -> Done | NotDone:
        return self.do(item, call)


MakeOffice = Callable[[Book], Office]
_OFFICES: tuple[type[Office], ...] = (Office, KeyedOffice, AskedOffice)


def run_once(plan: Plan) -> Outcome:
    """Kill `count` processes, each at a point of its own."""
    return _run(plan, 1)


def run_twice(plan: Plan) -> Outcome:
    """Kill `count` pairs of processes: one at work, and the next while it recovers."""
    return _run(plan, 2)


def _run(plan: Plan, deaths: int) -> Outcome:
    outcome = spread(partial(_visit, plan, deaths), range(plan.count), until_caught=plan.control is not None)
    killed = len((plan.folder / "killed").read_bytes())
    remark = (
        f"{killed:,} of {outcome.done * deaths:,} processes came by their point so often, and were killed there."
        " The verifier looks at one home in ten, all other checks at every one."
    )
    return replace(outcome, remark=remark)


def _visit(plan: Plan, deaths: int, iteration: int) -> list[Violation]:
    dice = plan.random(iteration)
    kind, things, loses_replies = dice.choice(_OFFICES), dice.randint(1, EFFECTS_MAX), dice.random() < 0.5
    office = partial(kind, loses_replies=loses_replies)
    chosen = [_death(dice, sorted(kind.points), things) for _ in range(deaths)]
    folder = plan.folder / str(iteration)
    shutil.copytree(_template(plan.folder, things), folder)
    for number, death in enumerate(chosen):
        ended = in_process(partial(_live, folder, office, number, plan.control), death)
        if ended == signal.SIGKILL:
            _append(plan.folder / "killed", b".")
    found = _judged(folder, office, len(chosen), plan.control)
    found += check(folder / "home", Known(), verified=iteration % _VERIFIED_EVERY == 0)
    shutil.rmtree(folder)
    told = f"{kind.__name__}, {things} effects, replies lost: {loses_replies}, killed {' and '.join(map(str, chosen))}"
    return [Violation(iteration=iteration, invariant=one.invariant, what=f"{told}: {one.what}") for one in found]


def _death(dice: Random, points: Sequence[str], things: int) -> Death:
    visit = dice.randint(1, min(things, VISITS_MAX))
    return Death(point=dice.choice(points), when=dice.choice(("before", "after")), visit=visit)


def _append(path: Path, what: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, what)
    os.close(file)


def _judged(folder: Path, office: MakeOffice, number: int, control: str | None) -> list[Broken]:
    status = in_process(partial(_live, folder, office, number, control, judge=True), None)
    if status != 0:
        return [Broken(invariant="I5", what=f"the last process ended with {status}")]
    said = json.loads((folder / "broken").read_text(encoding="utf-8"))
    return [Broken(**one) for one in said]


def _template(parent: Path, things: int) -> Path:
    """A home in which a run waits at its gate; made once by each process that needs it.

    Made in this very process, so that its children find loaded what each would load anew.
    """
    folder = parent / f"template-{os.getpid()}-{things}"
    if not folder.exists():
        asyncio.run(_prepare(folder, things))
    return folder


def in_process(work: "Callable[[], Any]", death: Death | None, points: Mapping[str, tuple[type, str]] = POINTS) -> int:
    """Do something in a process of its own, which perhaps is killed; how it ended."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with dying_at(death, points):
                asyncio.run(asyncio.wait_for(work(), LIFE_SECONDS_MAX))
            status = 0
        except Exception:  # noqa: BLE001  # whatever it was, whoever reads the log should see it
            traceback.print_exc()
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    return ended


def dying_at(death: Death | None, points: Mapping[str, tuple[type, str]] = POINTS) -> ExitStack:
    """The product, with an end at one of its points."""
    stack = ExitStack()
    if death is not None:
        owner, name = points[death.point]
        stack.enter_context(patched(owner, **{name: _deadly(getattr(owner, name), death)}))
    return stack


def _deadly(function: Callable[..., Any], death: Death) -> Callable[..., Any]:
    visits = 0

    def visit(when: str) -> None:
        nonlocal visits
        visits += when == death.when
        if when == death.when and visits == death.visit:
            os.kill(os.getpid(), signal.SIGKILL)

    @wraps(function)
    def passed(*args: Any, **kwargs: Any) -> Any:
        visit("before")
        result = function(*args, **kwargs)
        visit("after")
        return result

    @wraps(function)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        visit("before")
        result = await function(*args, **kwargs)
        visit("after")
        return result

    return awaited if inspect.iscoroutinefunction(function) else passed


# One life


async def _prepare(folder: Path, things: int) -> None:
    folder.mkdir()
    async with _opened(folder, partial(Office, loses_replies=False), 0) as life:
        account = await life.ledger.open_account()
        await life.engine.record(account, PersonAdded(person=ANA, name="Ana", roles=["owner"]), by="kernel")
        names = [f"thing {number}" for number in range(things)]
        await life.engine.start(account, errand.of(names), by="agent:test")
        await life.engine.settled()


async def _live(folder: Path, office: MakeOffice, number: int, control: str | None, *, judge: bool = False) -> None:
    with planted(control):
        async with _opened(folder, office, number + 1) as life:
            account = (await life.ledger.accounts())[0]
            await life.say_yes(account)
            for length in _PATIENCE:
                await life.let_pass(length)
            if judge:
                found = await life.judged(account)
                told = [{"invariant": one.invariant, "what": one.what} for one in found]
                (folder / "broken").write_text(json.dumps(told), encoding="utf-8")


@dataclass(slots=True, kw_only=True)
class _Life:
    ledger: SqliteLedger
    engine: LocalEngine
    clock: MovableClock
    book: Book

    async def say_yes(self, account: AccountId) -> None:
        for gate in self.engine.open_gates(account):
            seen = (await self.engine.gate(account, gate)).gate
            answer = Answer(
                gate=gate,
                revision=seen.revision,
                draft=seen.draft,
                card=seen.card,
                view=VIEW,
                verdict=Verdict.APPROVED,
                person=ANA,
                nonce="once",
                expires=seen.expires_at,
            )
            await self.engine.decide(account, answer)
        await self.engine.settled()

    async def let_pass(self, length: timedelta) -> None:
        self.clock.move(length)
        self.engine.look_at_clock()
        await self.engine.settled()

    async def judged(self, account: AccountId) -> Sequence[Broken]:
        """Let a person settle what is left, then hold the ledger against the book."""
        (run,) = await self._runs(account)
        try:
            while await self._settle_one(account, run):
                await self.let_pass(max(_PATIENCE))
        except HaloopError as error:
            return [Broken(invariant="I5", what=f"the run cannot go on: {error.code}: {error.sentence}")]
        events = await self.ledger.run(Chain(account=account, run_id=run))
        history = [Noted(fact=await read_event(self.ledger, event), ts=event.header.ts) for event in events]
        found = list(effects_broken(history, self.book.deeds()))
        if history[-1].fact.kind != "run.ended":
            found.append(Broken(invariant="I5", what=f"the run ends with {history[-1].fact.kind}"))
        return found

    async def _runs(self, account: AccountId) -> set[RunId]:
        events = await self.ledger.events(account)
        return {event.header.run_id for event in events if event.header.kind == "run.started"}

    async def _settle_one(self, account: AccountId, run: RunId) -> bool:
        uncertain = await self.engine.uncertain(account, run)
        for intent in uncertain[:1]:
            happened = self.book.done(intent.key)
            result = values.plain(Done, Done(number=intent.key)) if happened else None
            finding = Finding(
                gate=GateId(intent.gate), effect=intent.effect, person=ANA, happened=happened, result=result
            )
            await self.engine.settle(account, finding)
        return bool(uncertain)


@asynccontextmanager
async def _opened(folder: Path, office: MakeOffice, number: int) -> AsyncIterator[_Life]:
    clock, book = MovableClock(START), Book(folder / "book")
    clock.move(number * (_LIFE + sum(_PATIENCE, timedelta())))
    home = folder / "home"
    home.mkdir(exist_ok=True)
    connector = Connector(port=Outside, speaks=office(book), name="office")
    async with (
        SqliteLedger.opened(
            home,
            signer=read_or_make_signer(folder / "secrets"),
            witness_folder=folder / "witness",
            clock=clock,
            ballast=BALLAST,
        ) as ledger,
        LocalEngine.opened(ledger, desks=DESKS, connectors=[connector], verify=verify_passkey, clock=clock) as engine,
    ):
        yield _Life(ledger=ledger, engine=engine, clock=clock, book=book)


ONCE = Row(
    number=3,
    name="SIGKILL on the way of an effect",
    tool="fork, SIGKILL",
    checks="I2 I3 I4 I5",
    control="intent after the call",
    counts={Scale.TEST: 400, Scale.CI: 20_000, Scale.RELEASE: 400_000},
    run=run_once,
)
TWICE = Row(
    number=4,
    name="SIGKILL, and again while recovering",
    tool="fork, SIGKILL",
    checks="I2 I3 I4 I5",
    control="recovery that guesses",
    counts={Scale.TEST: 100, Scale.CI: 5_000, Scale.RELEASE: 100_000},
    run=run_twice,
)
