"""A mission: agents work step by step, each in a sandbox, and people read what was made before it goes on.

A step is given the bytes that were approved, and nothing that came later than the place it is at: whoever sends a
mission back to a step makes everything after it stale. A no without a step sends the file back to whoever made it.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from haloop.desks.missions.drafts import AgainDraft, BeginDraft, Edit, PermissionDraft, PushDraft, ReviewDraft
from haloop.desks.missions.workflow import BEGIN, Workflow, WorkflowStep
from haloop.kernel.desk import (
    Approved,
    BadDraft,
    Ended,
    Expired,
    ModelText,
    NotDone,
    Refused,
    Run,
    StepFailed,
    procedure,
)
from haloop.ports.agents import Agents, Artifact, Asks, Autonomy, Difference, Fell, Made, Permission, RunFiles, Task
from haloop.ports.projects import Base, Caution, Change, Copy, Project, Projects, Standing, Use
from haloop.ports.sandboxes import Network

WAITS = timedelta(days=90)
"""A mission waits for people as long as a gate may."""
AGAIN, PERMISSION = "again", "permission"
"""What a gate that is about a step and no file says of its stage, behind the step and a colon."""
_SAID_NO = "gate.refused"
_PERSON = "person"

_No: TypeAlias = Refused | Expired
_Edited: TypeAlias = Callable[[ReviewDraft, Edit], Awaitable[ReviewDraft]]


class MissionType(StrEnum):
    """What kind of work it is."""

    FEATURE = "feature"
    FIX = "fix"
    BUGFIX = "bugfix"
    HOTFIX = "hotfix"
    ENHANCE = "enhance"


class Brief(BaseModel):
    """A mission as somebody asked for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: str = Field(min_length=1, max_length=200)
    type: MissionType
    workflow: Workflow
    template: str = Field(pattern="^[0-9a-f]{64}$")
    """The hash of the file that the workflow was read from."""
    raw: Artifact
    project: Project | None = None
    """What it works on; the one that was linked when it was asked for, where a step has anything of it."""


class AttemptBegun(BaseModel):
    """An attempt at a step."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    step: str
    attempt: str


def mission_of(run: str) -> str:
    """A mission's name, which is its run's in another spelling."""
    return f"m-{UUID(run.removeprefix('run_'))}"


def run_of_mission(mission: str) -> str:
    """The run that a mission is; ValueError where this is no mission's name."""
    return f"run_{UUID(mission.removeprefix('m-')).hex}"


@dataclass(slots=True, kw_only=True)
class _Files:
    """The files of a mission as it stands, and what they were before it went back."""

    raw: Artifact
    made: dict[int, Artifact] = field(default_factory=dict)
    """By the place of the step that made or approved each, in order."""
    earlier: dict[str, Artifact] = field(default_factory=dict)
    changes: dict[int, Change] = field(default_factory=dict)
    """Of the project, by the place of the step that made it."""

    def newest(self, name: str) -> Artifact:
        named = [one for one in self.made.values() if one.name == name]
        return named[-1] if named else self.raw

    @property
    def change(self) -> Change | None:
        """What the project is to become; nothing where nobody changed it."""
        return next(iter(self.changes.values()), None)

    def take(self, place: int, artifact: Artifact, change: Change | None = None) -> None:
        self.made[place] = artifact
        if change is not None:
            self.changes[place] = change

    def go_back(self, place: int) -> None:
        """What was made from this place on is stale: it is compared with, and given to nobody."""
        self.earlier |= {one.name: one for at, one in self.made.items() if at >= place}
        self.made = {at: one for at, one in self.made.items() if at < place}
        self.changes = {at: one for at, one in self.changes.items() if at < place}

    def beside(self, name: str) -> tuple[Artifact, ...]:
        """All that stands, but for the one that a step is given."""
        standing = {one.name: one for one in (self.raw, *self.made.values())}
        return tuple(one for one in standing.values() if one.name != name)


