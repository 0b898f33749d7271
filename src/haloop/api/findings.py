"""What nobody knows: effects that were begun in a run, and of which only a person can find out how they ended."""

from fastapi import APIRouter
from pydantic import TypeAdapter

from haloop.api.asking import By, In, RunName
from haloop.api.gates import proof_from
from haloop.api.house import House
from haloop.api.runs import read_own
from haloop.api.told import History
from haloop.identity import Caller
from haloop.kernel.clock import as_text
from haloop.kernel.fact import EffectIntended, EffectUncertain, GateOpened, GateRevised
from haloop.kernel.gate import read_need
from haloop.kernel.people import Proof
from haloop.wire.gates import UncertainOut

router = APIRouter(tags=["gates"])


@router.get("/api/runs/{run}/uncertain")
async def list_uncertain(house: In, caller: By, run: RunName) -> list[UncertainOut]:
    """The effects of a run of which nobody knows how they ended, each with what a finding has to say."""
    history = await read_own(house, caller, run)
    return [_out(house, caller, history, intent) for intent in await house.engine.uncertain(caller.account, run)]


def _out(house: House, caller: Caller, history: History, intent: EffectIntended) -> UncertainOut:
    operation = house.engine.world.connectors.operations.get(intent.operation)
    return UncertainOut(
        gate=intent.gate,
        effect=intent.effect,
        operation=intent.operation,
        connector=intent.connector,
        live=intent.live,
        executed=intent.argument,
        payee=intent.payee,
        cost_max=intent.cost_max,
        begun_at=as_text(intent.begun_at),
        sentence=_why(history, intent),
        passkey=max(_proof(history, intent), proof_from(caller)) >= Proof.PASSKEY,
        result={} if operation is None else TypeAdapter(operation.result).json_schema(),
    )


def _why(history: History, intent: EffectIntended) -> str:
    for _, fact in reversed(history):
        if isinstance(fact, EffectUncertain) and (fact.gate, fact.effect) == (intent.gate, intent.effect):
            return fact.sentence
    return "It was begun, and nothing is known of its end."


def _proof(history: History, intent: EffectIntended) -> Proof:
    """Settling takes the proof that approving took."""
    needs = [
        fact.need for _, fact in history if isinstance(fact, GateOpened | GateRevised) and fact.gate == intent.gate
    ]
    return read_need(needs[-1]).proof if needs else Proof.TOKEN
