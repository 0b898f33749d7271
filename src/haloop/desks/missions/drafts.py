"""What people are asked in a mission: to let it begin, to approve a file, to allow an act, to try a step again.

A yes opens the way for the next step, which is given exactly the file that was approved. One holds an effect: the last,
where a mission changed a project.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from haloop.kernel.desk import Draft, Effect, ModelText
from haloop.ports.agents import Artifact, Difference
from haloop.ports.projects import WHERE_THERE, Caution, Change, Projects, Push, Pushed, Standing

_HALF_NAME = 120
"""Letters at each end of a long name."""


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
    project: Annotated[str | None, WHERE_THERE] = None
    """The repository that it works on, where it does."""
    reaches: tuple[str, ...] | None
    """The steps that reach the internet, where any do."""
    acts: Annotated[tuple[str, ...] | None, WHERE_THERE] = None
    """The steps whose agents do without asking what their sandbox lets them, where any do."""
    budgets: Annotated[tuple[str, ...] | None, WHERE_THERE] = None
    """What its agents may use of models, where it says so."""


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
    acts: Annotated[tuple[str, ...] | None, WHERE_THERE] = None
    """The steps that a yes lets begin and whose agents act without asking, where any do."""

    @classmethod
    def of(
        cls,
        *,
        mission: str,
        step: str,
        artifact: Artifact,
        difference: Difference,
        by: str,
        edited: bool = False,
        acts: tuple[str, ...] | None = None,
    ) -> "ReviewDraft":
        return cls(
            mission=mission,
            step=step,
            artifact=artifact,
            edited=edited or None,
            added=difference.added,
            removed=difference.removed,
            difference=ModelText(text=difference.shown, model=by),
            acts=acts,
        )


class PushDraft(ReviewDraft):
    """What an agent says of a change that it made in a project, and its commit; a yes pushes that commit."""

    based_on: str | None = None
    """The branch that was checked out."""
    left_out: ModelText | None = None
    """What the agent changed and is not in the commit, a line for each; the names are its own words."""
    cautions: tuple[Caution, ...] | None = None
    """What to know of the repository as it stands now."""
    not_shown_whole: Annotated[int | None, WHERE_THERE] = None
    """Files whose difference nobody is shown to its end; the bundle has it."""
    on_both_sides: ModelText | None = None
    """Files that were changed there since, too: whoever merges the branch may have to choose."""
    not_pushed: str | None = None
    """Why the last yes did not bring it there."""
    push: Effect[Pushed]

    @classmethod
    def to(cls, review: ReviewDraft, *, run: str, change: Change, standing: Standing, not_pushed: str) -> "PushDraft":
        """A review with what a yes to it does."""
        push = Push(
            repository=change.base.project.path,
            branch=change.branch,
            base=change.base.commit,
            commit=change.commit,
            files=change.files,
            added=change.added,
            removed=change.removed,
            run=run,
            bundle=change.bundle,
        )
        by = review.difference.model
        about = {
            "based_on": change.base.branch,
            "left_out": _named(change.left_out, by),
            "not_shown_whole": change.not_shown_whole,
            "cautions": standing.cautions or None,
            "on_both_sides": _named(standing.on_both_sides, by),
            "not_pushed": not_pushed or None,
            "push": Effect.of(Projects.push, push),
        }
        return cls(**(dict(review) | about))

    def with_review(self, review: ReviewDraft) -> "PushDraft":
        """With another version of what the agent said."""
        return self.model_copy(update=dict(review))


def spelled(name: str) -> str:
    """A file's name as an agent chose it, in one line: what nobody sees is spelled, and of much the middle is cut."""
    plain = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in name)
    return plain if len(plain) <= 2 * _HALF_NAME else f"{plain[:_HALF_NAME]}…{plain[-_HALF_NAME:]}"


def _named(names: Sequence[str], by: str) -> ModelText | None:
    return ModelText(text="\n".join(map(spelled, names)), model=by) if names else None


class PermissionDraft(Draft):
    """Something that an agent wants to do and may not do by itself; a yes allows exactly this, in this step."""

    grants: ClassVar[bool] = False

    mission: str
    step: str
    wants: ModelText
    kind: str
    detail: ModelText
    acts: Annotated[tuple[str, ...] | None, WHERE_THERE] = None
    """The steps that begin when this one is done, before people are asked again, and act without asking."""


class AgainDraft(Draft):
    """A step that went wrong; a yes tries it again from the beginning."""

    grants: ClassVar[bool] = False

    mission: str
    step: str
    went_wrong: str
    acts: Annotated[tuple[str, ...] | None, WHERE_THERE] = None
    """The steps that a yes lets begin and whose agents act without asking, where any do; this one is among them."""
