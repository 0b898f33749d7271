"""Artifacts: files that somebody gives a run, an agent to what it asked for itself.

Whoever sends one names its hash, and it counts only if that is the hash of what came. What comes out is a file to
keep, never a page to show: whatever it holds, no browser runs it here.
"""

import asyncio
import re
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from haloop.api.asking import By, In, RunName
from haloop.api.rates import caller_limited
from haloop.api.runs import read_own, require_part_in
from haloop.api.told import History
from haloop.identity import Caller
from haloop.kernel.clock import as_text
from haloop.kernel.errors import BadInput, NotFound, Refused
from haloop.kernel.fact import ArtifactAdded
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import Chain, Event
from haloop.store.artifact_file import Incoming
from haloop.wire.artifacts import ArtifactOut

router = APIRouter(tags=["artifacts"])

OF_A_RUN_MAX = 200

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")
_UNTOLD = "application/octet-stream"
_BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_TAKES = {"requestBody": {"required": True, "content": {_UNTOLD: _BYTES}}}

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="The SHA-256 of the bytes, in hex.")]
Name = Annotated[str, Query(min_length=1, max_length=120, pattern=r"^[^/\\\x00-\x1f\x7f]*$")]


@router.put(
    "/api/runs/{run}/artifacts/{digest}",
    status_code=201,
    openapi_extra=_TAKES,
    responses={200: {"model": ArtifactOut, "description": "The run had it already."}},
    dependencies=[Depends(caller_limited(lambda rates: rates.artifacts))],
)
async def submit_artifact(
    house: In, caller: By, run: RunName, digest: Digest, request: Request, answer: Response, name: Name = "artifact"
) -> ArtifactOut:
    """Give a run that has not ended a file; the hash in the address is held against what came. Once is enough."""
    history = await read_own(house, caller, run)
    await require_part_in(house, caller, history)
    _require_readable(name)
    known = [(event, fact) for event, fact in _artifacts(history) if fact.digest == digest]
    if known:
        answer.status_code = 200
        return _out(run, *known[0])
    _require_room(history)
    incoming = await house.ledger.artifacts.receive(caller.account, int(request.headers.get("content-length", "0")))
    await _take(request, incoming, digest)
    media_type = _media_type(request)

    async def refer(key: bytes) -> None:
        fact = ArtifactAdded(digest=digest, size=incoming.size, name=name, media_type=media_type, key=key)
        await house.engine.add_artifact(caller.account, run, fact, by=caller.actor)

    await house.ledger.artifacts.keep(Chain(account=caller.account, run_id=run), incoming, refer)
    return _out(run, *_find(await read_own(house, caller, run), digest))


def _require_room(history: History) -> None:
    """A run has room for so many events, and files must leave it enough to be decided and to end."""
    if sum(1 for _ in _artifacts(history)) >= OF_A_RUN_MAX:
        raise Refused(
            f"This run has {OF_A_RUN_MAX} files, as many as a run may have.",
            code="artifact.too_many",
            next_step="Put several into one, or ask for a run of its own.",
        )


@router.get("/api/runs/{run}/artifacts")
async def list_artifacts(house: In, caller: By, run: RunName) -> list[ArtifactOut]:
    """The files that a run refers to, in the order in which they came."""
    known = _artifacts(await read_own(house, caller, run))
    return [_out(run, event, fact) for event, fact in known if _may_read(caller, event)]


@router.get("/api/runs/{run}/artifacts/{digest}", response_class=StreamingResponse)
async def artifact_file(house: In, caller: By, run: RunName, digest: Digest) -> StreamingResponse:
    """The bytes, to keep as a file."""
    event, fact = _find(await read_own(house, caller, run), digest)
    if not _may_read(caller, event):
        raise NotFound("This run refers to no such file.", code="artifact.absent")
    pieces = house.ledger.artifacts.read(caller.account, fact.key)
    first = await asyncio.to_thread(next, pieces, b"")  # a file that is not there is said before anything else is
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(fact.name, safe='')}",
        "Content-Length": str(fact.size),
    }
    return StreamingResponse(chain((first,), pieces), media_type=_UNTOLD, headers=headers)


def _may_read(caller: Caller, event: Event) -> bool:
    """What the house itself kept may show what a person sees elsewhere, signed in; no agent reads that."""
    return caller.person is not None or event.header.actor != "kernel"


async def _take(request: Request, incoming: Incoming, digest: str) -> None:
    """Take in all that comes, if it is what its hash says."""
    try:
        async for some in request.stream():
            incoming.add(some)
        _require_same(incoming, digest)
    except ClientDisconnect as gone:
        incoming.discard()
        raise BadInput("It broke off before all had come.", code="artifact.cut_short") from gone
    except BaseException:
        incoming.discard()
        raise


def _require_same(incoming: Incoming, digest: str) -> None:
    if incoming.digest != digest:
        raise BadInput(
            f"What came has the SHA-256 {incoming.digest}, not the one in the address.",
            code="artifact.digest",
            next_step="Send it again as it is, under the hash of exactly these bytes.",
        )


def _require_readable(name: str) -> None:
    """A name is shown to people, so it holds nothing that moves a cursor or turns the order of letters."""
    if not name.isprintable() or name in (".", ".."):
        raise BadInput("A name is plain letters, digits and signs.", code="artifact.name")


def _media_type(request: Request) -> str:
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return said if _MEDIA_TYPE.fullmatch(said) else _UNTOLD


def _artifacts(history: History) -> Iterator[tuple[Event, ArtifactAdded]]:
    return ((event, fact) for event, fact in history if isinstance(fact, ArtifactAdded))


def _find(history: History, digest: str) -> tuple[Event, ArtifactAdded]:
    for event, fact in _artifacts(history):
        if fact.digest == digest:
            return event, fact
    raise NotFound("The run refers to no such file.", code="artifact.unknown")


def _out(run: RunId, event: Event, fact: ArtifactAdded) -> ArtifactOut:
    return ArtifactOut(
        run=run,
        digest=fact.digest,
        size=fact.size,
        name=fact.name,
        media_type=fact.media_type,
        by=event.header.actor,
        at=as_text(event.header.ts),
        file=f"/api/runs/{run}/artifacts/{fact.digest}",
    )
