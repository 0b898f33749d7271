"""The linked project over HTTP: what `haloop link` does, for an owner of the home."""

import asyncio
from pathlib import Path
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends

from haloop.api.asking import ByKeeper, In
from haloop.connectors.projects.repositories import Repositories
from haloop.kernel.errors import BadInput
from haloop.kernel.failure import StepFault
from haloop.ports.projects import Project
from haloop.wire.projects import LinkedProjectOut, ProjectWanted
from haloop.workshop.linking import LinkedProject, Linking
from haloop.workshop.missions import Missions

router = APIRouter(tags=["projects"])


async def _missions(house: In) -> Missions:
    assert house.missions is not None  # these routes are there where the desk is
    return house.missions


InShop: TypeAlias = Annotated[Missions, Depends(_missions)]


@router.get("/api/projects/linked")
async def show_linked_project(missions: InShop, _: ByKeeper) -> LinkedProjectOut:
    """The project that is linked, and whether missions can work on it."""
    return await _told(missions, await asyncio.to_thread(LinkedProject(missions.home).now))


@router.put("/api/projects/linked")
async def link_project(missions: InShop, _: ByKeeper, wanted: ProjectWanted) -> LinkedProjectOut:
    """Link another; missions that have begun keep theirs."""
    path = Path(wanted.path)
    if not path.is_absolute():
        raise BadInput(f"{wanted.path} does not begin at the root.", code="link.relative", next_step="Give all of it.")
    return await _told(missions, _done(await asyncio.to_thread(LinkedProject(missions.home).link, path)))


@router.delete("/api/projects/linked")
async def unlink_project(missions: InShop, _: ByKeeper) -> LinkedProjectOut:
    """Link none; nothing of the project is changed."""
    return await _told(missions, _done(await asyncio.to_thread(LinkedProject(missions.home).unlink)))


def _done(linking: Linking) -> Path | None:
    if linking.now != linking.wanted:
        raise BadInput(
            f"It is written down, and the environment says {linking.now}, which wins over the file.",
            code="link.environment",
            next_step="Take HALOOP_PROJECT_LINKED out of the environment and start Haloop anew.",
        )
    return linking.now


async def _told(missions: Missions, path: Path | None) -> LinkedProjectOut:
    if path is None:
        return LinkedProjectOut()
    try:
        base = await Repositories(missions.files).pin(Project(name=path.name, path=str(path)))
    except StepFault as fault:
        return LinkedProjectOut(path=str(path), problem=str(fault))
    return LinkedProjectOut(path=str(path), branch=base.branch, commit=base.commit)
