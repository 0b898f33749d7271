"""What only an owner of the home says of it: that its clock is right, and that a recovery is over."""

from fastapi import APIRouter

from haloop.api.asking import ByKeeper, In
from haloop.api.once import Keyed

router = APIRouter(tags=["keeping"], route_class=Keyed)


@router.post("/api/clock/trust", status_code=204)
async def trust_clock(house: In, caller: ByKeeper) -> None:
    """Say that the clock is right although it was moved; what waited for that goes on. An owner's word."""
    await house.engine.trust_clock(caller.account, by=caller.require_person())


@router.post("/api/recovery/end", status_code=204)
async def end_recovery(house: In, caller: ByKeeper) -> None:
    """Say that whatever may be forgotten was looked at, once every effect's end is known. An owner's word."""
    await house.engine.end_recovery(caller.account, by=caller.require_person())
