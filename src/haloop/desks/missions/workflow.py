"""A workflow template: which steps a mission has, in their order, read from a file that people may edit.

An agent's step makes one file of another; a human gate puts a file before people. A template is read strictly, and what
is wrong is said with the line it stands on. A mission is locked to the template it began with.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from hashlib import sha256
from itertools import takewhile
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from haloop.kernel.errors import BadInput
from haloop.ports.agents import WHERE_NOT_ASK, ArtifactName, Autonomy, Check, StepId
from haloop.ports.models import Budget
from haloop.ports.projects import Use
from haloop.ports.sandboxes import Network

RAW_INPUT = "raw-input.md"
"""What whoever wants the mission wrote."""
BEGIN = "begin"
"""The name of the gate before the first step."""
STEPS_MAX = 100
TEMPLATE_BYTES_MAX = 64_000
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$"


class BadTemplate(BadInput):
    """A template that cannot be followed: what is wrong, and on which line."""

    code = "workflow.malformed"
    next_step = "Correct the template and try again."

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}, line {line}: {problem}.")
        self.line = line
        self.problem = problem


class StepType(StrEnum):
    """Who does a step."""

    LLM = "llm"
    AGENT = "agent"
    HUMAN_GATE = "human-gate"


class WorkflowStep(BaseModel):
    """One step, under the names that a template gives its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    step_id: StepId
    name: Annotated[str, Field(min_length=1, max_length=80)]
    type: StepType
    agent: Annotated[str, Field(pattern=_NAME)] | None = None
    input_artifact: ArtifactName | None = Field(default=None, alias="inputArtifact")
    output_artifact: ArtifactName | None = Field(default=None, alias="outputArtifact")
    review_artifact: ArtifactName | None = Field(default=None, alias="reviewArtifact")
    checks: tuple[Check, ...] = ()
    """What its file must be, beyond being there."""
    image: Annotated[str, Field(max_length=200)] = ""
    network: Network = Network.NONE
    project: Use = Use.NONE
    """What it has of the project that the mission belongs to, if it belongs to one."""
    minutes: Annotated[int, Field(ge=1, le=600)] = 30
    """After so long it is stopped."""
    autonomy: Annotated[Autonomy, WHERE_NOT_ASK] = Autonomy.ASK
    """How far its agent goes by itself."""
    budget: Budget | None = None
    """What each attempt at it may use of a model."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        made = (self.agent, self.input_artifact, self.output_artifact)
        if self.is_gate and (any(made) or self.budget or self.review_artifact is None):
            raise ValueError("a human gate has a reviewArtifact, and no agent, inputArtifact, outputArtifact or budget")
        if self.is_gate and self.project is not Use.NONE:
            raise ValueError("a human gate has no project; the step before it has")
        if self.is_gate and self.autonomy is not Autonomy.ASK:
            raise ValueError("a human gate has no autonomy; the step before it has")
        if not self.is_gate and (None in made or self.review_artifact is not None):
            raise ValueError("this step has an agent, an inputArtifact and an outputArtifact, and no reviewArtifact")
        return self

    @property
    def is_gate(self) -> bool:
        return self.type is StepType.HUMAN_GATE


class Workflow(BaseModel):
    """What a mission goes through."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    workflow_id: Annotated[str, Field(pattern=_NAME)]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    steps: Annotated[tuple[WorkflowStep, ...], Field(min_length=1, max_length=STEPS_MAX)]
    budget: Budget | None = None
    """What all its agents may use of models together."""

    def place_of(self, step: str) -> int | None:
        """Where a step stands; nowhere if there is no such step."""
        return next((place for place, one in enumerate(self.steps) if one.step_id == step), None)

    def maker_of(self, artifact: str, *, before: int) -> int | None:
        """The last step before a place that makes a file."""
        made = (place for place in reversed(range(before)) if self.steps[place].output_artifact == artifact)
        return next(made, None)

    def until_gate(self, place: int) -> tuple[WorkflowStep, ...]:
        """The steps from a place on that are done before people are asked about a file again."""
        return tuple(takewhile(lambda step: not step.is_gate, self.steps[place:]))

    @property
    def works_on_project(self) -> bool:
        """Whether any step has something of the project."""
        return any(step.project is not Use.NONE for step in self.steps)

    @property
    def pushes_at(self) -> int | None:
        """The gate whose yes puts the change into the project: the last on what the step says that made it."""
        changing = next((step for step in self.steps if step.project is Use.CHANGE), None)
        asked = [place for place, step in enumerate(self.steps) if changing and _is_on(step, changing)]
        return asked[-1] if asked else None


