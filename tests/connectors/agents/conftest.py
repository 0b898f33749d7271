"""A place for agents to work in, the files they are given, and what is left when they are done."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from haloop.connectors.agents.agents import SandboxedAgents
from haloop.connectors.agents.command import CommandAgent, mock_program
from haloop.connectors.agents.program import Program
from haloop.connectors.agents.prompts import Prompts
from haloop.connectors.agents.session import Driver
from haloop.connectors.gateway.gateway import Gateway
from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.kernel.failure import Permanent
from haloop.ports.agents import Artifact, Difference, Fell, Made, Task, Worked
from haloop.ports.sandboxes import Sandboxes
from tests.connectors.agents.plain import PlainSandboxes
from tests.connectors.gateway.conftest import gateway
from tests.connectors.sandboxes.conftest import require

PROMPTS = Path(__file__).parents[3] / "src" / "haloop" / "desks" / "missions" / "prompts"
GIVEN = "# Make the door blue\n\nIt is red today.\n"


@dataclass
class Files:
    """The files that one run refers to."""

    by_digest: dict[str, bytes] = field(default_factory=dict)

    async def read(self, account: str, run: str, digest: str) -> bytes:
        if digest not in self.by_digest:
            raise Permanent("The run refers to no such file.")
        return self.by_digest[digest]

    async def keep(self, account: str, run: str, name: str, content: bytes) -> Artifact:
        digest = sha256(content).hexdigest()
        self.by_digest[digest] = content
        return Artifact(name=name, digest=digest, size=len(content))

    async def compare(self, account: str, run: str, before: Artifact | None, after: Artifact) -> Difference:
        raise Permanent("No agent compares files.")


@dataclass(kw_only=True)
class Works:
    """A house where agents work."""

    missions: Path
    files: Files = field(default_factory=Files)
    sandboxes: PlainSandboxes = field(default_factory=PlainSandboxes)
    real: Sandboxes | None = None
    """Where they work instead of in plain processes."""
    mission: str = field(default_factory=lambda: f"m-{uuid4()}")
    gateway: Gateway
    """The way to models; there are none where nobody says."""
    at_once_max: int = 8
    opened: list[SandboxedAgents] = field(default_factory=list)

    def agents(self, driver: Driver | None = None, name: str = "cleanup-agent") -> SandboxedAgents:
        """The mock, or one that is tried."""
        drivers: dict[str, Driver] = {name: driver or CommandAgent(mock_program)}
        made = SandboxedAgents(
            drivers,
            missions=self.missions,
            files=self.files,
            sandboxes=self.real or self.sandboxes,
            prompts=Prompts(PROMPTS),
            gateway=self.gateway,
            at_once_max=self.at_once_max,
        )
        self.opened.append(made)
        return made

    async def task(self, **other: Any) -> Task:
        """The standard workflow's first step."""
        given = await self.files.keep("acc_ana", "run_1", "raw-input.md", GIVEN.encode())
        return Task(
            **{
                "account": "acc_ana",
                "run": "run_1",
                "mission": self.mission,
                "attempt": f"r-{uuid4()}",
                "step": "cleanup",
                "name": "Cleanup",
                "agent": "cleanup-agent",
                "given": given,
                "output": "structured-text.md",
                **other,
            }
        )

    async def done(self, command: str, **other: Any) -> Worked:
        """What comes of a shell command as an agent."""
        return await self.agents(shell(command)).work(await self.task(**other))

    def said(self, worked: Made | Fell) -> str:
        """The log of an attempt that is over."""
        return self.log(worked.sandbox.removeprefix("haloop-"))

    def log(self, attempt: str) -> str:
        """What is in an attempt's log so far."""
        file = self.missions / self.mission / "logs" / f"{attempt}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def made(self, worked: Worked) -> str:
        """What an agent left."""
        assert isinstance(worked, Made)
        return self.files.by_digest[worked.artifact.digest].decode()

    def work_folders(self) -> list[Path]:
        """What attempts left on disk beside their logs."""
        return [one for folder in self.missions.glob("*/work") for one in folder.iterdir()]


def shell(command: str) -> CommandAgent:
    """A shell command as an agent, with its placeholders."""
    return CommandAgent(Program(command=("sh", "-c", command)).told)


@pytest.fixture
async def works(tmp_path: Path) -> AsyncIterator[Works]:
    """One that is left in order: nobody waits there any more."""
    with gateway(tmp_path) as no_models:
        works = Works(missions=tmp_path / "missions", gateway=no_models)
        yield works
        for agents in works.opened:
            await agents.close()


@pytest.fixture
async def house(works: Works, tmp_path: Path) -> AsyncIterator[Works]:
    """One whose agents work in bubblewrap."""
    if shutil.which("bwrap") is None:
        require("bubblewrap")
    sandboxes = Bubblewrap(tmp_path / "runtime", "a")
    works.real = sandboxes
    yield works
    assert await sandboxes.left() == []
