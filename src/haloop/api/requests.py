"""Requests: somebody asks for something, and a run begins."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Response
from pydantic import TypeAdapter

from haloop.api.asking import By, In
from haloop.api.house import House
from haloop.api.rates import caller_limited
from haloop.kernel.desk import Procedure
from haloop.kernel.errors import BadInput, BadValue, NotFound
from haloop.kernel.procedure import Request
from haloop.wire.requests import Asked, Begun, DeskOut, Offered

router = APIRouter(tags=["requests"])


@router.get("/api/desks")
async def list_desks(house: In, _: By) -> list[DeskOut]:
    """What can be asked for here."""
    return [DeskOut(name=desk.name, procedures=[_offered(one) for one in desk.procedures]) for desk in house.desks]


@router.post("/api/requests", status_code=201, dependencies=[Depends(caller_limited(lambda rates: rates.proposals))])
async def ask(
    house: In,
    caller: By,
    asked: Asked,
    answer: Response,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> Begun:
    """Ask for something; the same key asks once, however often it is sent."""
    procedure = _find(house, asked)
    key = None if idempotency_key is None else f"{caller.actor} {idempotency_key}"
    run = await house.engine.start(caller.account, _request(procedure, asked), by=caller.actor, key=key)
    answer.headers["Location"] = f"/api/runs/{run}"
    return Begun(run=run)


def _find(house: House, asked: Asked) -> Procedure[..., Any]:
    offered = [
        one for desk in house.desks if desk.name == asked.desk for one in desk.procedures if one.name == asked.procedure
    ]
    if not offered:
        known = ", ".join(f"{desk.name}.{one.name}" for desk in house.desks for one in desk.procedures)
        raise NotFound(
            f"Nobody here does {asked.desk}.{asked.procedure}.",
            code="request.unsupported",
            next_step=f"Ask for one of these: {known or 'nothing is installed'}.",
        )
    return max(offered, key=lambda one: one.version)


def _request(procedure: Procedure[..., Any], asked: Asked) -> Request[Any]:
    wanted = procedure.parameters.types.keys()
    if asked.arguments.keys() != wanted:
        raise BadInput(f"{asked.procedure} takes {', '.join(wanted) or 'nothing'}.", code="request.arguments")
    try:
        return procedure.of(**procedure.parameters.typed(asked.arguments))
    except BadValue as error:
        raise BadInput(error.sentence, code="request.arguments", next_step="Correct it and ask again.") from error


def _offered(procedure: Procedure[..., Any]) -> Offered:
    takes = {name: TypeAdapter(kind).json_schema() for name, kind in procedure.parameters.types.items()}
    return Offered(name=procedure.name, version=procedure.version, does=(procedure.__doc__ or "").strip(), takes=takes)
