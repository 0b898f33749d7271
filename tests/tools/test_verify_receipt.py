"""The script a stranger runs, tried on receipts built here by a second, independent hand.

The builder below shares no line with the script or with Haloop: it follows the published formats, signs with
`cryptography`, and lets each test bend one thing before the file is written.
"""

import base64
import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

SCRIPT = Path(__file__).parents[2] / "tools" / "verify_receipt.py"
SAMPLE = Path(__file__).parents[2] / "examples" / "sample-receipt.json"
ORIGIN = "haloop.local/acc_5a1e0000000000000000000000000001"
RUN = "run_5a1e0000000000000000000000000002"
PROVED, BAD, NOT_A_RECEIPT, SIGNER_UNKNOWN = 0, 1, 2, 3


def load_script() -> Any:
    """Import the script by its path, as the one file it is."""
    found = importlib.util.spec_from_file_location("verify_receipt", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["verify_receipt"] = module
    found.loader.exec_module(module)
    return module


script = load_script()

# --------------------------------------------------------------------------------- the independent builder

LOG = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_LOG = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
ANA = ec.derive_private_key(0xA11CE5EED, ec.SECP256R1())
BEN = ed25519.Ed25519PrivateKey.from_private_bytes(b"ben's passkey, thirty-two bytes!")
PRESENT, VERIFIED = 0x01, 0x04


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def compact(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def raw(key: ed25519.Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def key_id(name: str, key: ed25519.Ed25519PrivateKey) -> bytes:
    return hashlib.sha256(name.encode() + b"\n\x01" + raw(key)).digest()[:4]


def vkey(name: str = ORIGIN, key: ed25519.Ed25519PrivateKey = LOG) -> str:
    return f"{name}+{key_id(name, key).hex()}+{b64(bytes([1]) + raw(key))}"


KEY = vkey()
ANA_KEY = "es256:" + b64(point(ANA))
BEN_KEY = "eddsa:" + b64(raw(BEN))


def tree_root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_root(leaves[:split]) + tree_root(leaves[split:])).digest()


def tree_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*tree_path(index, leaves[:split]), tree_root(leaves[split:])]
    return [*tree_path(index - split, leaves[split:]), tree_root(leaves[:split])]


def signed_note(origin: str, leaves: Sequence[bytes], key: ed25519.Ed25519PrivateKey = LOG) -> str:
    body = f"{origin}\n{len(leaves)}\n{b64(tree_root(leaves))}\n"
    return f"{body}\n— {origin} {b64(key_id(origin, key) + key.sign(body.encode()))}\n"


def decision(**changes: object) -> dict[str, Any]:
    return {
        "gate": "gate_1",
        "revision": 2,
        "draft": "d" * 64,
        "card": "c" * 64,
        "view": {"language": "de", "renderer": "web/1", "catalogue": "e" * 64},
        "verdict": "approved",
        "person": "per_5a1e0000000000000000000000000003",
        "nonce": "bm9uY2U",
        "expires": 1_767_322_800_000_000,
        **changes,
    }


def assertion(
    challenged: bytes,
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = ANA,
    *,
    flags: int = PRESENT | VERIFIED,
    kind: str = "webauthn.get",
    **changes: object,
) -> dict[str, object]:
    challenge = hashlib.sha256(b"haloop/decision/1" + challenged).digest()
    client = json.dumps({"type": kind, "challenge": b64url(challenge), "origin": "https://home.example"})
    authenticator = hashlib.sha256(b"home.example").digest() + bytes([flags]) + bytes(4)
    signed = authenticator + hashlib.sha256(client.encode()).digest()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        algorithm, signature = -8, key.sign(signed)
    else:
        deterministic = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        algorithm, signature = -7, key.sign(signed, deterministic)
    return {
        "credential": b64url(b"ana's credential"),
        "alg": algorithm,
        "authenticator_data": b64url(authenticator),
        "client_data": b64url(client.encode()),
        "signature": b64url(signature),
        "enrolled_at": 1,
        **changes,
    }


def event(kind: str, bodies: dict[str, bytes], *, hide: Sequence[str] = (), **header: object) -> dict[str, Any]:
    """One event before it is in the tree: its header's fields, its parts, and what is disclosed of them."""
    salts = {name: hashlib.sha256(b"salt of " + name.encode()).digest() for name in bodies}
    parts = {}
    for name, body in bodies.items():
        label = len(name).to_bytes(4, "big") + name.encode()
        parts[name] = hashlib.sha256(b"haloop/part/1" + salts[name] + label + body).hexdigest()
    shown = {name: {"salt": b64(salts[name]), "body": b64(bodies[name])} for name in bodies if name not in hide}
    fields = {
        "account": "acc_5a1e0000000000000000000000000001",
        "actor": "person:per_5a1e0000000000000000000000000003",
        "kind": kind,
        "payload": hashlib.sha256(b"haloop/payload/1" + compact(parts)).hexdigest(),
        "run_id": RUN,
        "ts": 1_767_322_000_123_456,
        **header,
    }
    return {"fields": fields, "parts": parts, "disclosed": shown}


def approval(*, hide: Sequence[str] = (), **bodies: object) -> dict[str, Any]:
    return event("gate.approved", {name: compact(body) for name, body in bodies.items()}, hide=hide)


def leaf_of(header: bytes) -> bytes:
    return hashlib.sha256(b"\x00\x01" + len(header).to_bytes(4, "big") + header).digest()


def receipt(
    events: Sequence[dict[str, Any]],
    *,
    origin: str = ORIGIN,
    key: ed25519.Ed25519PrivateKey = LOG,
    places: Sequence[int] = (),
    strangers: int = 12,
) -> dict[str, Any]:
    """Chain the events as one run, put them in a tree among strangers' leaves, and write the receipt."""
    leaves = [hashlib.sha256(f"stranger {number}".encode()).digest() for number in range(strangers)]
    previous, headers = "0" * 64, []
    for number, one in enumerate(events, 1):
        header = compact({"run_seq": number, "prev": previous, **one["fields"]})
        previous = leaf_of(header).hex()
        headers.append(header)
        if not places:
            leaves.append(leaf_of(header))
    for place, header in zip(places, headers, strict=False):
        leaves[place] = leaf_of(header)
    indexes = places or range(strangers, len(leaves))
    written = []
    for index, header, one in zip(indexes, headers, events, strict=True):
        path = "".join(b64(node) + "\n" for node in tree_path(index, leaves))
        proof = f"c2sp.org/tlog-proof@v1\nindex {index}\n{path}\n{signed_note(origin, leaves, key)}"
        written.append(
            {"header": header.decode(), "parts": one["parts"], "disclosed": one["disclosed"], "proof": proof}
        )
    return {"format": "haloop/receipt/1", "origin": origin, "events": written}


def file_of(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def proposal() -> dict[str, Any]:
    return event("draft.proposed", {"payload": compact({"table": "two, at eight"}), "note": b"Z\xc3\xbcrich"})


def outcome() -> dict[str, Any]:
    return event("effect.happened", {"words": b"confirmed: 4711", "phone": b"+41 44 000 00 00"}, hide=["phone"])


def said_yes(**changes: object) -> dict[str, Any]:
    return approval(decision=decision(), assertion=assertion(compact(decision()), **changes))  # type: ignore[arg-type]


def good() -> dict[str, Any]:
    """Three events: a draft, Ana's yes by passkey, and what came of it."""
    return receipt([proposal(), said_yes(), outcome()])


def judge(value: object, key: str | None = KEY, persons: Sequence[str] = (ANA_KEY,)) -> tuple[int, str]:
    """The exit code and the last line."""
    verdict = script.verify(file_of(value), key, persons)
    return verdict.exit_code, verdict.lines[-1]


# ------------------------------------------------------------------------------------------ good receipts


def test_a_good_receipt_is_proved() -> None:
    """With the log's key and the person's key, a true receipt is proved, and its story can be read."""
    verdict = script.verify(file_of(good()), KEY, [ANA_KEY])
    story = "\n".join(verdict.lines)
    assert verdict.exit_code == PROVED
    approved = "event 2: 2026-01-02T02:46:40.123456Z gate.approved by person:per_5a1e0000000000000000000000000003"
    assert f"{approved}, run {RUN} #2, index 13" in story
    assert 'payload: {"table":"two, at eight"}' in story
    assert "phone: (not disclosed or erased)" in story
    assert "at https://home.example: checked with the key given" in story
    assert verdict.lines[-1].startswith("PROVED: 3 event(s) of haloop.local/acc_5a1e0000000000000000000000000001")


def test_without_a_key_the_signer_is_unknown() -> None:
    """A receipt alone is only consistent, and the exit code says so."""
    code, line = judge(good(), key=None)
    assert (code, line.split(":")[0]) == (SIGNER_UNKNOWN, "CONSISTENT, SIGNER UNKNOWN")


def test_without_a_persons_key_the_passkey_is_named_and_not_checked() -> None:
    """Without --person the reader is told which credential said yes, and that nobody checked it."""
    verdict = script.verify(file_of(good()), KEY)
    assert verdict.exit_code == PROVED
    credential = b64url(b"ana's credential")
    assert f"said by credential {credential}, enrolled at leaf 1: not checked" in str(verdict.lines)


@pytest.mark.parametrize("person", ["", "rsa:AAAA", ANA_KEY[:-2], "eddsa:" + b64(bytes(31))])
def test_with_a_persons_key_that_cannot_be_read_nothing_is_proved(person: str) -> None:
    """The receipt would hold without it; but then less would be checked than was asked for."""
    code, line = judge(good(), KEY, [ANA_KEY, person])
    assert (code, line.split(":")[0]) == (NOT_A_RECEIPT, "CANNOT READ A KEY")


def test_without_an_assertion_the_log_alone_says_who() -> None:
    """An approval without a passkey is proved as a fact of the log, and no more is claimed."""
    verdict = script.verify(file_of(receipt([approval(decision=decision())])), KEY)
    assert verdict.exit_code == PROVED
    assert "who said yes: the log alone says so" in str(verdict.lines)


def test_a_passkey_on_ed25519_is_checked() -> None:
    """EdDSA passkeys are as good as ES256 ones."""
    assert judge(receipt([said_yes(key=BEN)]), persons=[BEN_KEY])[0] == PROVED


def test_two_people_can_both_be_checked() -> None:
    """A quorum's two approvals are proved when both keys are given, in either order."""
    quorum = receipt([said_yes(), said_yes(key=BEN)])
    assert judge(quorum, persons=[BEN_KEY, ANA_KEY])[0] == PROVED
    assert judge(quorum, persons=[ANA_KEY])[0] == BAD


def test_a_later_epoch_is_accepted() -> None:
    """After a restore the log goes on under a numbered origin; its receipts verify under that name."""
    assert judge(receipt([proposal()], origin=f"{ORIGIN}/2"), vkey(f"{ORIGIN}/2"), [])[0] == PROVED


@pytest.mark.parametrize("epoch", ["/1", "/0", "/02", "/x", "/", "//2"])
def test_a_misspelled_epoch_is_no_receipt(epoch: str) -> None:
    """Only an epoch number from 2 on may follow the account."""
    assert judge(receipt([proposal()], origin=ORIGIN + epoch), None, [])[0] == NOT_A_RECEIPT


@pytest.mark.parametrize("size", range(1, 20))
def test_every_place_of_every_small_tree_is_proved(size: int) -> None:
    """An event is found wherever it lies, in trees of every shape."""
    codes = {judge(receipt([proposal()], places=[at], strangers=size), KEY, [])[0] for at in range(size)}
    assert codes == {PROVED}


def test_the_sample_receipt_stays_as_published() -> None:
    """The sample in the repository is byte for byte what the formats give, and is proved."""
    assert file_of(good()) == SAMPLE.read_bytes()


# ------------------------------------------------------------------------------------ what is wrong is named

Bend = Callable[[dict[str, Any]], None]


def at(number: int, field: str, old: str, new: str) -> Bend:
    """Replace a text in one field of one event."""

    def bend(value: dict[str, Any]) -> None:
        assert old in value["events"][number - 1][field]
        value["events"][number - 1][field] = value["events"][number - 1][field].replace(old, new, 1)

    return bend


def put(number: int, *route: str, to: object) -> Bend:
    """Set a value inside one event."""

    def bend(value: dict[str, Any]) -> None:
        place = value["events"][number - 1]
        for step in route[:-1]:
            place = place[step]
        place[route[-1]] = to

    return bend


BENDS = {
    "a body": (put(2, "disclosed", "decision", "body", to=b64(b"{}")), 2, "the disclosed part decision"),
    "a salt": (put(1, "disclosed", "note", "salt", to=b64(bytes(32))), 1, "the disclosed part note"),
    "a short salt": (put(1, "disclosed", "note", "salt", to=b64(bytes(31))), 1, "not 32 bytes"),
    "a part": (put(3, "parts", "phone", to="0" * 64), 3, "not the ones its header commits to"),
    "a part's name": (put(3, "parts", "Phone", to="0" * 64), 3, "malformed"),
    "a foreign part": (put(1, "disclosed", "x", to={"salt": "", "body": ""}), 1, "none of its parts"),
    "the actor": (at(3, "header", "per_5a1e", "per_5b1e"), 3, "not in the tree"),
    "the time": (at(2, "header", '"ts":17', '"ts":16'), 2, "not in the tree"),
    "a claim that is no hash": (at(2, "header", '"kind"', '"claim":"x","kind"'), 2, "claim is malformed"),
    "an endless time": (at(2, "header", '"ts":17', '"ts":9007'), 2, "integer is too large"),
    "a float": (at(2, "header", '"run_seq":2', '"run_seq":2.0'), 2, "not an integer"),
    "true for one": (at(1, "header", '"run_seq":1', '"run_seq":true'), 1, "run_seq is not an integer"),
    "a spare space": (at(2, "header", '"ts":', '"ts": '), 2, "not canonical"),
    "a key twice": (at(2, "header", '"ts":', '"ts":1,"ts":'), 2, "a key appears twice"),
    "the account": (
        at(1, "header", "acc_5a1e0000000000000000000000000001", "acc_5a1e0000000000000000000000000009"),
        1,
        "belongs to account acc_5a1e0000000000000000000000000009",
    ),
    "the index": (at(2, "proof", "index 13", "index 12"), 2, "not in the tree"),
    "an index beyond": (at(2, "proof", "index 13", "index 15"), 2, "beyond the end"),
    "a padded index": (at(2, "proof", "index 13", "index 013"), 2, "index is malformed"),
    "an unsigned extra": (at(2, "proof", "\nindex", "\nextra eA==\nindex"), 2, "with an index"),
    "a control character": (at(2, "proof", "index", "index\x1b"), 2, "control characters"),
    "a smaller tree": (at(2, "proof", "\n15\n", "\n14\n"), 2, "longer than the tree is high"),
    "a larger tree": (at(2, "proof", "\n15\n", "\n150\n"), 2, "path ends below the root"),
    "the checkpoint's origin": (at(2, "proof", f"{ORIGIN}\n", f"{ORIGIN}/2\n"), 2, "another log"),
    "the signer's name": (at(2, "proof", "— haloop", "— holoop"), 2, "not signed by the key given"),
    "no signature": (at(2, "proof", "—", "-"), 2, "signature line"),
    "no events": (lambda value: value.update(events=[]), 0, "no events"),
    "an event that is a number": (lambda value: value["events"].__setitem__(1, 7), 2, "not an object"),
    "two events swapped": (lambda value: value["events"].reverse(), 2, "run_seq does not come after"),
    "an event repeated": (lambda value: value["events"].append(value["events"][2]), 4, "the same index"),
    "another format": (lambda value: value.update(format="haloop/receipt/2"), 0, '"format" is not'),
    "a spare key": (lambda value: value.update(note="hello"), 0, "exactly the keys"),
}


@pytest.mark.parametrize("name", BENDS)
def test_the_first_bad_event_is_named(name: str) -> None:
    """Whatever is changed, the last line names the first event that is wrong, and what is wrong with it."""
    bend, number, words = BENDS[name]
    value = good()
    bend(value)
    code, line = judge(value, KEY, [])
    assert code == (BAD if number else NOT_A_RECEIPT)
    assert line.startswith(f"BAD: event {number}" if number else "NOT A RECEIPT: ")
    assert words in line


def test_a_bad_event_is_named_in_full() -> None:
    """The line tells the kind, the run and the index, so that the reader can find the event elsewhere."""
    value = good()
    put(2, "disclosed", "decision", "body", to="")(value)
    line = "BAD: event 2 (gate.approved, run run_5a1e0000000000000000000000000002, index 13): "
    assert judge(value)[1] == line + "the disclosed part decision is not the one that was recorded"


def test_a_broken_chain_is_named() -> None:
    """An event that names another predecessor than the one in the file is refused, though logged."""
    events = [proposal(), outcome()]
    events[1]["fields"]["prev"] = "1" * 64
    code, line = judge(receipt(events), KEY, [])
    assert (code, "does not follow its predecessor" in line, "event 2" in line) == (BAD, True, True)


def test_a_first_event_has_no_predecessor() -> None:
    """The first event of a run names no predecessor; one cut off at its head cannot pass as whole."""
    events = [event("run.started", {}, prev="1" * 64)]
    assert "first of its run" in judge(receipt(events), KEY, [])[1]


def test_a_claim_may_stand_in_a_header() -> None:
    """An event that uses up an approval carries the claim's hash, and is proved like any other."""
    assert judge(receipt([event("effect.intended", {}, claim="a" * 64)]), KEY, [])[0] == PROVED


def test_a_gap_in_a_run_is_allowed() -> None:
    """A receipt may leave events of a run out; only neighbours must be linked."""
    value = good()
    del value["events"][1]
    assert judge(value, KEY, [])[0] == PROVED


def test_order_in_the_tree_follows_order_in_the_run() -> None:
    """A later event of a run that lies earlier in the tree is refused."""
    assert "contradicts the order" in judge(receipt([proposal(), outcome()], places=[5, 4]), KEY, [])[1]


def test_two_histories_of_one_size_are_noticed() -> None:
    """Two signed checkpoints of one size with different roots are the log's own confession."""
    code, line = judge(split_runs(), KEY, [])
    assert (code, "two histories" in line) == (BAD, True)


def split_runs() -> dict[str, Any]:
    """Two events of two runs, each in a tree of its own, both trees of one size and signed."""
    first = receipt([event("run.started", {}, run_id="run_a")], places=[3])
    second = receipt([event("run.started", {}, run_id="run_b")], places=[4])
    return {**first, "events": first["events"] + second["events"]}


def test_another_logs_signature_is_refused() -> None:
    """A receipt invented with another key is refused under the true one."""
    assert "not signed by the key given" in judge(receipt([proposal()], key=OTHER_LOG), KEY, [])[1]


def test_a_signature_by_another_key_under_the_true_id_is_false() -> None:
    """The four-byte id is only a hint: a forger may copy it, and the signature still fails."""
    value = receipt([proposal()])
    note = value["events"][0]["proof"].rpartition("\n\n")[0].partition("\n\n")[2] + "\n"
    forged = b64(key_id(ORIGIN, LOG) + OTHER_LOG.sign(note.encode()))
    head = value["events"][0]["proof"].rpartition(" ")[0]
    value["events"][0]["proof"] = f"{head} {forged}\n"
    assert "signature on its checkpoint is false" in judge(value, KEY, [])[1]


def test_a_key_of_another_name_is_refused() -> None:
    """A key that speaks for another log proves nothing about this one."""
    code, line = judge(good(), vkey("haloop.local/acc_5a1e0000000000000000000000000009"))
    assert (code, "speaks for haloop.local/acc_5a1e0000000000000000000000000009" in line) == (BAD, True)


def test_a_witness_may_sign_too() -> None:
    """Signatures of others under a checkpoint are ignored, as the format asks."""
    value = receipt([proposal()])
    value["events"][0]["proof"] += f"— witness.example {b64(bytes(76))}\n"
    assert judge(value, KEY, [])[0] == PROVED


@pytest.mark.parametrize(
    "key",
    [
        "",
        "x",
        "a+b+c",
        KEY[:-4],
        KEY.replace("acc_5a1e0000000000000000000000000001", "acc_5a1e0000000000000000000000000009"),
        "\ud800+0+0",
    ],
)
def test_a_damaged_key_is_wrong_usage(key: str) -> None:
    """A key that was copied badly is told apart from a receipt that is bad."""
    assert judge(good(), key)[0] == NOT_A_RECEIPT


@pytest.mark.parametrize("person", ["", "es256:", "rsa:AAAA", "eddsa:" + b64(bytes(31)), ANA_KEY[:-2], "eddsa:é"])
def test_a_damaged_persons_key_is_wrong_usage(person: str) -> None:
    """The same for a person's key."""
    assert judge(good(), KEY, [person])[0] == NOT_A_RECEIPT


# ------------------------------------------------------------------------------------------------ passkeys

YES = compact(decision())
OTHER = decision(gate="gate_2", nonce="b3RoZXI")
BATCH = sorted([decision(), OTHER], key=compact)
PASSKEYS: dict[str, tuple[dict[str, Any], str]] = {
    "another decision's challenge": ({"challenged": compact(OTHER)}, "answered another question"),
    "nobody verified": ({"flags": PRESENT}, "did not verify who"),
    "nobody present": ({"flags": VERIFIED}, "nobody was present"),
    "an enrolment": ({"kind": "webauthn.create"}, "not an assertion"),
    "another person": ({"key": BEN}, "no --person key given made that signature"),
    "an unknown algorithm": ({"alg": -257}, "not an integer of at least -8"),
    "the other algorithm": ({"alg": -8}, "no --person key given made that signature"),
    "no authenticator data": ({"authenticator_data": "AA"}, "nobody was present"),
    "a padded signature": ({"signature": "AA=="}, "malformed"),
    "a spare key": ({"note": 1}, "exactly the keys"),
}


@pytest.mark.parametrize("name", PASSKEYS)
def test_a_bad_passkey_answer_is_named(name: str) -> None:
    """Whatever is wrong with the yes, the approval is named as the bad event, and the reason told."""
    changes, words = PASSKEYS[name]
    made = {"challenged": YES, **changes}
    value = receipt([proposal(), approval(decision=decision(), assertion=assertion(**made))])
    code, line = judge(value)
    assert (code, line.startswith("BAD: event 2 (gate.approved, ")) == (BAD, True)
    assert words in line


def test_a_signed_no_is_no_approval() -> None:
    """A person's refusal, truly signed, does not count as a yes because the log filed it under one."""
    refused = decision(verdict="refused")
    value = receipt([approval(decision=refused, assertion=assertion(compact(refused)))])
    assert "the decision in it is not one" in judge(value)[1]


def test_a_batch_that_contains_the_decision_is_proved() -> None:
    """One touch for several decisions proves each of them."""
    value = receipt([approval(decision=decision(), batch=BATCH, assertion=assertion(compact(BATCH)))])
    assert judge(value)[0] == PROVED


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        ([OTHER], "does not contain this decision"),
        (BATCH[::-1], "not sorted"),
        ([decision(), decision()], "not sorted, or names a decision twice"),
        ({"a": 1}, "not a list"),
        ([1], "not an object"),
    ],
)
def test_a_bad_batch_is_refused(batch: object, words: str) -> None:
    """A batch must hold the decision and have one spelling."""
    value = receipt([approval(decision=decision(), batch=batch, assertion=assertion(compact(batch)))])
    assert words in judge(value)[1]


