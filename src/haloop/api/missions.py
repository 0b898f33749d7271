"""Missions over HTTP, in the shape that their plan fixes: whole lists, and one envelope around each answer."""

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from haloop.api.asking import By, ByAsker, Here, house_of
from haloop.api.errors import status_of
from haloop.api.gates import proof_from
from haloop.api.once import Keyed
from haloop.api.rates import caller_limited
from haloop.desks.missions.desk import MISSIONS
from haloop.desks.missions.mission import MissionType
from haloop.identity import NotAllowed
from haloop.kernel.errors import HaloopError
from haloop.wire.missions import (
    CODE_HEADER,
    ArtifactIn,
    Enveloped,
    FileChanges,
    MissionChanges,
    MissionDetail,
    MissionIn,
    MissionListItem,
    MissionLog,
    MissionMeta,
    SeenIn,
)
from haloop.workshop.by_hand import ByHand
from haloop.workshop.folder import MissionFolder
from haloop.workshop.missions import ChangedSince, Missions, Wanted
from haloop.workshop.telling import changes, detail, item, lines, meta
from haloop.workshop.templates import STANDARD


class InEnvelope(Keyed):
    """A route whose refusals come in the envelope too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def enveloped(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                first = error.errors()[0]
                return _refused(
                    request, HTTPStatus.BAD_REQUEST, f"{first['loc'][-1]}: {first['msg']}", "request.malformed"
                )
            except ChangedSince as error:
                return _refused(request, HTTPStatus.CONFLICT, error.sentence, error.code, error.stands)
            except HaloopError as error:
                said = f"{error.sentence} {error.next_step or ''}".strip()
                return _refused(request, status_of(error), said, error.code)

        return enveloped


router = APIRouter(tags=["missions"], route_class=InEnvelope)


async def _missions(request: Request) -> Missions:
    missions = house_of(request).missions
    assert missions is not None  # these routes are there where the desk is
    return missions


InShop: TypeAlias = Annotated[Missions, Depends(_missions)]
Name = Annotated[str, Path(max_length=60)]
Match = Annotated[str | None, Header(alias="If-Match", max_length=200)]


@router.get("/api/missions")
async def list_missions(missions: InShop, caller: By) -> Enveloped[list[MissionListItem]]:
    """Every mission of the account, the one where something happened last first; an agent sees its own."""
    return Enveloped(success=True, data=[item(one) for one in await missions.all(caller)])


@router.get("/api/missions/{mission}")
async def show_mission(missions: InShop, caller: By, mission: Name, answer: Response) -> Enveloped[MissionDetail]:
    """One mission with its files; what it waits for counts as read by whoever asked."""
    progress, seen = await missions.read(caller, mission)
    contents = await missions.contents(caller.account, progress)
    folder = MissionFolder(missions.home, progress.mission)
    costs = missions.costs(progress)
    tail = (await asyncio.to_thread(folder.log, progress, costs)).tail if progress.is_working else None
    by_hand = await asyncio.to_thread(folder.by_hand, progress)
    told = detail(progress, contents, gate=seen, tail=tail, by_hand=by_hand, costs=costs)
    if told.gate is not None:
        answer.headers["ETag"] = f'"{told.gate.tag}"'
    return Enveloped(success=True, data=told)


@router.get("/api/missions/{mission}/log")
async def show_mission_log(missions: InShop, caller: By, mission: Name) -> Enveloped[MissionLog]:
    """The last lines of what the newest attempt writes, and what it used so far, without the mission's files: for
    whoever looks every moment, or why it failed."""
    progress = await missions.show(caller, mission)
    folder = MissionFolder(missions.home, progress.mission)
    return Enveloped(success=True, data=await asyncio.to_thread(folder.log, progress, missions.costs(progress)))


@router.get("/api/missions/{mission}/changes")
async def list_mission_changes(missions: InShop, caller: By, mission: Name) -> Enveloped[MissionChanges]:
    """What the mission changed in the project, file by file, without the lines."""
    progress, change, files = await missions.change(caller, mission)
    return Enveloped(success=True, data=changes(change, files, is_pushed=progress.is_pushed))


@router.get("/api/missions/{mission}/changes/file")
async def show_mission_change(
    missions: InShop, caller: By, mission: Name, path: Annotated[str, Query(max_length=4096)]
) -> Enveloped[FileChanges]:
    """What is different in one file."""
    one, hunks = await missions.lines(caller, mission, path)
    return Enveloped(success=True, data=lines(one, hunks))


@router.post("/api/missions", status_code=201, dependencies=[Depends(caller_limited(lambda rates: rates.proposals))])
async def create_mission(
    missions: InShop,
    caller: ByAsker,
    wanted: MissionIn,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> Enveloped[MissionMeta]:
    """Write a mission down; nothing runs before somebody lets it go on."""
    if not caller.may_ask(MISSIONS.name):
        raise NotAllowed(f"This token does not reach the desk {MISSIONS.name}.", code="identity.out_of_scope")
    key = None if idempotency_key is None else f"{caller.actor} {idempotency_key}"
    asked = Wanted(
        title=wanted.title,
        type=MissionType(wanted.type),
        raw=wanted.rawInput,
        template=wanted.workflow or STANDARD,
    )
    return Enveloped(success=True, data=meta(await missions.begin(caller, asked, key=key)))


@router.put(
    "/api/missions/{mission}/artifacts/{filename}",
    dependencies=[Depends(caller_limited(lambda rates: rates.artifacts))],
)
async def save_artifact(
    missions: InShop, caller: By, mission: Name, filename: str, said: ArtifactIn, if_match: Match = None
) -> Enveloped[None]:
    """Save a file; where it is before people, that is a change of what they are asked."""
    await missions.write(caller, mission, filename, said.content, match=_tag(if_match))
    return Enveloped(success=True)


@router.post(
    "/api/missions/{mission}/artifacts/{filename}/take",
    dependencies=[Depends(caller_limited(lambda rates: rates.artifacts))],
)
async def take_artifact(
    missions: InShop, caller: By, mission: Name, filename: str, seen: SeenIn, if_match: Match = None
) -> Enveloped[None]:
    """Take up what you saw of what was written into the mission's folder by hand, as if it were saved here."""
    await ByHand(missions).take(caller, mission, filename, seen.digest, match=_tag(if_match))
    return Enveloped(success=True)


