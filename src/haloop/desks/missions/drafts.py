"""What people are asked in a mission: to let it begin, to approve a file, to allow an act, to try a step again.

None of these holds an effect: a yes opens the way for the next step, which is given exactly the file that was approved.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from haloop.kernel.desk import Draft, ModelText
from haloop.ports.agents import Artifact, Difference


class Edit(BaseModel):
    """Another version of the file that a gate is about; its bytes were given to the run before."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    digest: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(ge=0)

    def of(self, before: Artifact) -> Artifact:
        return before.model_copy(update={"digest": self.digest, "size": self.size})


class BeginDraft(Draft):
    """A mission that somebody wants; nothing has run yet."""

    grants: ClassVar[bool] = False

    mission: str
    workflow: str
    template: str
    """The hash of the file that the workflow was read from."""
    steps: tuple[str, ...]
    """Each step, and by whom; a step of nobody is a person's."""
    artifact: Artifact
    reaches: tuple[str, ...] | None
    """The steps that reach the internet, where any do."""


class ReviewDraft(Draft):
    """A file that a step made, to be read before the next step is given it."""

    grants: ClassVar[bool] = False

    mission: str
    step: str
    artifact: Artifact
    edited: bool | None = None
    """A person changed it since it was made."""
    added: int
    removed: int
    difference: ModelText
    """To the version before; to nothing, where this is the first."""

    @classmethod
    def of(
        cls, *, mission: str, step: str, artifact: Artifact, difference: Difference, by: str, edited: bool = False
    ) -> "ReviewDraft":
        return cls(
            mission=mission,
            step=step,
            artifact=artifact,
            edited=edited or None,
            added=difference.added,
            removed=difference.removed,
            difference=ModelText(text=difference.shown, model=by),
        )


class PermissionDraft(Draft):
    """Something that an agent wants to do and may not do by itself; a yes allows exactly this, in this step."""

    grants: ClassVar[bool] = False

    mission: str
    step: str
    wants: ModelText
    kind: str
    detail: ModelText


class AgainDraft(Draft):
    """A step that went wrong; a yes tries it again from the beginning."""

    grants: ClassVar[bool] = False

    mission: str
    step: str
    went_wrong: str