@pytest.mark.parametrize("hidden", ["assertion", "decision"])
def test_hiding_the_yes_does_not_pass_for_a_checked_one(hidden: str) -> None:
    """Who asks for a person to be checked is not told "proved" when the proof was left out."""
    bodies: dict[str, Any] = {"decision": decision(), "assertion": assertion(YES)}
    value = receipt([approval(hide=[hidden], **bodies)])
    code, line = judge(value)
    assert (code, f"its {hidden} is not disclosed" in line) == (BAD, True)
    assert judge(value, KEY, [])[0] == PROVED


def test_leaving_out_the_approval_does_not_pass_either() -> None:
    """A file without any approval cannot be good for a person's key."""
    assert judge(receipt([proposal()]))[0] == BAD


# ------------------------------------------------------------------------------------------ any other bytes


def test_no_single_bit_of_a_receipt_is_free() -> None:
    """Whichever bit of the file flips, it is no longer proved, nor only of unknown signer."""
    data = file_of(receipt([said_yes()]))
    for place in range(len(data)):
        for bit in range(8):
            flipped = data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
            code = script.verify(flipped, KEY, [ANA_KEY]).exit_code
            assert code in (BAD, NOT_A_RECEIPT), (place, bit)


def test_no_byte_of_the_sample_is_free() -> None:
    """Every byte of the published sample, changed, makes the script say that something is wrong."""
    data = SAMPLE.read_bytes()
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert script.verify(changed, KEY).exit_code in (BAD, NOT_A_RECEIPT), place
        assert script.verify(changed).exit_code != PROVED, place


