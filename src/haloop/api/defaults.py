"""An account's defaults: what each desk takes where whoever asks does not say, as an owner has set it."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ValidationError

from haloop.api.asking import ByOwner, ByPerson, In
from haloop.api.house import House
from haloop.kernel.errors import BadInput, NotFound
from haloop.kernel.fact import DefaultsSet
from haloop.wire.defaults import DefaultsOut, DefaultsWanted

router = APIRouter(tags=["defaults"])


@router.get("/api/defaults")
async def list_defaults(house: In, caller: ByPerson) -> list[DefaultsOut]:
    """What each desk that has defaults takes where nothing is said."""
    set_before = (await house.engine.account(caller.account)).defaults
    return [_out(desk, kind, set_before.get(desk, {})) for desk, kind in _kinds(house).items()]


@router.put("/api/defaults")
async def set_defaults(house: In, caller: ByOwner, wanted: DefaultsWanted) -> DefaultsOut:
    """Set all defaults of a desk anew; an owner's word. Nothing that was asked for before is changed."""
    kinds = _kinds(house)
    kind = kinds.get(wanted.desk)
    if kind is None:
        raise NotFound(
            f"{wanted.desk} has no defaults.",
            code="defaults.unknown",
            next_step=f"Desks that have: {', '.join(kinds)}.",
        )
    try:
        values = kind.model_validate(wanted.values).model_dump(mode="json", exclude_none=True)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'together'}: {one['msg']}" for one in error.errors())
        raise BadInput(f"These defaults do not fit. {wrong}", code="defaults.bad") from error
    await house.engine.record(caller.account, DefaultsSet(desk=wanted.desk, values=values), by=caller.actor)
    return _out(wanted.desk, kind, values)


def _kinds(house: House) -> dict[str, type[BaseModel]]:
    return {desk.name: desk.defaults for desk in house.desks if desk.defaults is not None}


def _out(desk: str, kind: type[BaseModel], values: Mapping[str, Any]) -> DefaultsOut:
    return DefaultsOut(desk=desk, values=dict(values), takes=kind.model_json_schema())
