"""The ledger, event by event, its signed checkpoints, the proofs that lead to them, and all of it as one file."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import StreamingResponse

from haloop.api.asking import ByPerson, In
from haloop.api.house import House
from haloop.api.runs import PLACE_MAX
from haloop.api.told import tell
from haloop.engines.reading import read_known
from haloop.kernel.checkpoint import read_unverified
from haloop.kernel.errors import Refused
from haloop.kernel.ids import AccountId
from haloop.wire.ledger import (
    CheckpointOut,
    CheckpointPage,
    EventOut,
    EventPage,
    GrowthOut,
    InclusionOut,
    StoredCheckpoint,
)

router = APIRouter(tags=["ledger"])

EXPORTS_MAX = 2
"""So many files are made at a time; each takes a thread while it lasts."""

Size = Annotated[int | None, Query(ge=1, lt=PLACE_MAX, description="How many events the checkpoint saw.")]


@router.get("/api/ledger/events")
async def list_events(
    house: In,
    caller: ByPerson,
    after: Annotated[int, Query(ge=-1, lt=PLACE_MAX)] = -1,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> EventPage:
    """What the account's ledger says, page by page."""
    events = await house.ledger.events(caller.account, start=after + 1, limit=limit)
    shown = [
        EventOut(
            **tell(event, await read_known(house.ledger, event)).model_dump(),
            run=event.header.run_id,
            run_seq=event.header.run_seq,
            payload=event.header.payload.hex(),
            leaf_hash=event.leaf_hash.hex(),
        )
        for event in events
    ]
    return EventPage(events=shown, after=events[-1].index if len(events) == limit else None)


@router.get("/api/ledger/checkpoint")
async def newest_checkpoint(house: In, caller: ByPerson) -> CheckpointOut:
    """A checkpoint that covers all that is durable now; keep it somewhere else, and going back will be noticed."""
    size = await house.ledger.size(caller.account)
    return CheckpointOut(note=await house.ledger.sealed(caller.account, size - 1))


@router.get("/api/ledger/checkpoints")
async def list_checkpoints(
    house: In,
    caller: ByPerson,
    before: Annotated[int | None, Query(ge=0, lt=PLACE_MAX)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CheckpointPage:
    """Every checkpoint that was signed for the account, the newest first."""
    page = await house.ledger.checkpoints(caller.account, before=before, limit=limit)
    return CheckpointPage(
        checkpoints=[StoredCheckpoint(size=one.size, note=one.note) for one in page],
        before=page[-1].place if len(page) == limit else None,
    )


@router.get("/api/ledger/events/{index}/proof")
async def prove_event(
    house: In, caller: ByPerson, index: Annotated[int, Path(ge=0, lt=PLACE_MAX)], size: Size = None
) -> InclusionOut:
    """That an event is in the ledger: under the newest checkpoint, or under one that was signed before."""
    proven = await house.ledger.prove(caller.account, index, size=size)
    return InclusionOut(header=proven.header.decode(), proof=proven.proof.text())


@router.get("/api/ledger/consistency")
async def prove_consistency(
    house: In, caller: ByPerson, since: Annotated[int, Query(ge=0, lt=PLACE_MAX)], size: Size = None
) -> GrowthOut:
    """That a checkpoint begins with the tree as it was when it had `since` events; hold your own root against it."""
    growth = await house.ledger.prove_growth(caller.account, since, size=size)
    return GrowthOut(
        since=since,
        size=read_unverified(growth.note).size,
        hashes=[b64encode(one).decode() for one in growth.hashes],
        note=growth.note,
    )


@router.get("/api/ledger/export", response_class=StreamingResponse)
async def export_ledger(house: In, caller: ByPerson, request: Request) -> StreamingResponse:
    """Everything the account has recorded, in plain: the file that `haloop export` writes and `haloop verify` reads."""
    turns: asyncio.Semaphore = request.app.state.exports
    if turns.locked():
        raise Refused(
            "So many exports are being made that no more are begun.",
            code="request.too_many",
            next_step="Wait until one of them has ended.",
        )
    named = {"Content-Disposition": f'attachment; filename="ledger-{caller.account}.jsonl"'}
    return StreamingResponse(_pages(house, caller.account, turns), media_type="application/x-ndjson", headers=named)


async def _pages(house: House, account: AccountId, turns: asyncio.Semaphore) -> AsyncGenerator[bytes, None]:
    async with turns, aclosing(house.ledger.export(account)) as pages:
        async for page in pages:
            yield page