def test_every_truncation_is_no_receipt() -> None:
    """A file cut short anywhere, or with anything after its end, is not a receipt."""
    data = SAMPLE.read_bytes()
    cut = {script.verify(data[:length], KEY).exit_code for length in range(len(data))}
    assert cut | {script.verify(data + b"\n", KEY).exit_code} == {NOT_A_RECEIPT}


def test_another_layout_of_the_same_json_is_no_receipt() -> None:
    """Spaces, other key order or unescaped letters are refused: one receipt, one spelling."""
    value = good()
    layouts = [
        json.dumps(value, sort_keys=True, indent=1),
        json.dumps(value, sort_keys=True),
        json.dumps(value, separators=(",", ":")),
        json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
    ]
    codes = {script.verify(layout.encode() + b"\n", KEY).exit_code for layout in layouts}
    assert codes == {NOT_A_RECEIPT}


@settings(deadline=None)  # a busy machine is no fault
@given(st.binary(max_size=400))
@example(b"")
@example(b"[" * 200_000)
@example(b'{"a":' * 200_000)
@example(b"9" * 1_000_000)
@example(b"-" * 100)
@example(b'{"format":1e999}')
@example(b"NaN")
@example(b'"\\ud800"')
@example(b"\xef\xbb\xbf{}")
def test_any_bytes_get_an_answer(data: bytes) -> None:
    """Whatever the file holds, the script answers in words."""
    assert script.verify(data, KEY, [ANA_KEY]).exit_code == NOT_A_RECEIPT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)  # a busy machine is no fault
