"""Row 11: somebody turns the clock, ten years ahead or an hour back, to the second or by too little to notice.

Runs sleep and wait at gates while time passes, stands still, and is turned. What is true is boot time: a timer
that fires before its moment in true time, twice, or never once the clock is right again, breaks the promise.
"""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Protocol

from haloop.kernel.desk import Call, Connector, Desk, Draft, Effect, Ended, NotDone, Run, effect, procedure
from haloop.kernel.fact import Fact, GateExpired, GateOpened, SleepBegun, SleepOver
from haloop.kernel.ids import AccountId, RunId
from haloop.testing.practice import Practice
from tests.faults.controls import planted
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, spread

DAY = timedelta(days=1)
TURNS = (timedelta(days=3_650), timedelta(hours=-1), timedelta(hours=1), timedelta(seconds=61), timedelta(seconds=-61))
MOVES = (timedelta(), timedelta(microseconds=1), timedelta(seconds=1), timedelta(minutes=7), timedelta(hours=1), DAY)
EVENTS = 10


class Bell(Protocol):
    """Something that a yes would ring."""

    @effect
    async def ring(self, times: int, call: Call) -> str | NotDone: ...


class SilentBell:
    """Nobody ever says yes here."""

    @effect
    async def ring(self, times: int, call: Call) -> str | NotDone:
        raise AssertionError(f"it rang {times} times without a yes, under {call.key}")


class BellDraft(Draft):
    """A question that nobody answers."""

    ring: Effect[str]


@procedure(version=1)
async def nap(run: Run, seconds: int) -> Ended:
    """Sleep, and sleep again."""
    await run.sleep(timedelta(seconds=seconds))
    await run.sleep(timedelta(microseconds=1))
    return run.end()


@procedure(version=1)
async def ask(run: Run, seconds: int) -> Ended:
    """Ask, and give up."""
    answer = await run.gate(BellDraft(ring=Effect.of(Bell.ring, 1)), within=timedelta(seconds=seconds))
    return run.end(type(answer).__name__)


@dataclass(slots=True)
class Watch:
    """What fired, and when in true time."""

    practice: Practice
    due: dict[tuple[RunId, str], int] = field(default_factory=dict)
    fired: dict[tuple[RunId, str], list[int]] = field(default_factory=dict)

    def hear(self, _account: AccountId, run: RunId, fact: Fact) -> None:
        match fact:
            case SleepBegun():
                self.due[run, fact.at] = fact.until
            case GateOpened():
                self.due[run, fact.at] = fact.expires_at
            case SleepOver() | GateExpired():
                self.fired.setdefault((run, fact.at), []).append(self.practice.clock.true_time())


def run(plan: Plan) -> Outcome:
    """Live through `count` stories of a clock that cannot be trusted."""
    return spread(partial(_story, plan), range(plan.count), until_caught=plan.control is not None)


def _story(plan: Plan, iteration: int) -> list[Violation]:
    folder = plan.folder / str(iteration)
    with planted(plan.control):
        found = asyncio.run(_live(folder, plan.random(iteration)))
    shutil.rmtree(folder)
    return [Violation(iteration=iteration, invariant="I8", what=what) for what in found]


async def _live(folder: Path, random: Random) -> list[str]:
    desks = [Desk("bells", procedures=[nap, ask])]
    bell = Connector(port=Bell, speaks=SilentBell(), name="silent")
    async with Practice.opened(folder, desks=desks, connectors=[bell]) as practice:
        watch = Watch(practice)
        practice.engine.watch(watch.hear)
        await practice.person("Ana")
        told = [await _event(practice, watch, random) for _ in range(EVENTS)]
        practice.clock.set_right()
        for _ in range(3):  # one sleep begins where the one before it ended
            await practice.move(2 * DAY)
        return [f"{what} after {', '.join(told)}" for what in _wrong(watch)]


async def _event(practice: Practice, watch: Watch, random: Random) -> str:
    match random.choice(("start", "start", "move", "move", "turn", "right", "restart")):
        case "start":
            begun: Callable[[int], object] = random.choice((nap.of, ask.of))
            seconds = random.choice((1, 60, 61, 3_600, 86_400))
            await practice.start(begun(seconds))  # type: ignore[arg-type]  # both are requests
            return f"start {seconds}"
        case "move":
            length = random.choice(MOVES)
            await practice.move(length)
            return f"move {length}"
        case "turn":
            turn = random.choice(TURNS)
            practice.clock.turn(turn)
            await practice.move(timedelta())
            return f"turn {turn}"
        case "restart":
            practice.clock.set_right()  # what was turned while nothing ran cannot be noticed
            await practice.restart()
            practice.engine.watch(watch.hear)
            return "restart"
    practice.clock.set_right()
    await practice.move(timedelta())
    return "set right"


def _wrong(watch: Watch) -> list[str]:
    early = [f"{place} fired early" for place, at in watch.fired.items() if min(at) < watch.due[place]]
    twice = [f"{place} fired {len(at)} times" for place, at in watch.fired.items() if len(at) > 1]
    never = [f"{place} never fired" for place in watch.due if place not in watch.fired]
    return early + twice + never


ROW = Row(
    number=11,
    name="a clock that is turned, stands still, or is set right",
    tool="virtual clock",
    checks="I8",
    control="wall-clock timers",
    counts={Scale.TEST: 100, Scale.CI: 5_000, Scale.RELEASE: 100_000},
    run=run,
)
