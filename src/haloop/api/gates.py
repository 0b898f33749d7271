"""Gates: what waits for a person, and the person's word."""

from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from haloop.api.asking import By, ByOwner, ByPerson, GateName, Here, In
from haloop.api.errors import problem
from haloop.api.house import House
from haloop.api.once import Keyed
from haloop.api.rates import caller_limited
from haloop.api.runs import read_own
from haloop.api.vouching import ask_to_sign, assertion_of
from haloop.engines.decisions import GateView
from haloop.identity import Caller
from haloop.kernel import canonical
from haloop.kernel.clock import as_text
from haloop.kernel.errors import AnswerRefused, HaloopError
from haloop.kernel.fact import GateOpened, GateRevised
from haloop.kernel.finding import Finding
from haloop.kernel.gate import Answer, GateId, Verdict, View, read_decision, run_of
from haloop.kernel.passkey import Site, challenge
from haloop.kernel.people import Proof
from haloop.wire.gates import (
    Approval,
    Change,
    Decision,
    Found,
    GateOut,
    GatePage,
    MoreTime,
    NeedOut,
    Refusal,
    Withdrawal,
)
from haloop.wire.passkeys import ChallengeOut

router = APIRouter(tags=["gates"], route_class=Keyed)

STALE = "answer.stale"
"""The code of an answer to a revision that is no longer the newest."""


