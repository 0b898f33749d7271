"""Decisions about several gates at once: one word, one touch of a passkey, and each gate takes its own out of it.

Every row names its gate's revision and draft. What changed meanwhile is refused alone, with its difference, and
what was not changed counts: nobody's yes hangs on somebody else's change.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from fastapi import APIRouter, Request

from haloop.api.asking import By, ByPerson, Here, In
from haloop.api.errors import told
from haloop.api.gates import STALE, answer_to, changed_since, take
from haloop.api.house import House
from haloop.api.once import Keyed
from haloop.api.rates import count
from haloop.api.runs import read_own
from haloop.api.vouching import ask_to_sign, assertion_of
from haloop.identity import Caller
from haloop.kernel.errors import AnswerRefused, BadInput, HaloopError
from haloop.kernel.gate import Answer, GateId, read_decision, run_of
from haloop.kernel.passkey import Site, batch_of, challenge
from haloop.wire.gates import Batch, BatchOut, Row, RowOut
from haloop.wire.passkeys import ChallengeOut
from haloop.wire.problems import Problem

router = APIRouter(tags=["gates"], route_class=Keyed)


@router.post("/api/decisions/challenge")
async def ask_for_decisions(house: In, caller: ByPerson, here: Here, batch: Batch) -> ChallengeOut:
    """What your passkey has to sign for exactly these decisions together; then send them with its answer."""
    answers = _answers(batch, caller)
    for answer in answers:
        await house.engine.gate(caller.account, answer.gate)
    decisions = [read_decision(answer) for answer in answers]
    return await ask_to_sign(house, caller, here, challenge(decisions[0], batch_of(decisions)))


@router.post("/api/decisions")
async def decide_together(house: In, caller: By, here: Here, request: Request, batch: Batch) -> BatchOut:
    """Decide about several gates at once. Each row is answered by itself; saying the same again changes nothing."""
    count(request, caller, house, lambda rates: rates.decisions, times=len(batch.rows))
    if caller.person is None:
        await _turn_away(house, caller, batch.rows)
    answers = _answers(batch, caller)
    assertion = await assertion_of(house, caller, batch.assertion)
    if assertion is not None:
        asked = batch_of(read_decision(answer) for answer in answers)
        answers = [replace(answer, assertion=assertion, batch=asked) for answer in answers]
    return BatchOut(rows=[await _decide(house, caller, here, request, answer) for answer in answers])


async def _decide(house: House, caller: Caller, here: Site, request: Request, answer: Answer) -> RowOut:
    try:
        return RowOut(gate=answer.gate, counts=True, now=await take(house, caller, here, answer))
    except HaloopError as error:  # it is this row's alone; the others are answered as well
        stale = isinstance(error, AnswerRefused) and error.code == STALE
        more = await changed_since(house, caller, answer.gate, answer.revision) if stale else {}
        return RowOut(gate=answer.gate, counts=False, problem=Problem(**told(request, error), **more))


def _answers(batch: Batch, caller: Caller) -> list[Answer]:
    if len({row.gate for row in batch.rows}) < len(batch.rows):
        raise _malformed("A gate stands in it twice.")
    if any(row.decision.assertion is not None for row in batch.rows):
        raise _malformed("Decisions that are made together are signed together, not one by one.")
    return [answer_to(GateId(row.gate), row.decision, caller, None) for row in batch.rows]


async def _turn_away(house: House, caller: Caller, rows: Sequence[Row]) -> NoReturn:
    """An agent's answer counts nowhere, and that stands in the ledger for each gate."""
    for row in rows:
        await read_own(house, caller, run_of(GateId(row.gate)))
    for row in rows[1:]:
        with suppress(AnswerRefused):
            await house.engine.turn_agent_away(
                caller.account, GateId(row.gate), row.decision.verdict, agent=caller.actor
            )
    first = rows[0]
    await house.engine.turn_agent_away(caller.account, GateId(first.gate), first.decision.verdict, agent=caller.actor)


def _malformed(sentence: str) -> BadInput:
    return BadInput(sentence, code="answer.malformed", next_step="Correct it, and answer again.")
