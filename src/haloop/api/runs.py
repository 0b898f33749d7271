"""Runs: the list, one with its trail, and the end of one."""

import re
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BeforeValidator

from haloop.api.asking import By, In, RunName
from haloop.api.house import House
from haloop.api.once import Keyed
from haloop.api.search import Search, States, Wanted
from haloop.api.told import History, reader_of, taken_of, through_of, words_of
from haloop.engines.reading import read_known
from haloop.identity import Caller, NotAllowed
from haloop.kernel.clock import as_microseconds, as_text
from haloop.kernel.errors import NotFound
from haloop.kernel.fact import RunEnded, RunParked, RunStarted
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import ListedRun
from haloop.kernel.people import Role
from haloop.wire.runs import Cancellation, RunDetail, RunPage, RunState, RunSummary

router = APIRouter(tags=["runs"], route_class=Keyed)

_PAGES_MAX = 4
"""So many pages are looked through at once for what a caller may see; then the rest is asked for again."""
_WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}[T ]")


def _as_written(moment: object) -> object:
    """A day and a time; a bare number would be read as seconds since 1970, which nobody means."""
    if isinstance(moment, str) and not _WRITTEN.match(moment):
        raise ValueError("it is written as 2027-03-03T12:00:00+01:00")
    return moment


Moment = Annotated[AwareDatetime, BeforeValidator(_as_written)]

PLACE_MAX = 1 << 40
"""No tree has as many events."""


async def _wanted(
    search: Annotated[str, Query(max_length=200)] = "",
    desk: Annotated[str | None, Query(max_length=60)] = None,
    procedure: Annotated[str | None, Query(max_length=60)] = None,
    asked_by: Annotated[str | None, Query(max_length=128)] = None,
    state: RunState | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> Wanted:
    """What somebody looks for, as a query says it."""
    return Wanted(
        words=search.strip(),
        desk=desk,
        procedure=procedure,
        asked_by=asked_by,
        state=state,
        since=None if since is None else as_microseconds(since),
        until=None if until is None else as_microseconds(until),
    )


Looked = Annotated[Wanted, Depends(_wanted)]


@router.get("/api/runs")
async def list_runs(
    house: In,
    caller: By,
    request: Request,
    wanted: Looked,
    before: Annotated[int | None, Query(ge=0, lt=PLACE_MAX)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    waiting: bool = False,  # noqa: FBT001, FBT002  # a query's flag
) -> RunPage:
    """The account's runs, the newest first; an agent sees its own. `search` finds words of what was asked for."""
    if not wanted.is_anything():
        return await _search(house, caller, request, replace(wanted, waiting=waiting), before, limit)
    found: list[RunSummary] = []
    states = await States.of(house, caller.account)
    for _ in range(_PAGES_MAX):
        page = await house.ledger.runs(caller.account, before=before, limit=limit, waiting=waiting)
        for listed in page:
            before = listed.first.index
            summary = await _summary(house, states, listed)
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
    listed = ListedRun(first, newest.header.kind, newest.header.ts)
    summary = await _summary(house, await States.of(house, caller.account), listed)
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


async def _search(
    house: House, caller: Caller, request: Request, wanted: Wanted, before: int | None, limit: int
) -> RunPage:
    """What is wanted, among what whoever asks may see."""
    search: Search = request.app.state.search
    if caller.person is None and wanted.asked_by not in (None, caller.actor):
        return RunPage(runs=[], before=None)
    asked_by = wanted.asked_by if caller.person is not None else caller.actor
    found = await search.look(caller.account, replace(wanted, asked_by=asked_by), before=before, limit=limit)
    states = await States.of(house, caller.account)
    runs = await house.ledger.runs_at(caller.account, found.places)
    summaries = [await _summary(house, states, listed) for listed in runs]
    return RunPage(runs=summaries, before=found.before, is_complete=found.is_complete)


async def _summary(house: House, states: States, listed: ListedRun) -> RunSummary:
    first, newest, newest_ts = listed
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
        through=through_of(known),
        reader=reader_of(known),
        asked_by=known.asked_by if known else "",
        begun_at=as_text(first.header.ts),
        state=states.of_run(first.header.run_id, newest, has_ended=newest == RunEnded.kind),
        newest=newest,
        newest_at=as_text(newest_ts),
        is_erased=known is None,
    )
