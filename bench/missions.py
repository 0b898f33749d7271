"""What many missions at once cost: `python -m bench.missions` prints a table and one JSON line.

Eight scripted steps, four at a time, in their sandboxes; beside them the very same eight as plain processes, in turns.
Then many missions from their first yes to their end, all at once, held against each other: no attempt, sandbox, folder
or word is another's. A home with many open missions, half of them cut short, is started anew until its server is ready;
and what each that waits takes of memory, beside a parked run that is no mission.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.resources import files as shipped
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from uuid import uuid4

from bench.gated_run import opened as opened_runs
from bench.ledger import Measure
from bench.start import seconds_to_ready
from haloop.app import open_haloop
from haloop.connectors.agents.acp import AcpAgent
from haloop.connectors.agents.agents import SandboxedAgents
from haloop.connectors.agents.program import Program
from haloop.connectors.agents.prompts import Prompts
from haloop.connectors.agents.scripted import scripted_program
from haloop.connectors.agents.workplace import seen_at
from haloop.connectors.gateway.gateway import Gateway
from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.connectors.sandboxes.room import at_once, memory_bytes
from haloop.desks.missions.desk import MISSIONS
from haloop.desks.missions.mission import MissionType
from haloop.desks.missions.progress import MissionStatus, Progress
from haloop.identity import Caller
from haloop.kernel.passkey import Site
from haloop.kernel.people import Proof, Role
from haloop.ports.agents import Asks, Made, Permission, Task, Worked
from haloop.ports.sandboxes import Left, Sandbox, Sandboxes, Work
from haloop.sandboxing import open_sandboxes
from haloop.settings import Settings
from haloop.workshop.folder import ARTIFACTS, FOLDER
from haloop.workshop.missions import Missions, Wanted
from haloop.workshop.opening import open_workshop
from tests.connectors.agents.conftest import Files
from tests.connectors.agents.plain import PlainSandboxes
from tests.connectors.gateway.conftest import gateway

T = TypeVar("T")

STEPS, STEPS_AT_ONCE, ROUNDS = 8, 4, 5
MISSIONS_AT_ONCE, OPEN, WAITING = 50, 200, 400
READY_SECONDS, WAITING_KILOBYTES = 3.0, 50.0
SECONDS_MAX = 1_800
AGENTS_STEPS = 4
"""So many of the shipped workflow's are agents'."""
_NOWHERE = Site(rp_id="localhost", origins=frozenset())
_LOOK_SECONDS = 0.02
_PACKAGED = shipped("haloop.connectors.agents")


def measure(*, small: bool) -> list[Measure]:
    """All figures; each home in a process of its own, whose memory is nobody else's."""
    with TemporaryDirectory(prefix="haloop-missions-") as name:
        folder = Path(name)
        return [
            asyncio.run(_steps(folder / "steps", 1 if small else ROUNDS)),
            _in_process(_all_at_once, folder / "many", 3 if small else MISSIONS_AT_ONCE),
            _restarted(folder / "open", 4 if small else OPEN),
            _memory(folder, 4 if small else WAITING),
        ]


def _in_process(work: Callable[[Path, int], Coroutine[None, None, T]], folder: Path, count: int) -> T:
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        return processes.submit(_run, work, folder, count).result(SECONDS_MAX)


def _run(work: Callable[[Path, int], Coroutine[None, None, T]], folder: Path, count: int) -> T:
    return asyncio.run(work(folder, count))


# Steps beside plain processes


async def _steps(folder: Path, rounds: int) -> Measure:
    """In turns, so that a busy moment meets both, after one of each that warms the disk's cache."""
    bubblewrap = Bubblewrap(folder / "runtime", "bench")
    ours, plain = list[float](), list[float]()
    for number in range(rounds + 1):
        seconds = [
            await _eight(folder / f"{number}", bubblewrap, scripted_program),
            await _eight(folder / f"{number}-plain", PlainSandboxes(), _plain_program),
        ]
        if number:
            ours.append(seconds[0])
            plain.append(seconds[1])
    took, beside = statistics.median(ours), statistics.median(plain)
    note = f"{took / beside:.2f} times as plain processes ({beside:.2f} s); worst {max(ours):.2f} s of {len(ours)}"
    return Measure(f"{STEPS} steps, {STEPS_AT_ONCE} at a time", took, "s", "≤ 1.50 times", took / beside <= 1.5, note)


async def _eight(folder: Path, sandboxes: Sandboxes, program: Callable[[Task], Program]) -> float:
    folder.mkdir(parents=True)
    with gateway(folder) as no_models:
        return await _timed(folder, sandboxes, program, no_models)


