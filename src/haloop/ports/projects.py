"""Projects: the git repositories that missions work on.

What an agent may change is a copy of its own; the repository itself is read, and gets one new branch where a person
said yes to exactly that commit. A branch is never moved but forwards, and never under somebody who works on it.
"""

from enum import StrEnum
from typing import Annotated, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from haloop.kernel.desk import FOR_PROGRAMS, Call, NotDone, effect

CommitId: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{40}([0-9a-f]{24})?$")]
Digest: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

CONTEXT = (
    *("AGENTS.md", "CLAUDE.md", "CLAUDE.local.md", ".claude", ".mcp.json"),
    *(".cursor", ".cursorrules", ".github/copilot-instructions.md"),
)
"""What a project tells agents, in whatever folder it lies; no agent changes it, for itself or for others."""
PART_NAME = r"r-[0-9a-f-]{36}\.(bundle|listing|patch)"
"""What a run calls the parts of a change that it keeps; they are no files of a mission."""
BRANCHES = "haloop"
"""All branches that Haloop makes are below this name."""
SHOWN_MAX = 20
"""So many files a card names; how many more there are, it says."""
WHERE_THERE = Field(exclude_if=lambda value: value is None)
"""Marks a field that is written only where it says something: what was recorded before there was one stays the same."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Use(StrEnum):
    """What a step has of the project."""

    NONE = "none"
    READ = "read"
    """A copy to look things up in; what is changed in it goes with it."""
    CHANGE = "change"
    """A copy whose changes become one commit."""


class Project(_Record):
    """A git repository that somebody linked."""

    name: str
    path: str
    """Of its work tree, on the machine that Haloop runs on."""


class Base(_Record):
    """A project as it stood when a step began."""

    project: Project
    commit: CommitId
    branch: str | None
    """What was checked out there; none where that was no branch."""


class Copy(_Record):
    """What one attempt is given of a project."""

    base: Base
    use: Use
    title: str
    """Of the commit that its changes become."""


class Change(_Record):
    """One commit with all that an attempt changed, kept with the run: a copy that is lost loses nothing."""

    base: Base
    branch: str
    commit: CommitId
    files: int
    added: int
    """Lines."""
    removed: int
    left_out: tuple[str, ...]
    """What was changed and is not part of it, each file with the reason."""
    not_shown_whole: Annotated[int | None, WHERE_THERE] = None
    """So many files are different in more than can be shown, where any are."""
    bundle: Digest
    """The commit itself, as git packs it."""
    listing: Digest
    """Each file that is different."""
    patch: Digest
    """The differences, file after file."""


class Caution(StrEnum):
    """What to know of the repository as it stands now, spelled as it is read where there is no catalogue."""

    UNSAVED = "uncommitted_work_is_not_part_of_this"
    """There are changes in its work tree that are committed nowhere; they are not part of this."""
    DETACHED = "no_branch_was_checked_out"
    """No branch was checked out there."""
    MOVED = "its_branch_has_gone_on_since"
    """Its branch has gone on since the step began."""
    BRANCH_TAKEN = "the_name_is_taken_there"
    """The branch stands there already, at something else, or another's name leaves no room for it."""
    GONE = "it_cannot_be_read_now"
    """It cannot be read just now."""


class Standing(_Record):
    """A repository, beside a change that was made for it."""

    cautions: tuple[Caution, ...]
    on_both_sides: tuple[str, ...]
    """Files that were changed there too since."""


class Push(_Record):
    """One commit, to be put into a repository as a branch."""

    repository: str
    branch: str
    base: CommitId
    commit: CommitId
    files: int
    added: int
    removed: int
    run: Annotated[str, FOR_PROGRAMS]
    bundle: Annotated[Digest, FOR_PROGRAMS]


class Pushed(_Record):
    """The branch stands in the repository."""

    repository: str
    branch: str
    commit: CommitId


class Projects(Protocol):
    """The repositories that missions work on."""

    async def pin(self, project: Project) -> Base:
        """What a project's next step is based on; a StepFault says why there is nothing."""
        ...

    async def beside(self, account: str, run: str, change: Change) -> Standing:
        """How a repository stands beside a change; that it cannot be read is an answer too."""
        ...

    @effect(purpose=lambda push: f"push {push.branch} to {push.repository}")
    async def push(self, push: Push, call: Call) -> Pushed | NotDone: ...