def _is_on(gate: WorkflowStep, step: WorkflowStep) -> bool:
    return gate.is_gate and gate.review_artifact == step.output_artifact


def read_workflow(text: bytes, *, file: str) -> Workflow:
    """Read a template; BadTemplate names the file, the line, and what is wrong there."""
    if len(text) > TEMPLATE_BYTES_MAX:
        raise BadTemplate(file, 1, f"it is longer than {TEMPLATE_BYTES_MAX:,} bytes")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        found = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadTemplate(file, line, error.problem or "it is not YAML") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # it may be nested without end
        raise BadTemplate(file, 1, "it is not YAML that can be read") from error
    for line, name in _said_twice(node):
        raise BadTemplate(file, line, f"{name} is said twice")
    try:
        workflow = Workflow.model_validate(found)
    except ValidationError as error:
        # A mistyped name is also a missing one: whoever reads it is helped by the former.
        wrong = error.errors(include_url=False, include_input=False)
        first = min(wrong, key=lambda one: one["type"] != "extra_forbidden")
        where, said = first["loc"], first["msg"].removeprefix("Value error, ")
        raise BadTemplate(file, _line_of(node, where), f"{_path(where)}{said}") from error
    for place, said in _problems(workflow):
        raise BadTemplate(file, _line_of(node, ("steps", place)), f"{workflow.steps[place].step_id}: {said}")
    return workflow


def digest_of(text: bytes) -> str:
    """What a mission is locked to."""
    return sha256(text).hexdigest()


def _problems(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """What fits each step by itself and not the ones before it."""
    known, there = set[str](), {RAW_INPUT}
    changing = [place for place, step in enumerate(workflow.steps) if step.project is Use.CHANGE]
    for place in changing[1:]:
        yield place, "one step of a workflow changes the project, and another does already"
    for place in changing:
        if workflow.steps[place].autonomy is Autonomy.LOOK:
            yield place, "with autonomy: look it changes nothing; let it have project: read, or ask"
    for place, step in enumerate(workflow.steps):
        if step.step_id in known or step.step_id == BEGIN:
            yield place, "this step_id is taken"
        wanted = step.review_artifact if step.is_gate else step.input_artifact
        if wanted not in there:
            yield place, f"no step before it makes {wanted}"
        if step.output_artifact == RAW_INPUT:
            yield place, f"{RAW_INPUT} is what a person wrote; no step makes it anew"
        if step.output_artifact == step.input_artifact and not step.is_gate:
            yield place, "what it makes has the name of what it is given"
        known.add(step.step_id)
        if step.output_artifact is not None:
            there.add(step.output_artifact)


def _said_twice(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Names that a template, a step or a budget gives a second value, which would silently win."""
    steps = _below(node, "steps")
    parts = (node, *(steps.value if isinstance(steps, yaml.SequenceNode) else ()))
    for mapping in (*parts, *(_below(part, "budget") for part in parts)):
        known = set[str]()
        for key, _ in mapping.value if isinstance(mapping, yaml.MappingNode) else ():
            if str(key.value) in known:
                yield key.start_mark.line + 1, str(key.value)
            known.add(str(key.value))


def _line_of(node: yaml.Node | None, where: tuple[int | str, ...]) -> int:
    """The line on which something stands, as near as the file says it."""
    for name in where:
        below = _below(node, name)
        if below is None:
            break
        node = below
    return node.start_mark.line + 1 if node is not None else 1


def _below(node: yaml.Node | None, name: int | str) -> yaml.Node | None:
    match node, name:
        case yaml.SequenceNode(), int() if name < len(node.value):
            return _node(node.value[name])
        case yaml.MappingNode(), str():
            return next((_node(value) for key, value in node.value if key.value == name), None)
    return None


def _node(found: Any) -> yaml.Node:  # noqa: ANN401  # the library leaves it open
    assert isinstance(found, yaml.Node)
    return found


def _path(where: tuple[int | str, ...]) -> str:
    names = [str(one + 1) if isinstance(one, int) else one for one in where]
    return f"{' '.join(names)}: " if names else ""


def as_template(workflow: Workflow) -> Mapping[str, Any]:
    """A template's fields under the names that templates use."""
    return workflow.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
