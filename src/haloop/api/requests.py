"""Requests: somebody asks for something, typed or in plain words, and a run begins."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Response
from pydantic import TypeAdapter

from haloop.api.asking import By, ByAsker, In
from haloop.api.house import House
from haloop.api.rates import caller_limited
from haloop.api.words import in_words
from haloop.identity import NotAllowed
from haloop.kernel.desk import Desk, Procedure
from haloop.kernel.errors import BadInput, BadValue, NotFound
from haloop.kernel.procedure import Request
from haloop.wire.requests import Answered, Asked, AskedInWords, AsksBack, Begun, DeskOut, NotSupported, Offered, Wanted

router = APIRouter(tags=["requests"])


@router.get("/api/desks")
async def list_desks(house: In, caller: By) -> list[DeskOut]:
    """What you can ask for here."""
    return [_desk(desk) for desk in house.desks if caller.may_ask(desk.name)]


@router.post(
    "/api/requests",
    status_code=201,
    response_model=Begun,
    responses={200: {"model": AsksBack | NotSupported, "description": "Nothing was begun; this is what is missing."}},
    dependencies=[Depends(caller_limited(lambda rates: rates.proposals))],
)
async def ask(
    house: In,
    caller: ByAsker,
    asked: Wanted,
    answer: Response,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> Any:  # noqa: ANN401  # `Answered`, and each outcome has its own status
    """Ask for something, typed or in plain words; the same key asks once, however often it is sent.

    Words that are no request yet are answered with what is missing, and nothing is begun.
    """
    key = None if idempotency_key is None else f"{caller.actor} {idempotency_key}"
    if isinstance(asked, AskedInWords):
        answered: Answered = await in_words(house, caller, asked, key)
    else:
        if not caller.may_ask(asked.desk):
            raise NotAllowed(f"This token does not reach the desk {asked.desk}.", code="identity.out_of_scope")
        request = _request(_find(house, asked), asked)
        answered = Begun(run=await house.engine.start(caller.account, request, by=caller.actor, key=key))
    if isinstance(answered, Begun):
        answer.headers["Location"] = f"/api/runs/{answered.run}"
        return answered
    return Response(answered.model_dump_json(), media_type="application/json")


def _find(house: House, asked: Asked) -> Procedure[..., Any]:
    offered = [
        one
        for desk in house.desks
        if desk.name == asked.desk
        for one in desk.procedures
        if one.name == asked.procedure and one.offered
    ]
    if not offered:
        known = ", ".join(f"{desk.name}.{one.name}" for desk in house.desks for one in desk.procedures if one.offered)
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


def _desk(desk: Desk) -> DeskOut:
    examples = list(desk.hearing.examples) if desk.hearing else []
    return DeskOut(
        name=desk.name, procedures=[_offered(one) for one in desk.procedures if one.offered], examples=examples
    )


def _offered(procedure: Procedure[..., Any]) -> Offered:
    takes = {name: TypeAdapter(kind).json_schema() for name, kind in procedure.parameters.types.items()}
    return Offered(name=procedure.name, version=procedure.version, does=(procedure.__doc__ or "").strip(), takes=takes)
