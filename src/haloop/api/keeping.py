"""What only an owner says of the home itself: that its clock is right, and that a recovery is over."""

from fastapi import APIRouter

from haloop.api.asking import ByPerson, In

router = APIRouter(tags=["keeping"])


@router.post("/api/clock/trust", status_code=204)
async def trust_clock(house: In, caller: ByPerson) -> None:
    """Say that the clock is right although it was moved; what waited for that goes on. An owner's word."""
    await house.engine.trust_clock(caller.account, by=caller.require_person())


@router.post("/api/recovery/end", status_code=204)
async def end_recovery(house: In, caller: ByPerson) -> None:
    """Say that whatever may be forgotten was looked at, once every effect's end is known. An owner's word."""
    await house.engine.end_recovery(caller.account, by=caller.require_person())