@given(st.data())
def test_any_value_anywhere_gets_an_answer(data: st.DataObject) -> None:
    """A value of any type, at any place of a good receipt, is refused in words."""
    value = good()
    place: Any = value
    steps = data.draw(st.integers(1, 6))
    holder, last = value, "events"
    for _ in range(steps):
        names = range(len(place)) if isinstance(place, list) else sorted(place)
        holder, last = place, data.draw(st.sampled_from(names))
        place = holder[last]
        if not isinstance(place, (dict, list)) or not place:
            break
    unlike = place
    silent = {} if last == "disclosed" else unlike  # to disclose nothing is no lie
    holder[last] = data.draw(JSON.filter(lambda drawn: drawn not in (unlike, silent)))
    assert script.verify(file_of(value), KEY, [ANA_KEY]).exit_code in (BAD, NOT_A_RECEIPT)


@settings(deadline=None)  # a busy machine is no fault
@given(st.text(max_size=60))
def test_any_header_gets_an_answer(header: str) -> None:
    """A header of any text is refused in words, and the event is still named."""
    value = good()
    value["events"][0]["header"] = header
    assert judge(value)[1].startswith("BAD: event 1 (")


@settings(deadline=None)  # a busy machine is no fault
@given(st.binary(max_size=80))
@example(b"[" * 100_000)
@example(b'{"gate":' * 990 + b"1" + b"}" * 990)
def test_any_body_gets_an_answer(body: bytes) -> None:
    """A log may record any bytes as a decision and an assertion; they are refused in words."""
    for bodies in (
        {"decision": body},
        {"decision": YES, "assertion": body},
        {"decision": YES, "batch": body},
    ):
        whole = {"assertion": compact(assertion(YES)), **bodies}
        assert judge(receipt([event("gate.approved", whole)]))[0] == BAD