async def _timed(folder: Path, sandboxes: Sandboxes, program: Callable[[Task], Program], no_models: Gateway) -> float:
    kept = Files()
    agents = SandboxedAgents(
        {"cleanup-agent": AcpAgent(program)},
        missions=folder,
        files=kept,
        sandboxes=sandboxes,
        prompts=Prompts(Path(str(shipped("haloop.desks.missions") / "prompts"))),
        at_once_max=STEPS_AT_ONCE,
        gateway=no_models,
    )
    given = await kept.keep("acc_bench", "run_bench", "raw-input.md", b"It must be dark.\n")

    async def step() -> Worked:
        task = Task(
            account="acc_bench",
            run="run_bench",
            mission=f"m-{uuid4()}",
            attempt=f"r-{uuid4()}",
            step="cleanup",
            name="Cleanup",
            agent="cleanup-agent",
            given=given,
            output="structured-text.md",
        )
        while isinstance(worked := await agents.work(task), Asks):  # a plain process writes outside of any sandbox
            task = task.model_copy(update={"permissions": (Permission(act=worked.act, allowed=True),)})
        return worked

    started = time.perf_counter()
    worked = await asyncio.gather(*(step() for _ in range(STEPS)))
    took = time.perf_counter() - started
    assert all(isinstance(one, Made) for one in worked), worked
    return took


def _plain_program(task: Task) -> Program:
    """The scripted agent where it lies, with the Python we run on."""
    agent = str(_PACKAGED / "scripted_agent.py")
    command = (sys.executable, "-I", "-B", agent, task.agent, seen_at(task.given.name), seen_at(task.output))
    return Program(command=command)


# Missions at once


@dataclass
class Counted:
    """A provider of sandboxes that says how many there were at once, and every name it was given."""

    behind: Sandboxes
    there: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    most: int = 0
    name: str = "counted"

    def __post_init__(self) -> None:
        self.networks = self.behind.networks

    async def start(self, work: Work) -> Sandbox:
        self.names.append(work.name)
        self.there.add(work.name)
        self.most = max(self.most, len(self.there))
        return await self.behind.start(work)

    async def left(self) -> Sequence[Left]:
        return await self.behind.left()

    async def remove(self, name: str) -> None:
        await self.behind.remove(name)
        self.there.discard(name)

    async def check(self) -> None:
        await self.behind.check()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A home whose missions desk is open, and its owner."""

    missions: Missions
    caller: Caller
    sandboxes: Counted

    async def begun(self, count: int) -> list[str]:
        """So many missions, each about a word of its own."""
        made = []
        for _ in range(count):
            wanted = Wanted(title="Dark", type=MissionType.FEATURE, raw=f"It must say {uuid4().hex}.\n")
            made.append((await self.missions.begin(self.caller, wanted)).mission)
        return made

    async def walked(self, mission: str, *, past: int) -> Progress:
        """Say yes to whatever it waits for, until it is over or past a step."""
        while True:
            progress = await self.missions.show(self.caller, mission)
            if progress.end is not None or progress.parked is not None:
                return progress
            if progress.gate is not None:
                if progress.place >= past:
                    return progress
                await self.missions.read(self.caller, mission)
                await self.missions.go_on(self.caller, mission, site=_NOWHERE, at_least=Proof.TOKEN)
            await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def _opened(folder: Path) -> AsyncIterator[House]:
    settings = Settings(home=folder / "home", state=folder / "state")
    (settings.home / "workflows").mkdir(parents=True, exist_ok=True)
    for one in shipped("haloop.desks.missions").joinpath("workflows").iterdir():
        (settings.home / "workflows" / one.name).write_bytes(one.read_bytes())
    async with open_sandboxes(settings) as behind:
        sandboxes = Counted(behind)
        async with (
            open_workshop(settings, sandboxes, {}) as workshop,
            open_haloop(settings, desks=[MISSIONS], connectors=workshop.connectors) as haloop,
            workshop.serving(haloop.ledger, haloop.engine, keeper=haloop.account) as missions,
        ):
            caller = Caller(account=haloop.account, person=haloop.owner, roles=frozenset({Role.OWNER}))
            yield House(missions=missions, caller=caller, sandboxes=sandboxes)


async def _all_at_once(folder: Path, count: int) -> Measure:
    async with _opened(folder) as house:
        named = await house.begun(count)
        started = time.perf_counter()
        ended = await asyncio.gather(*(house.walked(mission, past=STEPS) for mission in named))
        took = time.perf_counter() - started
        words = {one.mission: await house.missions.contents(house.caller.account, one) for one in ended}
        left = await house.sandboxes.left()
    problems = [
        *_collisions(ended, words),
        *_on_disk(folder / "home" / FOLDER, words),
        *(f"{one.name} is left" for one in left),
        *(f"{name} was started twice" for name, times in Counter(house.sandboxes.names).items() if times > 1),
    ]
    if house.sandboxes.most > at_once(0, memory_bytes()):
        problems.append(f"{house.sandboxes.most} sandboxes at once")
    note = (
        f"{count * AGENTS_STEPS / took:.1f} steps/s, {house.sandboxes.most} at once at most; {'; '.join(problems[:3])}"
    )
    return Measure(f"{count} missions at once, the last one done", took, "s", "no collision", not problems, note)


def _collisions(ended: Sequence[Progress], words: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Whatever is not as it would be if each were alone."""
    attempts = Counter(one.id for mission in ended for one in mission.attempts)
    sandboxes = Counter(one.sandbox for mission in ended for one in mission.attempts)
    own = {mission: said["raw-input.md"].split()[-1].strip(".") for mission, said in words.items()}
    wrong = [name for counted in (attempts, sandboxes) for name, times in counted.items() if times > 1]
    for one in ended:
        if one.status is not MissionStatus.COMPLETED or len(one.attempts) != AGENTS_STEPS:
            wrong.append(f"{one.mission} is {one.status} after {len(one.attempts)} attempts: {one.last_error}")
        said = "".join(words[one.mission].values())
        if any(word in said for mission, word in own.items() if mission != one.mission):
            wrong.append(f"{one.mission} says another's word")
        if not all(own[one.mission] in said for name, said in words[one.mission].items() if name.endswith(".md")):
            wrong.append(f"{one.mission} lost its word")
    return wrong


