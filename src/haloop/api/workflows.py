"""The workflows that a mission may follow, and the templates that cannot be followed."""

import asyncio

from fastapi import APIRouter

from haloop.api.asking import By
from haloop.api.missions import InShop
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
        steps=[
            WorkflowStepOut(step_id=one.step_id, name=one.name, type=one.type.value, agent=one.agent)
            for one in workflow.steps
        ],
    )


def _fault(one: Unreadable) -> WorkflowFault:
    file = f"{FOLDER}/{one.file.name}"
    return WorkflowFault(origin=one.origin.value, file=file, line=one.fault.line, problem=one.fault.problem)