@pytest.mark.parametrize("depth", [60, 300, 900, 950, 970, 980, 985, 990, 995, 1000, 1100, 5000])
def test_deep_nesting_gets_an_answer(depth: int) -> None:
    """However deep the nesting, at the interpreter's limit and beyond, the answer is a sentence."""
    nest = b"[" * depth + b"]" * depth
    batch = event("gate.approved", {"decision": YES, "batch": nest, "assertion": compact(assertion(nest))})
    header = good()
    header["events"][0]["header"] = nest.decode()
    assert judge(receipt([batch]))[0] == BAD
    assert judge(header)[0] == BAD
    assert script.verify(nest + b"\n").exit_code == NOT_A_RECEIPT


# -------------------------------------------------------------------------------------------- the program


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, check=False, encoding="utf-8", env=settings)


def test_the_program_proves_the_sample() -> None:
    """A stranger runs one command, and the last line and the exit code say "proved"."""
    done = run(str(SAMPLE), "--key", KEY, "--person", ANA_KEY)
    assert (done.returncode, done.stderr) == (PROVED, "")
    assert done.stdout.splitlines()[-1].startswith("PROVED: 3 event(s)")


def test_the_program_names_the_event_of_a_broken_byte(tmp_path: Path) -> None:
    """One byte of the sample is broken, and the program names the event and exits with 1."""
    broken = tmp_path / "broken.json"
    broken.write_bytes(SAMPLE.read_bytes().replace(b"draft.proposed", b"draft.proposee"))
    done = run(str(broken), "--key", KEY)
    assert done.returncode == BAD
    assert done.stdout.splitlines()[-1].startswith(
        "BAD: event 1 (draft.proposee, run run_5a1e0000000000000000000000000002, index 12): "
    )


