"""The workflows that a mission may follow, and the templates that cannot be followed."""

import asyncio

from fastapi import APIRouter

from haloop.api.asking import By
from haloop.api.missions import InShop
from haloop.desks.missions.workflow import WorkflowStep
from haloop.wire.workflows import WorkflowFault, WorkflowOut, WorkflowsOut, WorkflowStepOut
from haloop.workshop.templates import FOLDER, STANDARD, Template, Unreadable

router = APIRouter(tags=["missions"])


@router.get("/api/workflows")
async def list_workflows(missions: InShop, caller: By) -> WorkflowsOut:
    """Every template of the home, and of the project that its account linked; what is wrong is said with its line."""
    found = await asyncio.to_thread(lambda: missions.templates(caller.account).all())
    return WorkflowsOut(
        workflows=[_told(one) for one in found if isinstance(one, Template)],
        faults=[_fault(one) for one in found if isinstance(one, Unreadable)],
    )


def _told(template: Template) -> WorkflowOut:
    workflow = template.workflow
    return WorkflowOut(
        workflow_id=workflow.workflow_id,
        name=workflow.name,
        origin=template.origin.value,
        file=f"{FOLDER}/{template.file.name}",
        is_standard=workflow.workflow_id == STANDARD,
        steps=[_step(one) for one in workflow.steps],
    )


def _step(step: WorkflowStep) -> WorkflowStepOut:
    return WorkflowStepOut(
        step_id=step.step_id,
        name=step.name,
        type=step.type.value,
        agent=step.agent,
        autonomy=None if step.is_gate else step.autonomy.value,
    )


def _fault(one: Unreadable) -> WorkflowFault:
    file = f"{FOLDER}/{one.file.name}"
    return WorkflowFault(origin=one.origin.value, file=file, line=one.fault.line, problem=one.fault.problem)
