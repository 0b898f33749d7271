"""Row 17: many runs wait at their gates for a day, and the process stays small.

A process of its own starts as many runs as asked, each with a draft before a person, and then lives through a virtual
day: time passes in steps, people decide here and there, gates expire, new runs come for those that end, and the
process restarts and crashes now and then. Then everybody goes home, and what is left must expire. The process only
does and tells: what was due when, what fired, what was sent, how much memory it has. Whoever started it judges, so that
the judge's own memory weighs nothing.
"""

import argparse
import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Protocol, Self

import apsw

from haloop.engines.local import LIVE_MAX, LocalEngine
from haloop.kernel.desk import (
    Approved,
    Call,
    Connector,
    Desk,
    Draft,
    Effect,
    Ended,
    NotDone,
    Receipt,
    Run,
    effect,
    procedure,
)
from haloop.kernel.fact import Fact, GateApproved, GateExpired, GateOpened, GateRefused, PersonAdded, RunEnded
from haloop.kernel.gate import Answer, GateId, Verdict
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.store.signing import read_or_make_signer, verify_passkey
from haloop.store.sqlite import SqliteLedger
from haloop.testing.clock import MovableClock
from haloop.testing.practice import VIEW
from tests.faults.controls import planted
from tests.faults.invariants import BALLAST
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, child_command, child_environment

LIVES = 4
DIES = 1
"""The life that ends with SIGKILL."""
STEP = timedelta(minutes=15)
STEPS = 24
"""In each life."""
AWAY = timedelta(minutes=30)
"""For so long nothing runs between two lives."""
HOURS_MAX = 72
"""The longest that a gate waits; the shortest waits for an hour."""
AT_ONCE = 200
ANSWERED_SHARE = 500
"""Of so many runs that wait, one is answered in each step."""
LIVE_SHARE = 20
"""Of so many runs one may be in memory, up to what the engine keeps as shipped."""
WEIGHED_EVERY = 10_000
ANA = PersonId(f"per_{1:032x}")

VERDICTS = (Verdict.APPROVED, Verdict.APPROVED, Verdict.REFUSED, Verdict.CHANGED)

SPARE_BYTES = 20_000_000
"""What is loaded on first use, and what a step may weigh while it happens."""
LIVE_BYTES = 28_000
"""What a run in memory may weigh."""
PARKED_BYTES = 1_000
"""What any run that waits may weigh, its share of the ledger's own caches included."""
TOTAL_BYTES_MAX = 300_000_000
"""The whole process, with 100,000 runs or fewer."""


class Post(Protocol):
    @effect
    async def send(self, text: str, call: Call) -> str | NotDone: ...


class Letter(Draft):
    """What will be sent."""

    text: str
    send: Effect[str]

    @classmethod
    def of(cls, text: str) -> Self:
        return cls(text=text, send=Effect.of(Post.send, text))

    def apply(self, change: str) -> Self:
        return self.of(change)


@procedure(version=1)
async def write(run: Run, text: str, hours: int) -> Receipt[str] | NotDone | Ended:
    """Ask, and send."""
    yes = await run.gate(Letter.of(text), within=timedelta(hours=hours))
    if not isinstance(yes, Approved):
        return run.end(yes)
    return await run.effect(yes, yes.draft.send)


def run(plan: Plan) -> Outcome:
    """Live through the day with `count` runs, in processes of their own."""
    watch = Watch(count=plan.count)
    for life in range(LIVES):
        _one_life(plan, life, watch)
        if watch.broken:
            break
    found = [Violation(iteration=watch.begun, invariant=invariant, what=what) for invariant, what in watch.judged()]
    return Outcome(done=plan.count, violations=tuple(found), remark=watch.remark())


