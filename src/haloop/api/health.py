"""Whether it runs, and what it has to do."""

from fastapi import APIRouter, Response

from haloop.api.asking import ByPerson, In
from haloop.connectors.models.hosted import HostedModel
from haloop.identity import Caller
from haloop.wire.health import Health, ModelOut, Status
from haloop.wire.notices import TellingOut

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Health:
    """Whether the process answers at all."""
    return Health(status="ok")


@router.get("/readyz")
async def readyz(house: In, answer: Response) -> Health:
    """Whether it takes work: not while it is ending."""
    if house.closing.is_set():
        answer.status_code = 503
        return Health(status="ending")
    return Health(status="ready")


@router.get("/api/status")
async def status(house: In, caller: ByPerson) -> Status:
    """What waits, what is stuck, and in which mode it runs."""
    parked = {
        str(run): error.sentence
        for run, error in house.engine.parked.items()
        if house.engine.account_of(run) == caller.account
    }
    told = await house.telling.status(caller.account)
    return Status(
        version=house.version,
        open_gates=len(house.engine.open_gates(caller.account)),
        parked=parked,
        recovery=house.ledger.recovery,
        agents_stopped=(await house.engine.account(caller.account)).is_stopped,
        room=str(house.ledger.room),
        clock_moved_seconds=house.engine.world.time.moved // 1_000_000,
        telling=TellingOut(
            by_mail=told.by_mail,
            late=told.debts.owed,
            given_up=told.debts.given_up,
            problem=told.debts.problem or None,
        ),
        model=None if house.model is None else _model(house.model, caller),
    )


def _model(model: HostedModel, caller: Caller) -> ModelOut:
    used = model.used(caller.account)
    return ModelOut(
        name=model.host.name, problem=model.problem or None, tokens_today=used.tokens, tokens_max=used.tokens_max
    )