@router.get("/api/gates")
async def list_gates(
    house: In,
    caller: ByPerson,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> GatePage:
    """What waits for somebody."""
    waiting = house.engine.open_gates(caller.account)
    first = waiting.index(GateId(after)) + 1 if after in waiting else 0
    gates = [await house.engine.gate(caller.account, gate) for gate in islice(waiting, first, first + limit)]
    return GatePage(gates=[_out(gate, caller) for gate in gates], waiting=len(waiting))


@router.get("/api/gates/{gate}")
async def show_gate(house: In, caller: By, gate: GateName, answer: Response) -> GateOut:
    """One gate as it stands."""
    await read_own(house, caller, run_of(gate))
    seen = await house.engine.gate(caller.account, gate)
    answer.headers["ETag"] = _tag(seen)
    return _out(seen, caller)


@router.post("/api/gates/{gate}/challenge")
async def ask_for_decision(house: In, caller: ByPerson, here: Here, gate: GateName, decision: Decision) -> ChallengeOut:
    """What your passkey has to sign for exactly this decision; then send the decision with its answer.

    Nothing is remembered of having asked: the answer is held against the decision itself.
    """
    await house.engine.gate(caller.account, gate)
    decided = read_decision(answer_to(gate, decision, caller, None))
    return await ask_to_sign(house, caller, here, challenge(decided))


@router.post(
    "/api/gates/{gate}/decisions",
    response_model=GateOut,
    dependencies=[Depends(caller_limited(lambda rates: rates.decisions))],
)
async def decide(
    house: In,
    caller: By,
    here: Here,
    request: Request,
    gate: GateName,
    decision: Decision,
    if_match: Annotated[str | None, Header(max_length=100)] = None,
) -> Response | GateOut:
    """Say yes, no, or what should be different. Saying the same again is answered as the first time."""
    if caller.person is None:
        await read_own(house, caller, run_of(gate))
        await house.engine.turn_agent_away(caller.account, gate, decision.verdict, agent=caller.actor)
    try:
        if if_match is not None:
            _require_match(if_match, await house.engine.gate(caller.account, gate))
        answer = answer_to(gate, decision, caller, await assertion_of(house, caller, decision.assertion))
        return await take(house, caller, here, answer)
    except AnswerRefused as refusal:
        if refusal.code != STALE:
            raise
        return problem(request, refusal, await changed_since(house, caller, gate, decision.revision))


async def take(house: House, caller: Caller, here: Site, answer: Answer) -> GateOut:
    """Take a person's answer in; the gate as it stands then."""
    seen = await house.engine.gate(caller.account, answer.gate)
    status = await house.engine.decide(caller.account, answer, site=here, at_least=proof_from(caller))
    try:
        return _out(await house.engine.gate(caller.account, answer.gate), caller)
    except HaloopError:  # it counted, whatever became of its run since
        return _out(seen, caller).model_copy(update={"status": status.value})


async def changed_since(house: House, caller: Caller, gate: GateId, revision: int) -> dict[str, Any]:
    """For an answer to an earlier revision: what is different now, and the gate to answer instead."""
    now = await house.engine.gate(caller.account, gate)
    difference = await _difference(house, caller, gate, revision, now)
    return {"difference": difference, "gate": _out(now, caller).model_dump()}


@router.post("/api/gates/{gate}/extension")
async def give_more_time(house: In, caller: ByOwner, gate: GateName, more: MoreTime) -> GateOut:
    """Give people more time to answer; an owner's word."""
    await house.engine.extend(caller.account, gate, by=caller.require_person(), until=more.until)
    return _out(await house.engine.gate(caller.account, gate), caller)


@router.post("/api/gates/{gate}/withdrawal")
async def withdraw(house: In, caller: By, gate: GateName, why: Withdrawal) -> GateOut:
    """Take a question back, as whoever asked for its run."""
    await read_own(house, caller, run_of(gate))
    await house.engine.withdraw(caller.account, gate, by=caller.actor, reason=why.reason)
    return _out(await house.engine.gate(caller.account, gate), caller)


@router.post("/api/gates/{gate}/findings/challenge")
async def ask_for_finding(house: In, caller: ByPerson, here: Here, gate: GateName, found: Found) -> ChallengeOut:
    """What your passkey has to sign for exactly this finding; then send the finding with its answer."""
    await read_own(house, caller, run_of(gate))
    return await ask_to_sign(house, caller, here, _finding(gate, found, caller, None).challenge())


@router.post("/api/gates/{gate}/findings", status_code=204)
async def settle(house: In, caller: ByPerson, here: Here, gate: GateName, found: Found) -> None:
    """Say how an effect ended of which nobody knew; it takes what approving took."""
    finding = _finding(gate, found, caller, await assertion_of(house, caller, found.assertion))
    await house.engine.settle(caller.account, finding, site=here, at_least=proof_from(caller))


def proof_from(caller: Caller) -> Proof:
    """From beyond the machine a yes takes a passkey, also in practice: a session may have been stolen."""
    return Proof.PASSKEY if caller.is_beyond else Proof.TOKEN


def _out(seen: GateView, caller: Caller) -> GateOut:
    gate, card = seen.gate, seen.card
    assert isinstance(card, dict)
    return GateOut(
        id=gate.id,
        run=run_of(gate.id),
        revision=gate.revision,
        draft=gate.draft,
        card_hash=gate.card,
        card=card,
        status=gate.status.value,
        need=NeedOut(
            count=gate.need.count,
            roles=sorted(gate.roles()),
            passkey=max(gate.need.proof, proof_from(caller)) >= Proof.PASSKEY,
            separation=gate.need.separation,
        ),
        yeses=[one.person for one in gate.yeses()],
        must_read=gate.disclosures,
        change_takes=seen.change_takes,
        opened_at=as_text(gate.opened_at),
        expires_at=as_text(gate.expires_at),
        expires=gate.expires_at,
    )


def _tag(seen: GateView) -> str:
    return f'"{seen.gate.revision}-{seen.gate.draft[:16]}"'


def _require_match(wanted: str, seen: GateView) -> None:
    if wanted not in ("*", _tag(seen)):
        raise AnswerRefused(f"The draft stands at revision {seen.gate.revision} now.", code=STALE)


def answer_to(gate: GateId, said: Approval | Refusal | Change, caller: Caller, assertion: bytes | None) -> Answer:
    """What somebody said, as the engine takes it."""
    return Answer(
        gate=gate,
        revision=said.revision,
        draft=said.draft,
        card=said.card,
        view=View(language=said.view.language, renderer=said.view.renderer, catalogue=said.view.catalogue),
        verdict=Verdict(said.verdict),
        person=caller.require_person(),
        nonce=said.nonce,
        expires=said.expires,
        reason=said.reason if isinstance(said, Refusal) else "",
        back_to=said.back_to if isinstance(said, Refusal) else None,
        change=said.change if isinstance(said, Change) else None,
        disclosures_read=isinstance(said, Approval) and said.disclosures_read,
        assertion=assertion,
    )


def _finding(gate: GateId, found: Found, caller: Caller, assertion: bytes | None) -> Finding:
    return Finding(
        gate=gate,
        effect=found.effect,
        person=caller.require_person(),
        happened=found.happened,
        result=found.result,
        sentence=found.sentence,
        assertion=assertion,
    )


async def _difference(house: House, caller: Caller, gate: GateId, revision: int, now: GateView) -> list[dict[str, Any]]:
    """Which lines of the card are others now than on the revision that was answered."""
    history = await read_own(house, caller, run_of(gate))
    cards = {
        fact.revision: fact.card
        for _, fact in history
        if isinstance(fact, GateOpened | GateRevised) and fact.gate == gate
    }
    if revision not in cards:
        return []
    before, after = _lines(canonical.decode(cards[revision])), _lines(now.card)
    return [
        {"at": at, "before": before.get(at), "now": after.get(at)}
        for at in [*before, *(one for one in after if one not in before)]
        if before.get(at) != after.get(at)
    ]


def _lines(card: Any) -> dict[str, Any]:  # noqa: ANN401  # data that was read
    rows = {row["label"]: row["value"] for row in card["rows"]}
    return {**rows, **{f"effect {line['name']}": line for line in card["effects"]}}
