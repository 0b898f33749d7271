"""The switch that stops every agent at once, for an owner who has seen enough."""

from fastapi import APIRouter

from haloop.api.asking import ByOwner, In
from haloop.api.once import Keyed
from haloop.wire.agents import Stop

router = APIRouter(tags=["agents"], route_class=Keyed)

_NOW = Stop()
"""Whoever is in a hurry sends nothing."""


@router.post("/api/agents/stop", status_code=204)
async def stop_agents(house: In, caller: ByOwner, stop: Stop = _NOW) -> None:
    """Stop every agent at once; an owner's word.

    Tokens, approvals and grants count no more, nothing begins, and nothing but a no is taken. What has left the
    house already is seen to its end. Saying it again changes nothing.
    """
    await house.engine.stop_agents(caller.account, by=caller.require_person(), reason=stop.reason)


@router.post("/api/agents/resumption", status_code=204)
async def resume_agents(house: In, caller: ByOwner) -> None:
    """Let work begin again; an owner's word. Tokens, approvals and grants from before stay gone."""
    await house.engine.resume_agents(caller.account, by=caller.require_person())
