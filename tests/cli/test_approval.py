"""Who said yes: a passkey's answer counts for the decision it was given for, and for nothing else."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from haloop.cli.approval import check_approval, read_person_key
from haloop.kernel import canonical
from haloop.kernel.errors import BadInput, BadReceipt
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import START, Entry
from haloop.kernel.part import Part
from tests.cli.conftest import Haloop
from tests.store.conftest import Place, new_chain

ANA = ec.derive_private_key(0xA11CE, ec.SECP256R1())
BEN = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ANA_POINT = ANA.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
ANA_KEY = f"es256:{b64encode(ANA_POINT).decode()}"
BEN_KEY = f"eddsa:{b64encode(BEN.public_key().public_bytes_raw()).decode()}"
DECISION: dict[str, canonical.Canonical] = {
    "card": "c" * 64,
    "draft": "d" * 64,
    "expires": 1_800_000_000,
    "gate": "gate_1",
    "nonce": "n",
    "person": "per_1",
    "revision": 1,
    "verdict": "approved",
    "view": {"language": "en"},
}
OTHER = {**DECISION, "gate": "gate_2"}

Bend = Callable[[dict[str, Any]], object]


def url64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def answer(asked: bytes, *, by_ben: bool = False, bend: Bend = lambda _: None) -> bytes:
    """A passkey's answer to a question; `bend` changes one thing before it signs."""
    told: dict[str, Any] = {
        "challenge": url64(sha256(b"haloop/decision/1" + asked).digest()),
        "flags": 0x05,
        "site": "https://haloop.example",
        "type": "webauthn.get",
    }
    bend(told)
    client = json.dumps({"type": told["type"], "challenge": told["challenge"], "origin": told["site"]}).encode()
    authenticator = sha256(b"haloop.example").digest() + bytes([told["flags"]]) + bytes(4)
    message = authenticator + sha256(client).digest()
    assertion: dict[str, Any] = {
        "alg": -8 if by_ben else -7,
        "authenticator_data": url64(authenticator),
        "client_data": url64(client),
        "credential": "AQID",
        "enrolled_at": 4,
        "signature": url64(BEN.sign(message) if by_ben else ANA.sign(message, ec.ECDSA(SHA256()))),
    }
    return json.dumps(assertion | {name: told[name] for name in told.keys() & assertion.keys()}).encode()


def said_yes(**changes: bytes) -> dict[str, bytes]:
    decision = canonical.encode(DECISION)
    return {"decision": decision, "assertion": answer(decision)} | changes


@pytest.mark.parametrize(("key", "by_ben"), [(ANA_KEY, False), (BEN_KEY, True)])
def test_a_yes_is_checked_with_the_persons_key(key: str, *, by_ben: bool) -> None:
    """Both kinds of passkey are checked, and the site they were used on is told."""
    bodies = said_yes(assertion=answer(canonical.encode(DECISION), by_ben=by_ben))

    said = check_approval(bodies, [read_person_key(key)])

    assert said == "said by credential AQID, enrolled at leaf 4, at https://haloop.example: checked with the key given"


def test_without_a_key_nothing_is_called_checked() -> None:
    """What a file alone shows is told as unchecked."""
    assert check_approval(said_yes(), []).endswith("not checked (give --person)")
    assert check_approval({}, []).startswith("the log alone says so")
    assert check_approval({"assertion": b"{}"}, []).startswith("not checked")


def test_a_batch_counts_for_each_decision_in_it() -> None:
    """One touch for several decisions is a yes to each of them, if it was asked for exactly these."""
    batch = canonical.encode([DECISION, OTHER])

    said = check_approval(said_yes(batch=batch, assertion=answer(batch)), [read_person_key(ANA_KEY)])

    assert said.endswith("checked with the key given")


