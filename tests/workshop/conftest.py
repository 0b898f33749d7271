"""A house with the missions desk: an agent that copies, as the plan's does, and whatever else it is told to do."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files as shipped
from pathlib import Path
from typing import Any

import httpx2
import pytest

from haloop.desks.missions.desk import MISSIONS
from haloop.kernel.connector import Connector
from haloop.kernel.failure import Permanent
from haloop.kernel.queueing import HAS_COME, say_place
from haloop.ports.agents import Agents, Asks, Fell, Made, RunFiles, Task, Worked
from haloop.ports.models import Cost, Expense, Spender
from haloop.store.model_use import AgentUse
from haloop.testing.clock import START
from haloop.testing.practice import Practice
from haloop.workshop.files import LedgerFiles
from haloop.workshop.folder import MissionFolders
from haloop.workshop.missions import Missions
from tests.api.conftest import Door, opened_to
from tests.connectors.gateway.conftest import DAY
from tests.engines.buying import Counter

ACT = sha256(b"rm -r build").hexdigest()
RESERVED = Cost(tokens_in=3_000, tokens_out=8_192, micros=131_890)
USE = Cost(tokens_in=12_300, tokens_out=450, cached=9_000, micros=51_234)


@dataclass
class Copier:
    """Copies what it is given below a heading; or falls, asks, waits or stands in a queue first, as it was told."""

    files: LedgerFiles
    spending: AgentUse = field(init=False)
    told: list[Task] = field(default_factory=list)
    instead: "deque[str]" = field(default_factory=deque)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self, task: Task) -> Worked:
        self.told.append(task)
        match self.instead.popleft() if self.instead else "":
            case "fall":
                return Fell(reason=f"It left no {task.output}.", exit_code=0, sandbox=f"haloop-{task.attempt}")
            case "ask":
                return Asks(act=ACT, title="Remove the old build", kind="execute", detail="rm -r build")
            case "wait":
                await self.goes_on.wait()
            case "call":
                self._call(task)
                await self.goes_on.wait()
            case "vanish":
                self._call(task)
                raise Permanent("Its sandbox is gone.")
            case "queue":
                say_place("sandbox", 3)
                await self.goes_on.wait()
                say_place("sandbox", HAS_COME)
            case "copy":
                return await self._left(task, "")
        return await self._left(task, f"# Output from {task.step}\n")

    def _call(self, task: Task) -> None:
        """Ask a model, and hear no answer: what was reserved for it stands."""
        spender = Spender(household=task.account, mission=task.mission, attempt=task.attempt)
        assert self.spending.reserve(Expense(spender=spender, at_most=RESERVED), now=START) is not None

    async def _left(self, task: Task, heading: str) -> Made:
        given = await self.files.read(task.account, task.run, task.given.digest)
        content = heading.encode() + given
        artifact = await self.files.keep(task.account, task.run, task.output, content)
        return Made(artifact=artifact, exit_code=0, sandbox=f"haloop-{task.attempt}", use=USE)

    async def names(self) -> Sequence[str]:
        return ["cleanup-agent"]


@dataclass(kw_only=True)
class Shop:
    """The workshop's door, as somebody outside sees it."""

    practice: Practice
    door: Door
    agent: Copier
    missions: Missions

    async def asked(self, **wanted: Any) -> httpx2.Response:
        said = {"title": "Dark mode", "type": "feature", "rawInput": "make it dark\n", **wanted}
        return await self.door.client.post("/api/missions", json=said)

    async def begun(self, **wanted: Any) -> str:
        """A mission that waits to begin."""
        answer = await self.asked(**wanted)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["mission_id"])

    async def detail(self, mission: str) -> dict[str, Any]:
        answer = await self.door.client.get(f"/api/missions/{mission}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    async def go_on(self, mission: str, **how: Any) -> httpx2.Response:
        """Read it, say yes, and let it come to where it waits."""
        gate = (await self.detail(mission))["gate"]
        named = {"headers": {"If-Match": gate["tag"]}} if gate and gate["pushes"] else {}
        return await self.say_yes(mission, **named, **how)

    async def say_yes(self, mission: str, **how: Any) -> httpx2.Response:
        answer = await self.door.client.post(f"/api/missions/{mission}/continue", **how)
        await self.practice.engine.settled()
        return answer

    async def save(self, mission: str, name: str, content: str, **how: Any) -> httpx2.Response:
        path = f"/api/missions/{mission}/artifacts/{name}"
        return await self.door.client.put(path, json={"content": content}, **how)


@asynccontextmanager
async def opened_shop(
    folder: Path, *, agents: Callable[[LedgerFiles], Sequence[Connector]] = lambda _: (), project: Path | None = None
) -> AsyncIterator[Shop]:
    """A house whose missions desk is open; its shipped template lies in the home. Agents may be others than the copier,
    and bring what they work on."""
    files = LedgerFiles()
    agent = Copier(files)
    connectors = [
        *(agents(files) or [Connector(port=Agents, speaks=agent, name="copier")]),
        Connector(port=RunFiles, speaks=files, name="run files"),
    ]
    async with Practice.opened(folder, desks=[MISSIONS], connectors=connectors) as practice:
        put_templates(practice.home)
        files.begin(practice.ledger, practice.engine)
        with AgentUse.opened(practice.home, for_day=DAY) as agent.spending:
            missions = Missions(
                ledger=practice.ledger,
                engine=practice.engine,
                files=files,
                home=practice.home,
                project=lambda: project,
                spending=agent.spending,
                keeper=practice.account,
            )
            async with opened_to(practice, [MISSIONS], Counter(), missions=missions) as door:
                yield Shop(practice=practice, door=door, agent=agent, missions=missions)


def put_templates(home: Path) -> None:
    """As `haloop init` does."""
    (home / "workflows").mkdir(parents=True, exist_ok=True)
    for one in shipped("haloop.desks.missions").joinpath("workflows").iterdir():
        (home / "workflows" / one.name).write_bytes(one.read_bytes())


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with opened_shop(tmp_path) as shop:
        yield shop


@pytest.fixture
async def folders(shop: Shop) -> AsyncIterator[MissionFolders]:
    """The folders of its missions, kept up to date."""
    kept = MissionFolders(shop.missions)
    async with kept.kept():
        yield kept