@router.post(
    "/api/missions/{mission}/artifacts/{filename}/put-back",
    dependencies=[Depends(caller_limited(lambda rates: rates.artifacts))],
)
async def put_back_artifact(
    missions: InShop, caller: By, mission: Name, filename: str, seen: SeenIn
) -> Enveloped[None]:
    """Drop what you saw of what was written into the mission's folder by hand: the file says what stands here."""
    await ByHand(missions).put_back(caller, mission, filename, seen.digest)
    return Enveloped(success=True)


@router.post("/api/missions/{mission}/continue")
async def continue_mission(
    missions: InShop, caller: By, here: Here, mission: Name, if_match: Match = None
) -> Enveloped[None]:
    """Say yes to what the mission waits for, as it was when you read it."""
    await missions.go_on(caller, mission, site=here, at_least=proof_from(caller), match=_tag(if_match))
    return Enveloped(success=True)


@router.post("/api/missions/{mission}/mark-completed")
async def mark_mission_completed(missions: InShop, caller: By, mission: Name) -> Enveloped[None]:
    """End a mission as it stands."""
    await missions.mark_completed(caller, mission)
    return Enveloped(success=True)


def _tag(match: str | None) -> str | None:
    return None if match is None else match.strip('"')


def _refused(request: Request, status: HTTPStatus, said: str, code: str, data: object = None) -> Response:
    request.state.code = code
    headers = {"Cache-Control": "no-store", CODE_HEADER: code}
    return JSONResponse({"success": False, "data": data, "error": said}, status, headers=headers)
