"""Runs: the list, one with its trail, and the end of one."""

from typing import Annotated

from fastapi import APIRouter, Query

from haloop.api.asking import By, In, RunName
from haloop.api.house import House
from haloop.api.told import History, taken_of, words_of
from haloop.engines.reading import read_known
from haloop.identity import Caller, NotAllowed
from haloop.kernel.clock import as_text
from haloop.kernel.errors import NotFound
from haloop.kernel.fact import RunEnded, RunParked, RunStarted
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import Event
from haloop.kernel.people import Role
from haloop.wire.runs import Cancellation, RunDetail, RunPage, RunState, RunSummary

router = APIRouter(tags=["runs"])

_PAGES_MAX = 4
"""So many pages are looked through at once for what a caller may see; then the rest is asked for again."""
PLACE_MAX = 1 << 40
"""No tree has as many events."""


@router.get("/api/runs")
async def list_runs(
    house: In,
    caller: By,
    before: Annotated[int | None, Query(ge=0, lt=PLACE_MAX)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    waiting: bool = False,  # noqa: FBT001, FBT002  # a query's flag
) -> RunPage:
    """The account's runs, the newest first; an agent sees its own."""
    found: list[RunSummary] = []
    for _ in range(_PAGES_MAX):
        page = await house.ledger.runs(caller.account, before=before, limit=limit, waiting=waiting)
        for first, newest in page:
            before = first.index
            summary = await _summary(house, first, newest)
            if may_see(caller, summary.asked_by):
                found.append(summary)
            if len(found) == limit:
                return RunPage(runs=found, before=before)
        if len(page) < limit:
            return RunPage(runs=found, before=None)
    return RunPage(runs=found, before=before)


@router.get("/api/runs/{run}")
async def show_run(house: In, caller: By, run: RunName) -> RunDetail:
    """One run with its trail."""
    history = await read_own(house, caller, run)
    (first, _), (newest, last) = history[0], history[-1]
    summary = await _summary(house, first, newest)
    stopped = last if isinstance(last, RunEnded | RunParked) else None
    return RunDetail(
        **summary.model_dump(),
        trail=list(history.told()),
        code=stopped.code if stopped else None,
        reason=None if stopped is None else stopped.reason if isinstance(stopped, RunEnded) else stopped.sentence,
        result=last.result if isinstance(last, RunEnded) else None,
        gates=[fact.gate for _, fact in history if fact is not None and fact.kind == "gate.opened"],  # type: ignore[attr-defined]
    )


@router.post("/api/runs/{run}/cancellation", status_code=202)
async def cancel_run(house: In, caller: By, run: RunName, how: Cancellation) -> RunDetail:
    """End a run as soon as nothing is under way that cannot be taken back."""
    await require_part_in(house, caller, await read_own(house, caller, run))
    await house.engine.cancel(caller.account, run, by=caller.actor, reason=how.reason)
    return await show_run(house, caller, run)


async def read_own(house: House, caller: Caller, run: RunId) -> History:
    """A run's history, for whoever may see it; for everybody else there is no such run."""
    history = await History.read(house.ledger, caller.account, run)
    started = history[0][1]
    asked_by = started.asked_by if isinstance(started, RunStarted) else ""
    if not may_see(caller, asked_by):
        raise NotFound(f"There is no run {run}.")
    return history


async def require_part_in(house: House, caller: Caller, history: History) -> None:
    """Looking is not enough for this: whoever asked for the run may, and whoever decides in the account."""
    started = history[0][1]
    asked = isinstance(started, RunStarted) and started.asked_by == caller.actor
    if not asked and not await _may_decide(house, caller):
        raise NotAllowed("That is for whoever asked for the run, an owner or an approver.")


def may_see(caller: Caller, asked_by: str) -> bool:
    """People see what is their account's, an agent what it asked for itself."""
    return caller.person is not None or asked_by == caller.actor


async def _may_decide(house: House, caller: Caller) -> bool:
    if caller.person is None:
        return False
    person = (await house.engine.account(caller.account)).people.get(caller.person)
    return person is not None and bool(person.roles & {Role.OWNER, Role.APPROVER})


async def _summary(house: House, first: Event, newest: Event) -> RunSummary:
    started = await read_known(house.ledger, first)
    known = started if isinstance(started, RunStarted) else None
    return RunSummary(
        id=first.header.run_id,
        desk=known.desk if known else "",
        procedure=known.procedure if known else "",
        version=known.version if known else 0,
        arguments=known.arguments if known else {},
        words=words_of(known),
        taken=taken_of(known),
        asked_by=known.asked_by if known else "",
        begun_at=as_text(first.header.ts),
        state=_state(newest.header.kind),
        newest=newest.header.kind,
        newest_at=as_text(newest.header.ts),
        is_erased=known is None,
    )


def _state(newest: str) -> RunState:
    match newest:
        case "run.ended":
            return RunState.ENDED
        case "run.parked":
            return RunState.PARKED
        case "effect.uncertain":
            return RunState.UNCERTAIN
        case "gate.opened" | "gate.revised" | "gate.answered" | "gate.escalated" | "gate.extended":
            return RunState.WAITS_FOR_YOU
    return RunState.RUNNING
