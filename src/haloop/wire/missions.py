"""Missions as they go over the wire, under the names and in the envelope that their plan fixes.

Names are mixed on purpose: what a mission is called is written with underscores, and which file a step takes is not.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

T = TypeVar("T")

CODE_HEADER = "X-Haloop-Code"
"""A refusal's code; the envelope has no place for it."""


class Enveloped(BaseModel, Generic[T], frozen=True):
    """What every answer about missions is wrapped in."""

    success: bool
    data: T | None = None
    error: str | None = None


class MissionIn(BaseModel, extra="forbid", strict=True):
    """A mission that somebody wants."""

    title: str = Field(min_length=1, max_length=200)
    type: Literal["feature", "fix", "bugfix", "hotfix", "enhance"]
    rawInput: str = Field(min_length=1)  # noqa: N815  # the plan's name
    workflow: str | None = Field(default=None, min_length=1, max_length=200)
    """A template by its id, name or path; the standard one where nobody says."""


class ArtifactIn(BaseModel, extra="forbid", strict=True):
    """What a file is to say."""

    content: str


class SeenIn(BaseModel, extra="forbid", strict=True):
    """What somebody saw of a file that was written by hand: it alone is taken up, or put back."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """As `by_hand_digests` told it."""


class MissionListItem(BaseModel, frozen=True):
    """A mission in the list."""

    mission_id: str
    title: str
    type: str
    status: str
    current_step_name: str
    """`Complete` past the last."""
    updated_at: str
    place: int | None = None
    """Where in the queue it stands while a step of it waits for its turn; 1 is next."""


class MissionMeta(BaseModel, frozen=True):
    """A mission, as its `mission.json` has it."""

    mission_id: str
    title: str
    type: str
    workflow_id: str
    current_step: int
    """From 0; as many as there are steps at the end."""
    status: str
    created_at: str
    updated_at: str
    errors: list[str]
    last_error: str | None = None


class StepRun(BaseModel, frozen=True):
    """One attempt at a step, as `runs/r-….json` has it."""

    step_id: str
    run_id: str
    started_at: str
    finished_at: str | None = None
    exit_code: int | None = None
    container_id: str | None = None
    place: int | None = None
    """Where in the queue it stands while it waits for its turn; 1 is next."""
    tokens_in: int | None = None
    """What it used of a model, so far where it is at work; nothing where it asked none."""
    tokens_out: int | None = None
    cost_usd: str | None = None


class MissionGate(BaseModel, frozen=True):
    """What a mission waits at."""

    id: str
    revision: int
    draft_hash: str
    asks: str
    """`begin`, `review`, `again` or `permission`."""
    artifact: str | None = None
    """The file that it is about."""
    tag: str
    """For If-Match."""
    pushes: bool = False
    """A yes puts the mission's change into the project; it takes an If-Match."""
    acts: list[str] = []
    """The steps that its card says act without asking once somebody said yes."""
    card: dict[str, Any]
    """What people are asked, as every surface shows it."""


class ChangedFile(BaseModel, frozen=True):
    """A file of the project that a mission changed."""

    path: str
    before: str | None = None
    """What it was called, where it has another name now."""
    kind: str
    """`added`, `changed`, `deleted` or `renamed`."""
    added: int
    removed: int
    binary: bool
    link: bool
    """It is, or was, a link; its line is where it leads."""
    runs: bool | None = None
    """Whether it may be run as a program now, where that is new."""
    collapsed: bool
    """Long, or a lock file: whoever shows it waits until somebody opens it."""


class MissionChanges(BaseModel, frozen=True):
    """What a mission changed in the project, as one commit."""

    repository: str
    base: str
    """The commit that it began with."""
    base_branch: str | None = None
    branch: str
    commit: str
    added: int
    removed: int
    files: list[ChangedFile]
    left_out: list[str] = []
    """What was changed and is not part of the commit, with the reason."""
    pushed: bool = False
    """The branch was put into the repository."""


class ChangedLines(BaseModel, frozen=True):
    """Lines of a file that stand together."""

    begins: str
    lines: list[str]
    """Each begins with `+`, `-`, a space, or a backslash where git says something of the line before."""


class FileChanges(BaseModel, frozen=True):
    """What is different in one file."""

    file: ChangedFile
    hunks: list[ChangedLines]
    whole: bool
    """Whether these are all; of a very long difference there is only the beginning, or none."""


class MissionLog(BaseModel, frozen=True):
    """What the agent of the newest attempt writes, or wrote."""

    tail: str | None = None
    """The last lines, and only their words; none where there is no log."""
    bytes_before: int = 0
    """So much stands before them in the log, which keeps of what is very long the beginning and the end."""
    run_id: str | None = None
    """The newest attempt; none where there was none yet."""
    tokens_in: int | None = None
    """What it used of a model so far; nothing where it asked none."""
    tokens_out: int | None = None
    cost_usd: str | None = None


class MissionDetail(MissionMeta, frozen=True):
    """A mission with its files."""

    workflow: dict[str, Any]
    artifacts: dict[str, str]
    runs: list[StepRun]
    current_log_tail: str | None = None
    gate: MissionGate | None = None
    stale: list[str] = []
    """Files that were made after a step to which the mission went back since."""
    by_hand: dict[str, str] = {}
    """What somebody wrote into the mission's folder; nothing uses it before a person saves it here."""
    by_hand_digests: dict[str, str] = {}
    """The hash of all that each of them holds, by which it is taken up or put back."""
    by_hand_in_part: list[str] = []
    """Those of which `by_hand` does not say all: it ends after 1 MiB, and has a sign in place of what is no text."""
    project: str | None = None
    """The repository that it works on, where it does."""
    changed: bool = False
    """Something was changed there: `changes` tells what."""
    parked: bool = False
    """It stands still for the reason in `last_error`, and asks nobody: `continue` has it try again."""
    run: str
    """The run that it is."""
    tokens_in: int | None = None
    """What all its attempts used of models so far; nothing where none asked one."""
    tokens_out: int | None = None
    cost_usd: str | None = None