@procedure(version=1, offered=False)
async def mission(run: Run, brief: Brief) -> Ended:
    """Go through a workflow's steps, back and forth as people say."""

    async def rewritten(draft: BeginDraft, change: Edit) -> BeginDraft:
        artifact = change.of(draft.artifact)
        await _difference(run, draft.artifact, artifact)
        return draft.model_copy(update={"artifact": artifact})

    begun = await run.gate(_beginning(brief), revise=rewritten, within=WAITS, stage=BEGIN)
    if not isinstance(begun, Approved):
        return run.end(begun)
    steps, files = brief.workflow.steps, _Files(raw=begun.draft.artifact)
    place, why = 0, ""
    while place < len(steps):
        step = steps[place]
        if not step.is_gate:
            made = await _made(run, brief, place, files, why)
            if not isinstance(made, Made):
                return run.end(made)
            files.take(place, made.artifact, made.change)
            place, why = place + 1, ""
            continue
        decision = await _reviewed(run, brief, place, files)
        match decision:
            case Artifact():
                files.take(place, decision)
                place += 1
            case Refused() if said_no(decision.code):
                place, why = back_to(brief.workflow, decision.back_to, place), decision.reason
                files.go_back(place)
            case _:
                return run.end(decision)
    return run.end("Every step is done, and what it made was approved.")


def _beginning(brief: Brief) -> BeginDraft:
    steps = brief.workflow.steps
    reaching = tuple(step.name for step in steps if step.network is not Network.NONE)
    return BeginDraft(
        mission=brief.title,
        workflow=brief.workflow.name,
        template=brief.template,
        steps=tuple(step.name if step.is_gate else f"{step.name} ({step.agent})" for step in steps),
        artifact=brief.raw,
        project=None if brief.project is None else brief.project.path,
        reaches=reaching or None,
        acts=_acting(steps),
        budgets=tuple(_budgets(brief.workflow)) or None,
    )


def _acting(steps: Iterable[WorkflowStep]) -> tuple[str, ...] | None:
    return tuple(step.name for step in steps if step.autonomy is Autonomy.ACT) or None


def _budgets(workflow: Workflow) -> Iterator[str]:
    if workflow.budget is not None:
        yield f"{workflow.name}: {workflow.budget.words}"
    for step in workflow.steps:
        if step.budget is not None:
            yield f"{step.name}: {step.budget.words}"


def said_no(code: str) -> bool:
    """Whether a person refused, and no rule."""
    return code == _SAID_NO


def back_to(workflow: Workflow, wanted: str | None, place: int) -> int:
    """Where a mission that was sent back goes on: at the step that was named, or at the file's maker."""
    named = workflow.place_of(wanted) if wanted else None
    if named is not None and named <= place:
        return named
    reviewed = workflow.steps[place].review_artifact
    maker = workflow.maker_of(reviewed, before=place) if reviewed else None
    return place if maker is None else maker


# A gate on a file


async def _reviewed(run: Run, brief: Brief, place: int, files: _Files) -> Artifact | _No:
    """The file as it was approved; where a change of the project came with it, once that is where it belongs."""
    step = brief.workflow.steps[place]
    assert step.review_artifact is not None
    made, by = files.newest(step.review_artifact), _maker(brief.workflow, place)
    before = files.earlier.get(step.review_artifact)

    def draft(artifact: Artifact, difference: Difference, *, edited: bool = False) -> ReviewDraft:
        return ReviewDraft.of(
            mission=brief.title,
            step=step.name,
            artifact=artifact,
            difference=difference,
            by=by,
            edited=edited,
            acts=_acting(brief.workflow.until_gate(place + 1)),
        )

    async def edited(draft_before: ReviewDraft, change: Edit) -> ReviewDraft:
        artifact = change.of(draft_before.artifact)
        difference = await _difference(run, made, artifact)
        return draft(artifact, difference, edited=artifact.digest != made.digest)

    try:
        difference = await _difference(run, before, made)
    except BadDraft:  # the file is read where it lies; a card without a difference is better than none
        difference = Difference(added=0, removed=0, shown="")
    first = draft(made, difference)
    if files.change is not None and place == brief.workflow.pushes_at:
        return await _pushed(run, step, files.change, first, edited)
    decision = await run.gate(first, revise=edited, within=WAITS, stage=step.step_id)
    return decision.draft.artifact if isinstance(decision, Approved) else decision


async def _pushed(run: Run, step: WorkflowStep, change: Change, review: ReviewDraft, edited: _Edited) -> Artifact | _No:
    """Ask, and push what was approved; where it could not be pushed, ask again, and say why."""

    async def revised(draft_before: PushDraft, edit: Edit) -> PushDraft:
        return draft_before.with_review(await edited(draft_before, edit))

    not_pushed = ""
    while True:
        standing = await _standing(run, change)
        draft = PushDraft.to(review, run=run.id, change=change, standing=standing, not_pushed=not_pushed)
        decision = await run.gate(draft, revise=revised, within=WAITS, stage=step.step_id)
        if not isinstance(decision, Approved):
            return decision
        outcome = await run.effect(decision, decision.draft.push)
        if not isinstance(outcome, NotDone):
            return decision.draft.artifact
        review, not_pushed = decision.draft, outcome.sentence


