"""Receipts: the files that prove to a stranger what an effect did."""

from urllib.parse import quote

from fastapi import APIRouter, Response

from haloop.api.asking import By, In, RunName
from haloop.api.runs import read_own
from haloop.engines.receipts import prove
from haloop.kernel.fact import EffectHappened
from haloop.wire.receipts import ReceiptOut, VerifierKeyOut

router = APIRouter(tags=["receipts"])


@router.get("/api/runs/{run}/receipts")
async def list_receipts(house: In, caller: By, run: RunName) -> list[ReceiptOut]:
    """What happened in a run, each with its receipt."""
    history = await read_own(house, caller, run)
    return [
        ReceiptOut(run=run, gate=fact.gate, effect=fact.effect, file=f"/api/runs/{run}/receipts/{quote(fact.effect)}")
        for _, fact in history
        if isinstance(fact, EffectHappened)
    ]


@router.get("/api/runs/{run}/receipts/{effect:path}", response_class=Response)
async def receipt_file(house: In, caller: By, run: RunName, effect: str) -> Response:
    """The file, as `haloop verify` and `tools/verify_receipt.py` read it."""
    await read_own(house, caller, run)
    receipt = await prove(house.ledger, caller.account, run, effect)
    named = {"Content-Disposition": f'attachment; filename="receipt-{run}.json"'}
    return Response(receipt.encode(), media_type="application/json", headers=named)


@router.get("/api/ledger/key")
async def verifier_key(house: In, caller: By) -> VerifierKeyOut:
    """The key that a stranger checks the account's checkpoints with."""
    return VerifierKeyOut(key=str(house.ledger.verifier_key(caller.account)))