@pytest.mark.parametrize(
    ("bodies", "why"),
    [
        (said_yes(decision=canonical.encode(OTHER)), "another question"),
        (said_yes(decision=canonical.encode({**DECISION, "verdict": "refused"})), "is not one"),
        (said_yes(decision=canonical.encode({"verdict": "approved"})), "exactly its fields"),
        (said_yes(decision=b'{"gate": "gate_1"}'), "cannot be read"),
        (said_yes(assertion=b"{}"), "exactly its fields"),
        (said_yes(assertion=b'{"alg":-7,"alg":-7}'), "stands twice"),
        (said_yes(assertion=b"\xff"), "cannot be read"),
        (said_yes(assertion=b"[]"), "not an object"),
        (said_yes(batch=canonical.encode([OTHER])), "does not contain"),
        (said_yes(batch=canonical.encode([OTHER, DECISION])), "not sorted"),
        (said_yes(batch=canonical.encode([DECISION, DECISION])), "not sorted"),
        (said_yes(batch=canonical.encode({"a": 1})), "not a list"),
        ({"decision": canonical.encode(DECISION)}, "assertion is not disclosed"),
        ({"assertion": b"{}"}, "decision is not disclosed"),
    ],
)
def test_an_answer_to_something_else_is_no_yes(bodies: dict[str, bytes], why: str) -> None:
    """An approval whose parts do not fit together is refused, and says what does not fit."""
    with pytest.raises(BadReceipt, match=why):
        check_approval(bodies, [read_person_key(ANA_KEY)])


@pytest.mark.parametrize(
    ("bend", "why"),
    [
        (lambda told: told.update(type="webauthn.create"), "not an assertion"),
        (lambda told: told.update(challenge="AAAA"), "another question"),
        (lambda told: told.update(flags=0x04), "nobody was present"),
        (lambda told: told.update(flags=0x01), "did not verify who"),
        (lambda told: told.update(signature="AAAA"), "no --person key"),
        (lambda told: told.update(signature="AA=="), "one spelling"),
        (lambda told: told.update(signature=7), "a text is missing"),
        (lambda told: told.update(alg=-257), "neither ES256 nor EdDSA"),
        (lambda told: told.update(alg=True), "neither ES256 nor EdDSA"),
        (lambda told: told.update(alg=-8), "no --person key"),
        (lambda told: told.update(enrolled_at=-1), "where the key was enrolled"),
    ],
)
def test_a_bent_answer_is_no_yes(bend: Bend, why: str) -> None:
    """Each thing a passkey vouches for is looked at: kind, question, presence, verification, signature."""
    bodies = said_yes(assertion=answer(canonical.encode(DECISION), bend=bend))

    with pytest.raises(BadReceipt, match=why):
        check_approval(bodies, [read_person_key(ANA_KEY)])


@pytest.mark.parametrize(
    "key", ["", "es256", "es256:", "es256:AAAA", "rsa:AAAA", BEN_KEY.replace("eddsa", "es256"), "eddsa:ß"]
)
def test_a_key_that_is_none_is_refused(key: str) -> None:
    """A person's key has one spelling for each kind."""
    with pytest.raises(BadInput):
        read_person_key(key)


@pytest.fixture
async def receipt(place: Place, haloop: Haloop, account: AccountId, tmp_path: Path) -> Path:
    """A receipt with an approval and the event before it."""
    parts = tuple(Part(name=name, body=body) for name, body in said_yes().items())
    async with place.opened() as ledger:
        approved = Entry(kind="gate.approved", actor="person:per_1", parts=parts)
        await ledger.append(new_chain(account), START, Entry(kind="run.started", actor="kernel"), approved)
    haloop("receipt", account, "3", "4:assertion,decision", "--out", tmp_path / "receipt")
    return tmp_path / "receipt"


def test_verify_tells_who_said_yes(haloop: Haloop, receipt: Path) -> None:
    """With the person's key, the right one is confirmed and another's is refused by the event's name."""
    right = haloop("verify", receipt, "--person", ANA_KEY)
    wrong = haloop("verify", receipt, "--person", BEN_KEY)

    assert "who said yes: said by credential AQID" in right.out
    assert wrong.code == 1
    assert "event 2 (gate.approved" in wrong.err


def test_an_approval_left_out_is_not_a_check_that_passed(
    haloop: Haloop, receipt: Path, account: AccountId, tmp_path: Path
) -> None:
    """A receipt without an approval cannot satisfy a question about who approved."""
    haloop("receipt", account, "3", "--out", tmp_path / "without")

    assert haloop("verify", tmp_path / "without", "--person", ANA_KEY).code == 1