async def _standing(run: Run, change: Change) -> Standing:
    try:
        return await run.step(Projects.beside, run.account, run.id, change)
    except StepFailed:
        return Standing(cautions=(Caution.GONE,), on_both_sides=())


async def _difference(run: Run, before: Artifact | None, after: Artifact) -> Difference:
    try:
        return await run.step(RunFiles.compare, run.account, run.id, before, after)
    except StepFailed as failed:
        raise BadDraft(failed.sentence, code="artifact.unknown") from failed


def _maker(workflow: Workflow, place: int) -> str:
    """Whose words a reviewed file holds."""
    reviewed = workflow.steps[place].review_artifact
    maker = workflow.maker_of(reviewed, before=place) if reviewed else None
    agent = None if maker is None else workflow.steps[maker].agent
    return agent or _PERSON


# An agent's step


async def _made(run: Run, brief: Brief, place: int, files: _Files, why: str) -> Made | _No:
    """What an agent makes, once it has: what it may not do by itself, and what goes wrong, people decide."""
    step, acts = brief.workflow.steps[place], _acting(brief.workflow.until_gate(place))
    while True:
        worked = await _attempted(run, brief, place, files, why)
        if not isinstance(worked, Fell):
            return worked
        draft = AgainDraft(mission=brief.title, step=step.name, went_wrong=worked.reason, acts=acts)
        again = await run.gate(draft, within=WAITS, stage=f"{step.step_id}:{AGAIN}")
        if not isinstance(again, Approved):
            return again


async def _attempted(run: Run, brief: Brief, place: int, files: _Files, why: str) -> Made | Fell | Expired:
    """One attempt: it goes on after each permission that was given or not, and is another after it fell."""
    step = brief.workflow.steps[place]
    attempt = f"r-{UUID(run.new_id())}"
    await run.record(AttemptBegun(step=step.step_id, attempt=attempt))
    try:
        copy = await _copy(run, brief, step)
    except StepFailed as failed:
        return Fell(reason=failed.sentence, exit_code=None, sandbox="")
    task = _task(run, brief, step, attempt, files, why).model_copy(update={"project": copy})
    while True:
        try:
            worked = await run.step(Agents.work, task)
        except StepFailed as failed:
            return Fell(reason=failed.sentence, exit_code=None, sandbox="")
        if not isinstance(worked, Asks):
            return worked
        said = await _allowed(run, brief, place, worked)
        if isinstance(said, Expired):
            return said
        task = task.model_copy(update={"permissions": (*task.permissions, said)})


async def _copy(run: Run, brief: Brief, step: WorkflowStep) -> Copy | None:
    """What a step has of the project, as that stands now."""
    if brief.project is None or step.project is Use.NONE:
        return None
    base: Base = await run.step(Projects.pin, brief.project)
    return Copy(base=base, use=step.project, title=brief.title)


async def _allowed(run: Run, brief: Brief, place: int, asks: Asks) -> Permission | Expired:
    step = brief.workflow.steps[place]
    by = step.agent or ""
    draft = PermissionDraft(
        mission=brief.title,
        step=step.name,
        wants=ModelText(text=asks.title, model=by),
        kind=asks.kind,
        detail=ModelText(text=asks.detail, model=by),
        acts=_acting(brief.workflow.until_gate(place + 1)),
    )
    said = await run.gate(draft, within=WAITS, stage=f"{step.step_id}:{PERMISSION}")
    return said if isinstance(said, Expired) else Permission(act=asks.act, allowed=isinstance(said, Approved))


def _task(run: Run, brief: Brief, step: WorkflowStep, attempt: str, files: _Files, why: str) -> Task:
    assert step.agent is not None
    assert step.input_artifact is not None
    assert step.output_artifact is not None
    given = files.newest(step.input_artifact)
    return Task(
        account=run.account,
        run=run.id,
        mission=mission_of(run.id),
        attempt=attempt,
        step=step.step_id,
        name=step.name,
        agent=step.agent,
        given=given,
        beside=files.beside(given.name),
        output=step.output_artifact,
        checks=step.checks,
        image=step.image,
        network=step.network,
        minutes=step.minutes,
        autonomy=step.autonomy,
        budget=step.budget,
        mission_budget=brief.workflow.budget,
        why=why,
    )