def test_the_program_says_when_the_signer_is_unknown() -> None:
    """Without a key the program exits with 3."""
    assert run(str(SAMPLE)).returncode == SIGNER_UNKNOWN


@pytest.mark.parametrize("arguments", [[], ["/nowhere/at/all"], ["/"], ["a", "b"], [str(SAMPLE), "--key"]])
def test_wrong_usage_is_told_without_a_traceback(arguments: list[str]) -> None:
    """A missing file, a folder, or wrong options end with 2 and a sentence."""
    done = run(*arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (NOT_A_RECEIPT, False)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_no_escape_reaches_the_terminal(tmp_path: Path, encoding: str) -> None:
    """Colours, cursor movements and reversed writing in a body are shown as escapes, on any terminal."""
    environment = {"PYTHONIOENCODING": encoding}
    hostile = "\x1b[2Jgone\r\x9b1m\u202e\u2028\nPROVED: all is well\x00 ü".encode()
    path = tmp_path / "hostile.json"
    path.write_bytes(file_of(receipt([event("note\x1b[1m", {"body": hostile})])))
    done = run(str(path), "--key", KEY, **environment)
    assert done.returncode == PROVED
    assert not [one for one in done.stdout if one != "\n" and not one.isprintable()]
    assert sum(line.startswith("PROVED") for line in done.stdout.splitlines()) == 1


def test_the_script_stands_alone() -> None:
    """The script imports the standard library and nothing of Haloop."""
    imports = [line for line in SCRIPT.read_text().splitlines() if line.startswith(("import ", "from "))]
    modules = {line.split()[1].split(".")[0] for line in imports}
    assert modules <= sys.stdlib_module_names


# --------------------------------------------------------------------------------------------- signatures


def hexes(*texts: str) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


RFC8032 = [
    hexes(
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0"
        "595bbe24655141438e7a100b",
        "",
    ),
    hexes(
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eae"
        "b4302aeeb00d291612bb0c00",
        "72",
    ),
    hexes(
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9"
        "716ed28dc027beceea1ec40a",
        "af82",
    ),
]


@pytest.mark.parametrize("vector", RFC8032)
def test_the_published_ed25519_signatures_verify(vector: list[bytes]) -> None:
    """The vectors of RFC 8032, section 7.1, verify, and with one bit changed they do not."""
    key, signature, message = vector
    assert script.ed25519_verify(key, signature, message)
    assert not script.ed25519_verify(key, signature, message + b"\x00")
    for place in range(512):
        bent = bytearray(signature)
        bent[place // 8] ^= 1 << place % 8
        assert not script.ed25519_verify(key, bytes(bent), message)


def test_the_published_note_verifies() -> None:
    """The example key and note of the signed-note format verify."""
    key = script.read_log_key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    line = "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3m"
    signature = script.read_signature(line + "FXmRKuwHjG1Yu72IneyaQM=")
    assert signature.key_id == key.key_id
    assert script.ed25519_verify(key.public_key, signature.signature, b"This is an example message.\n")


ED_PRIME, ED_ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
SMALL_ORDER = [
    (1).to_bytes(32, "little"),
    (0).to_bytes(32, "little"),
    (ED_PRIME - 1).to_bytes(32, "little"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]


def reference_ed25519(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_is_refused(key: bytes) -> None:
    """A key under which one signature fits many messages is refused, where a lenient verifier accepts it."""
    identity = (1).to_bytes(32, "little") + bytes(32)
    accepted = [number for number in range(64) if script.ed25519_verify(key, identity, bytes([number]))]
    lenient = [number for number in range(64) if reference_ed25519(key, identity, bytes([number]))]
    assert (accepted, bool(lenient)) == ([], True)


def test_a_second_spelling_of_an_ed25519_signature_is_refused() -> None:
    """s + L, a point spelled beyond the prime, and a negative zero are refused."""
    signature = LOG.sign(b"yes")
    scalar = int.from_bytes(signature[32:], "little") + ED_ORDER
    assert not script.ed25519_verify(raw(LOG), signature[:32] + scalar.to_bytes(32, "little"), b"yes")
    beyond = [(ED_PRIME + y).to_bytes(32, "little") for y in range(19)]
    negative_zero = (1 | 1 << 255).to_bytes(32, "little")
    assert [key for key in [*beyond, negative_zero] if script.ed25519_point(key) is not None] == []


@pytest.mark.parametrize("length", [0, 1, 31, 33, 63, 65, 128])
def test_ed25519_refuses_other_lengths(length: int) -> None:
    """Short and long keys and signatures are refused, not read in part."""
    signature = LOG.sign(b"yes")
    assert not script.ed25519_verify(raw(LOG), (signature * 2)[:length], b"yes")
    assert not script.ed25519_verify((raw(LOG) * 4)[:length], signature, b"yes")


@settings(deadline=None)  # a busy machine is no fault
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_ed25519_agrees_with_a_second_implementation(seed: bytes, message: bytes) -> None:
    """Good signatures of any key over any message verify, and no other key's do."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    assert script.ed25519_verify(raw(key), key.sign(message), message)
    assert not script.ed25519_verify(raw(BEN), key.sign(message), message)


@settings(deadline=None)  # a busy machine is no fault
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_ed25519_never_accepts_what_the_second_refuses(key: bytes, signature: bytes) -> None:
    """Over arbitrary bytes the script is never the more lenient of the two."""
    assert not script.ed25519_verify(key, signature, b"") or reference_ed25519(key, signature, b"")


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1


def der(r: int, s: int) -> bytes:
    """Spell any two integers, negative and oversized ones too."""
    inner = b""
    for number in (r, s):
        digits = number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
        inner += bytes([2, len(digits)]) + digits
    return bytes([0x30, len(inner)]) + inner


RFC6979_KEY = bytes.fromhex(
    "04"
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
RFC6979 = {
    b"sample": (
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    ),
    b"test": (
        0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
        0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
    ),
}


@pytest.mark.parametrize("message", RFC6979)
def test_the_published_p256_signatures_verify(message: bytes) -> None:
    """The SHA-256 vectors of RFC 6979, appendix A.2.5, verify, and for another message they do not."""
    signature = der(*RFC6979[message])
    assert script.p256_verify(RFC6979_KEY, signature, message)
    assert not script.p256_verify(RFC6979_KEY, signature, message + b"!")
    for place in range(len(signature) * 8):
        bent = bytearray(signature)
        bent[place // 8] ^= 1 << place % 8
        assert not script.p256_verify(RFC6979_KEY, bytes(bent), message)


def reference_p256(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
        public.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


R, S = RFC6979[b"sample"]
DER = der(R, S)
OUT_OF_RANGE = [0, P256_ORDER, P256_ORDER + 1, P256_PRIME, 2**256 - 1, 2**256, -1, -R]
BAD_P256 = {
    "r out of range": [der(number, S) for number in OUT_OF_RANGE],
    "s out of range": [der(R, number) for number in OUT_OF_RANGE],
    "both out of range": [der(a, b) for a in OUT_OF_RANGE for b in OUT_OF_RANGE],
    "plus the order": [der(R + P256_ORDER, S), der(R, S + P256_ORDER)],
    "negated r": [der(P256_ORDER - R, S)],
    "swapped": [der(S, R)],
    "trailing bytes": [DER + b"\x00", DER + DER, bytes([0x30, DER[1] + 1]) + DER[2:] + b"\x00"],
    "a long length": [b"\x30\x81" + DER[1:], b"\x30\x82\x00" + DER[1:], b"\x30\x80" + DER[2:] + b"\x00\x00"],
    "a wrong length": [bytes([0x30, DER[1] + change]) + DER[2:] for change in (-2, -1, 1, 2)],
    "a spare zero": [bytes([0x30, DER[1] + 1, 2, DER[3] + 1, 0]) + DER[4:]],
    "read as negative": [bytes([0x30, DER[1] - 1, 2, DER[3] - 1]) + DER[5:]],
    "another tag": [b"\x31" + DER[1:], DER[:2] + b"\x03" + DER[3:]],
    "an empty integer": [bytes([0x30, 4, 2, 0, 2, 0]), bytes([0x30, 0])],
    "a third integer": [bytes([0x30, DER[1] + 3]) + DER[2:] + b"\x02\x01\x01"],
    "no DER": [
        b"",
        R.to_bytes(32, "big") + S.to_bytes(32, "big"),
        b"\x30",
        bytes(70),
        b"\xff" * 72,
        b"\x30" * 9000,
    ],
    "cut short": [DER[:length] for length in range(len(DER))],
}


@pytest.mark.parametrize("name", BAD_P256)
def test_a_bad_p256_signature_is_refused(name: str) -> None:
    """Numbers out of range and every other spelling of a good signature are refused, here as elsewhere."""
    accepted = [bad.hex() for bad in BAD_P256[name] if script.p256_verify(RFC6979_KEY, bad, b"sample")]
    elsewhere = [bad.hex() for bad in BAD_P256[name] if reference_p256(RFC6979_KEY, bad, b"sample")]
    assert (accepted, elsewhere) == ([], [])


def test_a_bad_p256_key_is_refused() -> None:
    """Off the curve, beyond the prime, at infinity, compressed or of another length: no such key verifies."""
    x, y = RFC6979_KEY[1:33], RFC6979_KEY[33:]
    five = (5).to_bytes(32, "big")
    wide = (int.from_bytes(five, "big") + P256_PRIME).to_bytes(32, "big")
    keys = [
        b"",
        b"\x00",
        b"\x04",
        bytes(65),
        b"\x04" + bytes(64),
        b"\x04" + x + y[:-1] + bytes([y[-1] ^ 1]),
        b"\x04" + y + x,
        b"\x04" + wide + y,
        b"\x04" + x + b"\xff" * 32,
        b"\x02" + x,
        b"\x03" + x,
        b"\x06" + x + y,
        RFC6979_KEY + b"\x00",
    ]
    assert [key.hex() for key in keys if script.p256_verify(key, DER, b"sample")] == []


def test_the_other_valid_s_is_accepted() -> None:
    """Passkeys send either of the two valid numbers s; both verify, as with other verifiers."""
    twin = der(R, P256_ORDER - S)
    assert script.p256_verify(RFC6979_KEY, twin, b"sample") == reference_p256(RFC6979_KEY, twin, b"sample")


@settings(deadline=None)  # a busy machine is no fault
@given(st.integers(1, P256_ORDER - 1), st.binary(max_size=100))
@example(1, b"")
@example(2, b"")
@example(P256_ORDER - 1, b"")
def test_p256_agrees_with_a_second_implementation(secret: int, message: bytes) -> None:
    """Good signatures of any key over any message verify, and no other key's do."""
    key = ec.derive_private_key(secret, ec.SECP256R1())
    signature = key.sign(message, ec.ECDSA(hashes.SHA256()))
    assert script.p256_verify(point(key), signature, message)
    assert not script.p256_verify(point(ANA), signature, message)


@settings(deadline=None)  # a busy machine is no fault
@given(st.integers(1, 40), st.integers(1, 40), st.binary(max_size=4))
def test_p256_agrees_on_small_numbers(r: int, s: int, message: bytes) -> None:
    """With tiny numbers, where lazy formulas meet their special cases, both implementations agree."""
    signature = der(r, s)
    assert signature == encode_dss_signature(r, s)
    key = point(ec.derive_private_key(r, ec.SECP256R1()))
    assert script.p256_verify(key, signature, message) == reference_p256(key, signature, message)


@pytest.mark.parametrize("curve", ["ed25519", "p256"])
def test_the_sum_of_points_has_no_special_cases(curve: str) -> None:
    """Adding a point to itself, to its opposite and to zero gives what counting gives."""
    add, zero, base, order, prime = {
        "ed25519": (script.ed25519_add, script.ED_ZERO, script.ED_BASE, ED_ORDER, ED_PRIME),
        "p256": (script.p256_add, script.P256_ZERO, script.P256_BASE, P256_ORDER, P256_PRIME),
    }[curve]
    none = script.sum_of_multiples(add, zero, (order - 5, base), (5, base))
    double = script.sum_of_multiples(add, zero, (1, base), (1, base))
    alone = add(zero, base)
    assert (none[0] % prime, add(base, none)[0] * base[2] % prime) == (
        0,
        base[0] * add(base, none)[2] % prime,
    )
    assert (double[0] * add(base, base)[2] - add(base, base)[0] * double[2]) % prime == 0
    assert (alone[0] - base[0] * alone[2]) % prime == 0
