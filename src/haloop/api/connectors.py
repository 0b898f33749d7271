"""Connectors: what stands behind each port, whether it is the real one, and whether it answers just now."""

import asyncio

from fastapi import APIRouter

from haloop.api.asking import ByPerson, In
from haloop.kernel.connector import Connector
from haloop.kernel.failure import StepFault
from haloop.kernel.operation import EffectOp
from haloop.wire.connectors import ConnectorOut, Health

router = APIRouter(tags=["connectors"])


@router.get("/api/connectors")
async def list_connectors(house: In, _: ByPerson) -> list[ConnectorOut]:
    """What stands behind each port; each outside system is asked whether it answers."""
    beside = [house.letterbox] if house.letterbox else []
    return await asyncio.gather(*map(_out, [*house.engine.world.connectors.all, *beside]))


async def _out(connector: Connector) -> ConnectorOut:
    health, problem = await _health(connector)
    return ConnectorOut(
        name=connector.name,
        version=connector.version,
        port=connector.port.__name__,
        operations=[one.name for one in vars(connector.port).values() if isinstance(one, EffectOp)],
        live=connector.live,
        leaves=connector.leaves,
        account=connector.account,
        health=health,
        problem=problem,
    )


async def _health(connector: Connector) -> tuple[Health, str | None]:
    if connector.check is None:
        return Health.WITHIN, None
    try:
        await connector.check()
    except StepFault as fault:
        return Health.SILENT, str(fault)
    return Health.ANSWERS, None
