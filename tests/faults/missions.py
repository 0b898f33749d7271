"""Row 18: the process is killed while agents work on a mission, at each step's boundaries and in its middle.

Each life is a process of its own: a workshop over real sandboxes, whose scripted agents do the shipped workflow, and a
person who says yes to whatever it waits for. It is killed at a named point, and so is the life after it; the last one
walks the mission to its end. Then the ledger, the mission's folder, and this machine are looked at: each step was made
once, each file is whole and just what the ledger says, and nothing of any life runs or lies about any more.
"""

import asyncio
import json
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from haloop.app import Haloop, open_haloop
from haloop.connectors.agents import acp_session
from haloop.connectors.agents.agents import SandboxedAgents
from haloop.connectors.agents.workplace import Workplace
from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.connectors.sandboxes.cgroups import place_of
from haloop.connectors.sandboxes.choosing import instance_of
from haloop.desks.missions.desk import MISSIONS
from haloop.desks.missions.mission import MissionType
from haloop.desks.missions.progress import MissionStatus, Progress
from haloop.engines.live_run import LiveRun
from haloop.engines.local import LocalEngine
from haloop.identity import Caller
from haloop.kernel.fact import StepDone
from haloop.kernel.passkey import Site
from haloop.kernel.people import Proof, Role
from haloop.sandboxing import open_sandboxes
from haloop.settings import Settings
from haloop.store.batch import Batch
from haloop.workshop.files import LedgerFiles
from haloop.workshop.folder import ARTIFACTS, FOLDER, MissionFolder
from haloop.workshop.missions import Missions, Wanted
from haloop.workshop.opening import open_workshop
from tests.faults.controls import planted
from tests.faults.invariants import Broken, Known, check
from tests.faults.matrix import Outcome, Plan, Row, Scale, Violation, spread
from tests.faults.sudden_end import Death, in_process
from tests.workshop.conftest import put_templates

DEATHS = 2
_MEANT_OF_EACH_KILL_MAX = 8
STEPS, _LOOK_SECONDS = 4, 0.02
"""So many of the shipped workflow's are agents'."""
NOWHERE = Site(rp_id="localhost", origins=frozenset())
_VISITS_MAX: Mapping[str, int] = {"noting a fact": 30, "commit": 30, "writing the folder": 8, "saying yes": 5}

POINTS: Mapping[str, tuple[type, str]] = {
    "noting a fact": (LiveRun, "note"),
    "commit": (Batch, "write"),
    "saying yes": (LocalEngine, "decide"),
    "a step's turn": (SandboxedAgents, "_worked"),
    "laying out its files": (Workplace, "lay_out"),
    "starting its sandbox": (Bubblewrap, "start"),
    "an agent at work": (acp_session.AcpSession, "go_on"),
    "looking at what it left": (Workplace, "left"),
    "keeping what it left": (LedgerFiles, "keep"),
    "removing its sandbox": (Bubblewrap, "remove"),
    "clearing its folder": (Workplace, "clear"),
    "writing the folder": (MissionFolder, "write"),
}
"""The product's own functions at which a life may end, by the names that a report uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One life of a workshop, and a person in it."""

    haloop: Haloop
    missions: Missions

    @property
    def ana(self) -> Caller:
        return Caller(account=self.haloop.account, person=self.haloop.owner, roles=frozenset({Role.OWNER}))

    async def begun(self) -> str:
        """A mission that waits to begin."""
        wanted = Wanted(title="Dark", type=MissionType.FEATURE, raw="It must be dark.\n")
        return (await self.missions.begin(self.ana, wanted)).mission

    async def say_yes(self, mission: str) -> None:
        """To what it waits for, after reading it."""
        await self.missions.read(self.ana, mission)
        await self.missions.go_on(self.ana, mission, site=NOWHERE, at_least=Proof.TOKEN)

    async def walked(self) -> Progress:
        """Say yes to whatever it waits for, until it is over; a step that was cut short twice waits for a moment."""
        while True:
            (progress,) = await self.missions.all(self.ana)
            if progress.end is not None or progress.parked is not None:
                return progress
            if progress.gate is not None:
                await self.say_yes(progress.mission)
            await asyncio.sleep(_LOOK_SECONDS)


def run(plan: Plan) -> Outcome:
    """Walk `count` missions, each of them killed twice on its way."""
    outcome = spread(partial(_walk, plan), range(plan.count), until_caught=plan.control is not None)
    tally = plan.folder / "killed"
    killed, meant = tally.stat().st_size if tally.exists() else 0, outcome.done * DEATHS
    remark = f"{killed:,} of {meant:,} processes came by their point so often, and were killed there."
    if plan.control is None and killed * _MEANT_OF_EACH_KILL_MAX < meant:
        few = Violation(
            iteration=outcome.done, invariant="share", what=f"too few were killed to say anything: {remark}"
        )
        outcome = replace(outcome, violations=(*outcome.violations, few))
    return replace(outcome, remark=remark)


