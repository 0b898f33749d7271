"""Workflow templates as they go over the wire."""

from typing import Literal

from pydantic import BaseModel


class WorkflowStepOut(BaseModel, frozen=True):
    """One step, and who does it; a person's has no agent."""

    step_id: str
    name: str
    type: Literal["llm", "agent", "human-gate"]
    agent: str | None = None
    autonomy: Literal["look", "ask", "act"] | None = None
    """How far that goes by itself: what it asks for is refused, asked of a person, or done without asking."""


class WorkflowOut(BaseModel, frozen=True):
    """A workflow that a mission may follow."""

    workflow_id: str
    name: str
    origin: Literal["project", "home"]
    file: str
    """Below the project or the home."""
    is_standard: bool
    """The one that a mission follows where nobody names another."""
    steps: list[WorkflowStepOut]


class WorkflowFault(BaseModel, frozen=True):
    """A template that cannot be followed, and why."""

    origin: Literal["project", "home"]
    file: str
    line: int
    problem: str


class WorkflowsOut(BaseModel, frozen=True):
    """All the templates there are."""

    workflows: list[WorkflowOut]
    faults: list[WorkflowFault]
