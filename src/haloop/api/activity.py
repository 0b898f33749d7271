"""What was done: every effect that was begun, with what was approved beside what ran, read from the runs' own facts."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request

from haloop.api.asking import By, In, RunName
from haloop.api.runs import PLACE_MAX, Looked, list_runs, read_own
from haloop.api.told import History, reader_of, taken_of, through_of, words_of
from haloop.kernel import canonical
from haloop.kernel.clock import as_text
from haloop.kernel.fact import (
    EffectHappened,
    EffectIntended,
    EffectNotDone,
    EffectResent,
    EffectUncertain,
    Fact,
    GateApproved,
    GateOpened,
    GateRevised,
    RunStarted,
)
from haloop.kernel.ids import RunId
from haloop.wire.activity import ActivityPage, Execution

router = APIRouter(tags=["activity"])

_SECOND = 1_000_000


@router.get("/api/activity")
async def list_activity(
    house: In,
    caller: By,
    request: Request,
    wanted: Looked,
    before: Annotated[int | None, Query(ge=0, lt=PLACE_MAX)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ActivityPage:
    """The newest runs, or those that are looked for, and what they did; an agent sees its own."""
    page = await list_runs(house, caller, request, wanted, before, limit)
    found: list[Execution] = []
    for run in page.runs:
        found += _executions(await History.read(house.ledger, caller.account, RunId(run.id)), RunId(run.id))
    return ActivityPage(**dict(page), executions=found)


@router.get("/api/runs/{run}/executions")
async def list_executions(house: In, caller: By, run: RunName) -> list[Execution]:
    """What one run did."""
    return list(_executions(await read_own(house, caller, run), run))


def _executions(history: History, run: RunId) -> Iterator[Execution]:
    started = history[0][1]
    if not isinstance(started, RunStarted):
        return  # it was erased
    for event, fact in history:
        if isinstance(fact, EffectIntended):
            yield _execution(history, run, started, fact, event.header.ts)


def _execution(history: History, run: RunId, started: RunStarted, intent: EffectIntended, begun: int) -> Execution:
    shown, shown_at = _last(history, GateOpened | GateRevised, intent.gate, revision=intent.revision)
    approved, approved_at = _last(history, GateApproved, intent.gate, revision=intent.revision)
    ended, ended_at = _last(history, EffectHappened | EffectNotDone, intent.gate, effect=intent.effect)
    uncertain, _ = _last(history, EffectUncertain, intent.gate, effect=intent.effect)
    resent, _ = _last(history, EffectResent, intent.gate, effect=intent.effect)
    happened = ended if isinstance(ended, EffectHappened) else None
    return Execution(
        run=run,
        desk=started.desk,
        procedure=started.procedure,
        words=words_of(started),
        taken=taken_of(started),
        through=through_of(started),
        reader=reader_of(started),
        asked=started.arguments,
        asked_by=started.asked_by,
        gate=intent.gate,
        revision=intent.revision,
        effect=intent.effect,
        operation=intent.operation,
        connector=intent.connector,
        live=intent.live,
        approved=_in_draft(shown, intent.effect),
        executed=intent.argument,
        approved_by=approved.by if isinstance(approved, GateApproved) else [],
        shown_at=as_text(shown_at),
        approved_at=as_text(approved_at),
        confirmation_seconds=(approved_at - shown_at) / _SECOND,
        begun_at=as_text(begun),
        ended_at=None if ended is None else as_text(ended_at),
        outcome=_outcome(ended, uncertain),
        reason=_reason(ended, uncertain),
        charged=happened.charged if happened else None,
        exceeded=happened.exceeded if happened else False,
        attempts=resent.attempt if isinstance(resent, EffectResent) else 1,
        receipt=f"/api/runs/{run}/receipts/{quote(intent.effect)}" if happened else None,
    )


def _last(history: History, kind: Any, gate: str, **also: object) -> tuple[Fact | None, int]:  # noqa: ANN401
    """The newest fact of a kind about a gate, and when it was; nothing where there is none."""
    for event, fact in reversed(history):
        wanted = isinstance(fact, kind) and getattr(fact, "gate", "") == gate
        if wanted and all(getattr(fact, name) == value for name, value in also.items()):
            return fact, event.header.ts
    return None, 0


def _in_draft(shown: Fact | None, effect: str) -> Any:  # noqa: ANN401  # plain data
    """What an effect would send, as it stood in the approved draft; an undo stands in none."""
    if not isinstance(shown, GateOpened | GateRevised):
        return None
    match canonical.decode(shown.draft):
        case {"effects": Mapping() as effects} if effect in effects:
            return effects[effect]["argument"]
    return None


def _outcome(ended: Fact | None, uncertain: Fact | None) -> str:
    if ended is not None:
        return ended.kind.removeprefix("effect.")
    return "under_way" if uncertain is None else "uncertain"


def _reason(ended: Fact | None, uncertain: Fact | None) -> str | None:
    if isinstance(ended, EffectNotDone):
        return ended.sentence
    return uncertain.sentence if ended is None and isinstance(uncertain, EffectUncertain) else None
