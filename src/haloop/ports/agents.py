"""Agents: programs that do one step of a mission, in a sandbox, and leave what they made as a file.

An agent is given files by their hashes and leaves one under the name it was told. It is done when that file is there,
reads as it should and is kept: what it says of itself, and how its program ended, count for nothing. Where it wants
to do what it may not do by itself, it asks: the answer is kept under the hash of just that act, so it outlives the
agent and is handed to whichever attempt asks for the same again.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from haloop.kernel.desk import step
from haloop.ports.models import Budget, Cost
from haloop.ports.projects import WHERE_THERE, Change, Copy
from haloop.ports.sandboxes import Network

ARTIFACT_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
WORK_DEADLINE = timedelta(days=7)
"""A step's own limit is ten hours at most, from when its turn has come; this is how long it may wait for that."""

MISSION_ID, ATTEMPT_ID = (rf"^{kind}-[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$" for kind in "mr")
STEP_ID = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
"""What every provider of sandboxes takes as a label."""

ArtifactName: TypeAlias = Annotated[str, Field(pattern=ARTIFACT_NAME)]
MissionId: TypeAlias = Annotated[str, Field(pattern=MISSION_ID)]
AttemptId: TypeAlias = Annotated[str, Field(pattern=ATTEMPT_ID)]
StepId: TypeAlias = Annotated[str, Field(pattern=STEP_ID)]
Digest: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Check(StrEnum):
    """What a template may ask of the file that a step leaves, beside being there and not empty."""

    NOT_EMPTY = "not_empty"
    """It says something: more than white space."""
    MARKDOWN_HEADING = "markdown_heading"
    """It is a document with at least one heading."""
    JSON = "json"
    """It is JSON; every file whose name ends in .json must be."""
    IMPLEMENTATION_RESULT = "implementation_result"
    """It says what was implemented, as an ImplementationResult."""


class ImplementationResult(_Record):
    """What an implementation step says it did; the branch and the commit are Haloop's to add."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="allow")

    status: Literal["completed", "partial", "blocked"]
    files_created: tuple[str, ...]
    files_modified: tuple[str, ...]
    tests_added: tuple[str, ...]
    notes: str
    branch: str | None = None
    commit: str | None = None


class Autonomy(StrEnum):
    """How far an agent goes by itself in a step; whatever it may, its sandbox is what holds it."""

    LOOK = "look"
    """What it asks for is refused, and nobody is bothered with it."""
    ASK = "ask"
    """A person answers."""
    ACT = "act"
    """It may do without asking what its sandbox lets it do."""


WHERE_NOT_ASK = Field(exclude_if=lambda value: value is Autonomy.ASK)
"""Marks where it is written only if it says something: what was recorded before there was one stays the same."""


class Artifact(_Record):
    """One version of a file that a run refers to."""

    name: ArtifactName
    digest: Digest
    size: int


class Difference(_Record):
    """How one version of a file differs from another."""

    added: int
    """Lines."""
    removed: int
    shown: str
    """The difference itself, as far as a card has room for it."""


class Permission(_Record):
    """Something an agent wanted to do, and what a person said."""

    act: Digest
    """The hash of exactly what it wanted."""
    allowed: bool


class Task(_Record):
    """What one attempt at a step is told."""

    account: str
    run: str
    mission: MissionId
    attempt: AttemptId
    """Another for each attempt. One that asked goes on when it is told the same again with the answer."""
    step: StepId
    name: str
    """What people call the step."""
    agent: str
    given: Artifact
    """What a person approved, to the byte."""
    beside: tuple[Artifact, ...] = ()
    """What was approved before it, to look things up in."""
    output: ArtifactName
    checks: tuple[Check, ...] = ()
    image: str = ""
    network: Network = Network.NONE
    minutes: int = 30
    autonomy: Annotated[Autonomy, WHERE_NOT_ASK] = Autonomy.ASK
    budget: Annotated[Budget | None, WHERE_THERE] = None
    """What this attempt may use of a model; without one, what is left of the mission's and the day's."""
    mission_budget: Annotated[Budget | None, WHERE_THERE] = None
    """What all attempts of the mission may use of models together."""
    why: str = ""
    """What whoever sent it back gave as the reason."""
    project: Annotated[Copy | None, WHERE_THERE] = None
    """What it has of the project, where its step works on one."""
    permissions: tuple[Permission, ...] = ()
    """All that was answered in this step so far, in that order: a yes for one time, a no for each."""


class Made(_Record):
    """It left what it was asked for."""

    artifact: Artifact
    exit_code: int | None
    sandbox: str
    """The provider's name for where it worked."""
    change: Change | None = None
    """What it changed in the project, where that counts and is anything."""
    use: Cost | None = None
    """What it used of a model, where it was given a way to one."""


class Fell(_Record):
    """It ended without, or with something else."""

    reason: str
    exit_code: int | None
    sandbox: str
    use: Cost | None = None


class Asks(_Record):
    """It wants to do something that only a person can allow."""

    act: Digest
    title: str
    kind: str
    detail: str
    """The difference it would make, or the command it would run."""


Worked: TypeAlias = Made | Fell | Asks


class Agents(Protocol):
    """Whoever does steps."""

    @step(deadline=WORK_DEADLINE)
    async def work(self, task: Task) -> Worked:
        """Do one step anew, in a folder of its own: what an attempt before it left is not used."""
        ...

    async def let_go(self, attempt: AttemptId) -> None:
        """End one that asked, because no answer will come; nothing happens where none waits."""
        ...

    async def names(self) -> Sequence[str]:
        """The agents there are."""
        ...


class RunFiles(Protocol):
    """The files that runs refer to, as whoever works for a run reads and leaves them."""

    async def read(self, account: str, run: str, digest: str) -> bytes:
        """What one says; a StepFault where the run refers to no such file."""
        ...

    async def keep(self, account: str, run: str, name: str, content: bytes) -> Artifact:
        """Have the run refer to this from now on; nothing changes where it does already."""
        ...

    async def compare(self, account: str, run: str, before: Artifact | None, after: Artifact) -> Difference:
        """What is different in one version of a file from another; from nothing, where there was none."""
        ...