def _one_life(plan: Plan, life: int, watch: "Watch") -> None:
    arguments: list[object] = ["--count", plan.count, "--seed", plan.seed, "--life", life, "--folder", plan.folder]
    command = child_command("soak", *arguments, *(("--control", plan.control) if plan.control else ()))
    began = time.monotonic()
    with subprocess.Popen(command, env=child_environment(), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            watch.hear(json.loads(line))
            if watch.broken:
                child.kill()
                return
    watch.seconds += time.monotonic() - began
    if child.returncode != (-signal.SIGKILL if life == DIES else 0):
        watch.broken.append(("I6", f"life {life} ended with {child.returncode}"))


@dataclass(slots=True)
class Watch:
    """What somebody outside knows of the processes, and what is broken about them."""

    count: int
    due: dict[str, int] = field(default_factory=dict)
    fired: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    uncertain: set[str] = field(default_factory=set)
    """Runs that wait for somebody to look into the book, because the process died while their letter was sent."""
    answered: int = 0
    empty: int = 0
    """The memory of the process before it opens the home."""
    most_waiting: int = 0
    """In the present life."""
    most: int = 0
    most_grown: int = 0
    seconds: float = 0.0
    rates: dict[str, float] = field(default_factory=dict)
    """How many runs a second: begun, taken up, expired."""
    broken: list[tuple[str, str]] = field(default_factory=list)

    @property
    def begun(self) -> int:
        return len(self.due)

    def hear(self, told: list[object]) -> None:
        """Take in what a process tells."""
        match told:
            case ["due", str(run), int(moment)]:
                self.due[run] = moment
            case ["fired", str(run), int(moment)]:
                self._fire(run, moment)
            case ["sent", str(key)]:
                self.sent[key] += 1
            case ["ended", str(run)]:
                self.ended[run] += 1
            case ["weighs", str(when), int(waiting), int(resident), int(of_sqlite)]:
                self._weigh(when, waiting, resident, of_sqlite)
            case [("begun" | "taken up" | "expired") as what, int(runs), float(seconds)] if runs:
                self.rates[str(what)] = runs / seconds
            case ["left", str(run), "effect.uncertain"]:
                self.uncertain.add(run)
            case ["left", str(run), str(kind)]:
                self.broken.append(("I6", f"{run} does not end: {kind} is the last that is known of it"))
            case ["over", int(answered)]:
                self.answered += answered

    def judged(self) -> Iterator[tuple[str, str]]:
        """What is broken, once the last process has ended."""
        yield from self.broken
        if not self.broken:
            yield from (("I8", f"{run} fired {times} times") for run, times in self.fired.items() if times > 1)
            yield from (("I3", f"{key} was sent {times} times") for key, times in self.sent.items() if times > 1)
            yield from (("I7", f"{run} ended {times} times") for run, times in self.ended.items() if times > 1)

    def remark(self) -> str:
        """What came of it, in figures."""
        rates = ", ".join(f"{what} at {rate:,.0f} a second" for what, rate in self.rates.items())
        return (
            f"{self.begun:,} runs in {LIVES} processes, one of them killed, {self.seconds:.0f} s: {rates};"
            f" {self.answered:,} answers, {len(self.sent):,} letters, {len(self.fired):,} gates expired,"
            f" {len(self.uncertain)} uncertain after the kill."
            f" The process weighs {self.empty / 1e6:.0f} MB before it opens the home and at most"
            f" {self.most / 1e6:.0f} MB with {self.count:,} runs that wait, of which {live_max(self.count):,} are in"
            f" memory: {self.most_grown / self.count:,.0f} bytes a run, SQLite's own cache aside."
        )

    def _fire(self, run: str, moment: int) -> None:
        self.fired[run] += 1
        if moment < self.due.get(run, 0):
            self.broken.append(("I8", f"{run} fired {self.due[run] - moment} microseconds early"))

    def _weigh(self, when: str, waiting: int, resident: int, of_sqlite: int) -> None:
        if when == "empty":
            self.empty, self.most_waiting = resident, 0
            return
        grown = resident - of_sqlite - self.empty
        self.most, self.most_grown = max(self.most, resident), max(self.most_grown, grown)
        self.most_waiting = max(self.most_waiting, waiting)  # what was given back stays with the process
        allowed = bytes_max(self.most_waiting, min(self.most_waiting, live_max(self.count)))
        if grown > allowed:
            self.broken.append(("memory", f"{waiting:,} runs wait, and weigh {grown:,} bytes, not {allowed:,}"))
        if self.count <= 100_000 and resident > TOTAL_BYTES_MAX:
            self.broken.append(("memory", f"{waiting:,} runs wait in {resident:,} bytes"))


def bytes_max(waiting: int, live: int) -> int:
    """What so many runs that wait may weigh, when so many of them are in memory."""
    return SPARE_BYTES + live * LIVE_BYTES + waiting * PARKED_BYTES


# The process


def main() -> None:
    """Live one life, and tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--life", type=int)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--control")
    told = parser.parse_args()
    _weigh("empty", 0)
    with planted(told.control):
        asyncio.run(_live(told.folder, told.count, told.life, Random(f"soak {told.seed} {told.life}")))


class PostOffice:
    """Sends, and tells that it did."""

    @effect
    async def send(self, text: str, call: Call) -> str | NotDone:
        _tell("sent", call.key)
        return text


async def _live(folder: Path, count: int, number: int, dice: Random) -> None:
    clock = MovableClock()
    clock.move(number * (STEPS * STEP + AWAY))
    folder.joinpath("home").mkdir(exist_ok=True)
    began = time.monotonic()
    async with (
        SqliteLedger.opened(
            folder / "home",
            signer=read_or_make_signer(folder / "secrets"),
            witness_folder=folder / "witness",
            clock=clock,
            ballast=BALLAST,
        ) as ledger,
        LocalEngine.opened(
            ledger,
            desks=[Desk("letters", procedures=[write])],
            connectors=[Connector(port=Post, speaks=PostOffice(), name="post")],
            verify=verify_passkey,
            clock=clock,
            live_max=live_max(count),
        ) as engine,
    ):
        account = (await ledger.accounts() or [await ledger.open_account()])[0]
        life = _Life(ledger=ledger, engine=engine, clock=clock, account=account, count=count, dice=dice)
        await life.take_up(time.monotonic() - began)
        await life.live(steps=STEPS, is_last=number == LIVES - 1, dies=number == DIES)


@dataclass(slots=True, kw_only=True)
class _Life:
    """What one process sees of the day."""

    ledger: SqliteLedger
    engine: LocalEngine
    clock: MovableClock
    account: AccountId
    count: int
    dice: Random
    waiting: int = 0
    begun: int = 0
    answered: int = 0

    async def take_up(self, seconds: float) -> None:
        """Find what waits, and whoever is at home."""
        self.waiting = len(self.engine.open_gates(self.account))
        self.engine.watch(self._hear)
        _tell("taken up", self.waiting, seconds)
        await self.engine.record(self.account, PersonAdded(person=ANA, name="Ana", roles=["owner"]), by="kernel")
        await self._let_pass(timedelta())

    async def live(self, *, steps: int, is_last: bool, dies: bool) -> None:
        began = time.monotonic()
        await self._fill()
        _tell("begun", self.begun if self.begun == self.count else 0, time.monotonic() - began)
        for step in range(steps):
            await self._let_pass(STEP)
            await self._answer_some()
            if dies and step == steps - 1:
                await self._die()
            await self._fill()
            self._weigh_now_and_then(step)
        if is_last:
            await self._go_home()
            self._tell_what_is_left()
        _tell("over", self.answered)

    async def _fill(self) -> None:
        """New runs for those that ended."""
        while self.waiting < self.count:
            await asyncio.gather(*[self._begin() for _ in range(min(AT_ONCE, self.count - self.waiting))])
            await self.engine.settled()
            if self.begun % (AT_ONCE * (1 + self.count // WEIGHED_EVERY)) == 0:
                _weigh("waiting", self.waiting)

    async def _begin(self) -> None:
        self.begun += 1
        request = write.of(f"letter {self.begun}", self.dice.randint(1, HOURS_MAX))
        await self.engine.start(self.account, request, by="agent:test")

    async def _answer_some(self) -> None:
        """Somebody reads a few letters, in no order."""
        gates = self.engine.open_gates(self.account)
        chosen = self.dice.sample(gates, -(-len(gates) // ANSWERED_SHARE))
        await asyncio.gather(*[self._answer(gate, self.dice.choice(VERDICTS)) for gate in chosen])
        await self.engine.settled()

    async def _answer(self, gate: GateId, verdict: Verdict) -> None:
        self.answered += 1
        await self.engine.decide(self.account, await self._said(gate, verdict))

    async def _said(self, gate: GateId, verdict: Verdict) -> Answer:
        seen = (await self.engine.gate(self.account, gate)).gate
        return Answer(
            gate=gate,
            revision=seen.revision,
            draft=seen.draft,
            card=seen.card,
            view=VIEW,
            verdict=verdict,
            person=ANA,
            nonce=f"nonce {self.answered}",
            expires=seen.expires_at,
            disclosures_read=True,
            change="a better letter" if verdict is Verdict.CHANGED else None,
        )

    async def _die(self) -> None:
        """Everybody says yes at once, and the power goes."""
        gates = self.dice.sample(self.engine.open_gates(self.account), min(AT_ONCE, self.waiting))
        answers = [await self._said(gate, Verdict.APPROVED) for gate in gates]
        saying = [asyncio.ensure_future(self.engine.decide(self.account, answer)) for answer in answers]
        await asyncio.wait(saying, return_when=asyncio.FIRST_COMPLETED)
        os.kill(os.getpid(), signal.SIGKILL)

    async def _go_home(self) -> None:
        """Nobody answers any more: the rest expires, an hour at a time."""
        began, left = time.monotonic(), self.waiting
        for hour in range(HOURS_MAX + 1):
            await self._let_pass(timedelta(hours=1))
            self._weigh_now_and_then(hour)
        _tell("expired", left, time.monotonic() - began)

    def _tell_what_is_left(self) -> None:
        for run in self.ledger.open_runs():
            _tell("left", run.chain.run_id, run.kinds[-1])

    async def _let_pass(self, length: timedelta) -> None:
        self.clock.move(length)
        self.engine.look_at_clock()
        await self.engine.settled()

    def _weigh_now_and_then(self, step: int) -> None:
        if step % 8 == 0:
            _weigh("waiting", self.waiting)

    def _hear(self, _account: AccountId, run: RunId, fact: Fact) -> None:
        match fact:
            case GateOpened():
                self.waiting += 1
                _tell("due", run, fact.expires_at)
            case GateApproved() | GateRefused():
                self.waiting -= 1
            case GateExpired():
                self.waiting -= 1
                _tell("fired", run, self.clock.true_time())
            case RunEnded():
                _tell("ended", run)


def _tell(*what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _weigh(when: str, waiting: int) -> None:
    """What the process weighs once it has thrown away what nobody needs."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    _tell("weighs", when, waiting, pages * os.sysconf("SC_PAGESIZE"), apsw.memory_used())


def live_max(count: int) -> int:
    """How many runs stay in memory: as many as shipped, or few enough that it shows."""
    return min(LIVE_MAX, max(1, count // LIVE_SHARE))


ROW = Row(
    number=17,
    name="a day with many runs that wait",
    tool="virtual clock, a process of its own",
    checks="I3 I6 I8, memory",
    control="runs kept resident",
    counts={Scale.TEST: 1_000, Scale.CI: 100_000, Scale.RELEASE: 1_000_000},
    run=run,
)

if __name__ == "__main__":
    main()