def _on_disk(missions: Path, words: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Where a folder is not what the ledger says, or an attempt left its own."""
    wrong = [f"{one} is left" for folder in missions.glob("*/work") for one in folder.iterdir()]
    for mission, said in words.items():
        there = {file.name: _digest(file.read_bytes()) for file in (missions / mission / ARTIFACTS).iterdir()}
        if there != {name: _digest(text.encode()) for name, text in said.items()}:
            wrong.append(f"the folder of {mission} says something else")
    return wrong


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


# A start with many open


def _restarted(folder: Path, count: int) -> Measure:
    """Half of them wait for a person, half were cut short in the queue or at work."""
    folder.mkdir(parents=True)
    child = get_context("spawn").Process(target=_filled, args=(folder, count))
    child.start()
    child.join(SECONDS_MAX)
    assert child.exitcode == -signal.SIGKILL, child.exitcode
    full, empty = seconds_to_ready(folder / "home", folder), seconds_to_ready(folder / "empty", folder)
    note = f"{full / empty:.1f} times a start of an empty home ({empty:.2f} s)"
    return Measure(
        f"a start with {count} missions open", full, "s", f"≤ {READY_SECONDS:g}", full <= READY_SECONDS, note
    )


def _filled(folder: Path, count: int) -> None:
    asyncio.run(_fill_and_die(folder, count))


async def _fill_and_die(folder: Path, count: int) -> None:
    async with _opened(folder) as house:
        named = await house.begun(count)
        await asyncio.gather(*(house.walked(mission, past=1) for mission in named[: count // 2]))
        cut_short = [asyncio.create_task(house.walked(mission, past=1)) for mission in named[count // 2 :]]
        while any(not one.attempts for one in await house.missions.all(house.caller)):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(_LOOK_SECONDS)
        assert not all(one.done() for one in cut_short)
        os.kill(os.getpid(), signal.SIGKILL)


# Memory


def _memory(folder: Path, count: int) -> Measure:
    """Of each that waits, beside a run that waits and is no mission: both taken up by a process that made none."""
    _in_process(_park_missions, folder / "waiting", count)
    _in_process(_park_runs, folder / "runs", count)
    mission = _in_process(_memory_of_missions, folder / "waiting", count)
    run = _in_process(_memory_of_runs, folder / "runs", count)
    more = mission - run
    note = f"{mission:,.1f} KB, a parked run {run:,.1f} KB; {count} of each"
    reached = more <= WAITING_KILOBYTES
    return Measure("memory of a waiting mission beyond a run's", more, "KB", f"≤ {WAITING_KILOBYTES:g}", reached, note)


async def _park_missions(folder: Path, count: int) -> None:
    async with _opened(folder) as house:
        await house.begun(count)


async def _park_runs(folder: Path, count: int) -> None:
    async with opened_runs(folder) as runs:
        for _ in range(count):
            await runs.park()


async def _memory_of_missions(folder: Path, count: int) -> float:
    async with _opened(folder.with_name("nothing")) as house:  # what a first one loads is nobody's
        await house.walked((await house.begun(1))[0], past=1)
        await house.missions.all(house.caller)
    before = _kilobytes()
    async with _opened(folder) as house:
        assert len(await house.missions.all(house.caller)) == count
        return (_kilobytes() - before) / count


async def _memory_of_runs(folder: Path, count: int) -> float:
    async with opened_runs(folder.with_name("no runs")) as runs:
        await runs.park()
        await runs.timers_read()
    before = _kilobytes()
    async with opened_runs(folder) as runs:
        await runs.timers_read()
        assert len(runs.parked()) == count
        return (_kilobytes() - before) / count


def _kilobytes() -> float:
    """The resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(prog="bench.missions", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a smoke test: few, and its figures mean nothing")
    measures = measure(small=parser.parse_args().small)
    print("| measured | figure | target | reached | |\n| --- | --- | --- | --- | --- |")
    for one in measures:
        print(one.line())
    print(json.dumps({"bench": "missions", "figures": [asdict(one) for one in measures]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
