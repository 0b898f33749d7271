"""Receipts: the files that prove to a stranger what an effect did."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from fastapi import APIRouter, Response

from haloop.api.asking import By, In, RunName
from haloop.api.runs import read_own
from haloop.engines.receipts import prove
from haloop.kernel.account import Credential
from haloop.kernel.errors import BadInput
from haloop.kernel.fact import EffectHappened, GateAnswered, GateApproved
from haloop.kernel.ids import RunId
from haloop.kernel.passkey import Assertion, challenge, check_assertion
from haloop.kernel.receipt import Disclosed, ProvenEvent, Receipt, verify
from haloop.store.signing import verify_ed25519, verify_passkey
from haloop.wire.receipts import Opinion, ReceiptOut, VerifierKeyOut

router = APIRouter(tags=["receipts"])


@router.get("/api/runs/{run}/receipts")
async def list_receipts(house: In, caller: By, run: RunName) -> list[ReceiptOut]:
    """What happened in a run, each with its receipt."""
    history = await read_own(house, caller, run)
    return [
        ReceiptOut(run=run, gate=fact.gate, effect=fact.effect, file=_file(run, fact.effect))
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


@router.get("/api/runs/{run}/opinions/{effect:path}")
async def judge_receipt(house: In, caller: By, run: RunName, effect: str) -> Opinion:
    """What this Haloop itself finds of the receipt. It is no proof: a stranger checks the file, with the key."""
    await read_own(house, caller, run)
    receipt, key = await prove(house.ledger, caller.account, run, effect), house.ledger.verifier_key(caller.account)
    known = (await house.engine.account(caller.account)).credentials
    said_yes: list[str] = []
    try:
        found = verify(receipt, key, verify_ed25519)
        yeses = _yeses(receipt, [event.header.kind for event in found.events])
        said_yes = [_proved_by(proven.disclosed, known) for proven in yeses]
        sentence = f"{len(found.events)} events stand in the ledger as they are shown, under a checkpoint of this key."
    except BadInput as error:
        return Opinion(holds=False, sentence=error.sentence, said_yes=said_yes, key=str(key), file=_file(run, effect))
    return Opinion(holds=True, sentence=sentence, said_yes=said_yes, key=str(key), file=_file(run, effect))


@router.get("/api/ledger/key")
async def verifier_key(house: In, caller: By) -> VerifierKeyOut:
    """The key that a stranger checks the account's checkpoints with."""
    return VerifierKeyOut(key=str(house.ledger.verifier_key(caller.account)))


def _file(run: RunId, effect: str) -> str:
    return f"/api/runs/{run}/receipts/{quote(effect)}"


def _yeses(receipt: Receipt, kinds: Sequence[str]) -> Iterator[ProvenEvent]:
    return (
        proven
        for proven, kind in zip(receipt.events, kinds, strict=True)
        if kind in (GateAnswered.kind, GateApproved.kind)
    )


def _proved_by(parts: Mapping[str, Disclosed], known: Mapping[str, Credential]) -> str:
    """By what somebody's yes is proved; BadInput where their passkey did not sign it."""
    if "decision" not in parts:
        return "the ledger says that a grant opened it"
    if "assertion" not in parts:
        return "the ledger alone says who it was"
    assertion = Assertion.decode(parts["assertion"].body)
    asked = challenge(parts["decision"].body, parts["batch"].body if "batch" in parts else None)
    if assertion.credential not in known:
        return f"passkey {assertion.credential}, which is not here any more"
    check_assertion(assertion, asked, known[assertion.credential].key, verify_passkey)
    return f"passkey {assertion.credential}, enrolled at leaf {assertion.enrolled_at}"
