"""Links: where the address in a message leads, for whoever opens it."""

from fastapi import APIRouter

from haloop.api.asking import ByPerson, In
from haloop.api.runs import read_own
from haloop.kernel.errors import ForeignRun, NotFound
from haloop.kernel.fact import GateOpened
from haloop.kernel.link import leads_nowhere, read_link
from haloop.wire.links import Opened

router = APIRouter(tags=["links"])


@router.get("/api/open")
async def open_link(
    house: In, caller: ByPerson, draft_id: str | None = None, execution_id: str | None = None
) -> Opened:
    """Where a link leads. It names a draft or an execution and nothing else; what is not yours is not there."""
    run, gate = read_link(draft_id=draft_id, execution_id=execution_id)
    try:
        history = await read_own(house, caller, run)
    except (ForeignRun, NotFound) as unknown:
        raise leads_nowhere() from unknown
    if gate is not None and not any(isinstance(fact, GateOpened) and fact.gate == gate for _, fact in history):
        raise leads_nowhere()
    return Opened(run=run)