def _walk(plan: Plan, iteration: int) -> list[Violation]:
    dice, folder = plan.random(iteration), plan.folder / str(iteration)
    deaths = []
    for point in dice.sample(sorted(POINTS), DEATHS):
        visit = dice.randint(1, _VISITS_MAX.get(point, STEPS))
        deaths.append(Death(point=point, when=dice.choice(("before", "after")), visit=visit))
    in_process(partial(_begin, folder), None)
    for death in deaths:
        if in_process(partial(_live, folder, plan.control), death, POINTS) == signal.SIGKILL:
            with (plan.folder / "killed").open("ab") as killed:
                killed.write(b".")
    found = _judged(folder, plan.control) + check(folder / "home", Known())
    shutil.rmtree(folder)
    told = f"killed {' and '.join(map(str, deaths))}"
    return [Violation(iteration=iteration, invariant=one.invariant, what=f"{told}: {one.what}") for one in found]


async def _begin(folder: Path) -> None:
    put_templates(folder / "home")
    async with opened(folder) as life:
        await life.begun()


async def _live(folder: Path, control: str | None, *, judge: bool = False) -> None:
    with planted(control):
        async with opened(folder) as life:
            progress = await life.walked()
            history = await _agents_results(life, progress)
            contents = await life.missions.bytes_of(life.haloop.account, progress)
    if judge:  # all of it is closed by now
        home = folder / "home"
        found = [*_steps_broken(progress, history), *_files_broken(home, progress, contents), *await _left(home)]
        told = [{"invariant": one.invariant, "what": one.what} for one in found]
        (folder / "broken").write_text(json.dumps(told), encoding="utf-8")


def _judged(folder: Path, control: str | None) -> list[Broken]:
    status = in_process(partial(_live, folder, control, judge=True), None)
    if status != 0:
        return [Broken(invariant="I6", what=f"the last process ended with {status}")]
    return [Broken(**one) for one in json.loads((folder / "broken").read_text(encoding="utf-8"))]


@asynccontextmanager
async def opened(folder: Path, agents: Path | None = None) -> AsyncIterator[Life]:
    """A home whose missions are worked on in bubblewrap, by the agents that ship or those of a file."""
    home, state = folder / "home", folder / "state"
    settings = Settings(home=home, state=state, sandbox_provider="bubblewrap", agents_file=agents)
    async with (
        open_sandboxes(settings) as sandboxes,
        open_workshop(settings, sandboxes, {}) as workshop,
        open_haloop(settings, desks=[MISSIONS], connectors=workshop.connectors) as haloop,
        workshop.serving(haloop.ledger, haloop.engine, keeper=haloop.account) as missions,
    ):
        yield Life(haloop=haloop, missions=missions)


# What must be so in the end


async def _agents_results(life: Life, progress: Progress) -> list[str]:
    """What each finished step of an agent was."""
    facts = await life.haloop.engine.facts(life.haloop.account, progress.run)
    return [fact.at for fact in facts if isinstance(fact, StepDone) and fact.operation == "Agents.work"]


def _steps_broken(progress: Progress, results: list[str]) -> Iterator[Broken]:
    """It is done, each step in one attempt that came to one result."""
    if progress.status is not MissionStatus.COMPLETED:
        yield Broken(invariant="I6", what=f"the mission is {progress.status}: {progress.last_error}")
    attempts = Counter(one.step for one in progress.attempts)
    if sorted(attempts.values()) != [1] * STEPS or len(results) != STEPS:
        yield Broken(invariant="step", what=f"attempts {dict(attempts)}, results {len(results)}")


def _files_broken(home: Path, progress: Progress, contents: Mapping[str, bytes]) -> Iterator[Broken]:
    """Each file is there, whole, and nothing else."""
    for name, content in contents.items():
        if sha256(content).hexdigest() != progress.files[name].digest:
            yield Broken(invariant="file", what=f"the ledger's {name} is not what was approved")
    folder = home / FOLDER / progress.mission
    there = {file.name: file.read_bytes() for file in (folder / ARTIFACTS).iterdir()}
    if there != contents:
        yield Broken(invariant="file", what=f"the folder has {sorted(there)}, or they say something else")
    for below in folder.glob("work/*"):
        yield Broken(invariant="left", what=f"a work folder: {below.name}")


async def _left(home: Path) -> list[Broken]:
    """Nothing runs or is written down that belongs to this home."""
    instance = instance_of(home)
    records = await Bubblewrap(home / "runtime" / "sandboxes", instance).left()
    found = [Broken(invariant="left", what=f"a sandbox: {one.name}") for one in records]
    group = place_of(f"haloop-{instance}-")
    groups = {one for folder in group.folders for one in folder.parent.glob(f"haloop-{instance}-*")} if group else ()
    found += [Broken(invariant="left", what=f"a group: {one.name}") for one in groups]
    for cgroup in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            said = cgroup.read_text(encoding="utf-8")
        except OSError:  # it has ended meanwhile
            continue
        if instance in said:
            found.append(Broken(invariant="left", what=f"a process: {cgroup.parent.name}"))
    return found


ROW = Row(
    number=18,
    name="SIGKILL while agents work on a mission",
    tool="fork, SIGKILL, bubblewrap",
    checks="I2 I6, each step once, whole files, nothing left",
    control="a step that was cut short is given up",
    counts={Scale.TEST: 4, Scale.CI: 150, Scale.RELEASE: 2_000},
    run=run,
    needs=("bwrap",),
)
