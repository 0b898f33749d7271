"""Erasing what a run said, for good: an owner's word, and where the home has a passkey, one that vouches for it."""

from fastapi import APIRouter

from haloop.api.asking import ByOwner, Here, In, RunName
from haloop.api.once import Keyed
from haloop.api.runs import read_own
from haloop.api.vouching import Out, require_confirmed, who_vouches
from haloop.kernel.passkey import base64url
from haloop.wire.passkeys import ChallengeOut
from haloop.wire.runs import ErasureWanted

router = APIRouter(tags=["runs"], route_class=Keyed)


@router.post("/api/runs/{run}/erasure/challenge")
async def begin_erasing_run(house: In, here: Here, caller: ByOwner, challenges: Out, run: RunName) -> ChallengeOut:
    """What a passkey has to sign before this run is erased; where it names none, there is none to ask."""
    await read_own(house, caller, run)
    challenge = challenges.issue(caller, _purpose(run))
    vouching = await who_vouches(house, await house.engine.account(caller.account), caller)
    return ChallengeOut(challenge=base64url(challenge), rp_id=here.rp_id, credentials=list(vouching))


@router.post("/api/runs/{run}/erasure", status_code=204)
async def erase_run(
    house: In, here: Here, caller: ByOwner, challenges: Out, run: RunName, wanted: ErasureWanted
) -> None:
    """Make what a run that ended said unreadable for good, with its files. That it was, and what it cost, stays."""
    await read_own(house, caller, run)
    confirmed = wanted.confirmed
    challenge = challenges.redeem(confirmed.challenge, caller, _purpose(run)) if confirmed else b""
    vouching = await who_vouches(house, await house.engine.account(caller.account), caller)
    require_confirmed(vouching, challenge, confirmed.assertion if confirmed else None, here)
    await house.engine.erase(caller.account, run, by=caller.require_person(), why=wanted.why)


def _purpose(run: RunName) -> str:
    return f"erasing {run}"  # no passkey can have this for a name
