"""The ledger, event by event, and its signed checkpoints."""

from typing import Annotated

from fastapi import APIRouter, Query

from haloop.api.asking import ByPerson, In
from haloop.api.runs import PLACE_MAX
from haloop.api.told import tell
from haloop.engines.reading import read_known
from haloop.wire.ledger import CheckpointOut, EventOut, EventPage

router = APIRouter(tags=["ledger"])


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
