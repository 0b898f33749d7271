"""Receipts: what holds is told in full, the first event that does not is named, and no byte of the file is free."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from haloop.kernel.checkpoint import Checkpoint, Proof, VerifierKey, sign
from haloop.kernel.errors import BadReceipt, HaloopError
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import START, Chain, Head, encode_header, leaf_hash, origin
from haloop.kernel.merkle import CompactRange, inclusion_proof
from haloop.kernel.part import commitment, encode_hashes, part_hash
from haloop.kernel.receipt import Disclosed, ProvenEvent, Receipt, verify

SCRIPT = Path(__file__).parents[2] / "tools" / "verify_receipt.py"
ACCOUNT = AccountId("acc_0123456789abcdef0123456789abcdef")
ORIGIN = origin(ACCOUNT, 1)
FIRST, SECOND = RunId("run_" + "1" * 32), RunId("run_" + "2" * 32)
SALT = bytes(32)


class Signer:
    """A signer from the library the product uses, with a key made of one repeated byte."""

    def __init__(self, seed: int = 7) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


KEY = VerifierKey.of(ORIGIN, Signer().public_key)


@dataclass(frozen=True)
class Leaf:
    """One event on its way into a receipt."""

    header: bytes
    parts: dict[str, bytes]
    disclosed: dict[str, Disclosed]


def leaf(run: RunId, after: Head, words: bytes, *, account: AccountId = ACCOUNT, kind: str = "step.done") -> Leaf:
    parts = {"words": part_hash("words", words, SALT)}
    header = encode_header(
        Chain(account=account, run_id=run),
        after,
        kind=kind,
        actor="kernel",
        ts=1_760_000_000_000_000,
        payload=commitment(encode_hashes(parts)),
        claim=None,
    )
    return Leaf(header, parts, {"words": Disclosed(body=words, salt=SALT)})


def head_of(event: Leaf) -> Head:
    return Head(run_seq=json.loads(event.header)["run_seq"], hash=leaf_hash(event.header))


def story() -> list[Leaf]:
    """Two facts of one run with one of another between them."""
    one = leaf(FIRST, START, b'"one"')
    return [one, leaf(SECOND, START, b'"other"'), leaf(FIRST, head_of(one), b'"two"')]


def checkpoint_of(leaves: list[Leaf], *, seed: int = 7, name: str = ORIGIN) -> str:
    grown = CompactRange()
    for each in leaves:
        grown.append(leaf_hash(each.header))
    return sign(Checkpoint(origin=name, size=grown.size, root=grown.root()), Signer(seed))


def proven(leaves: list[Leaf], index: int, *, note: str | None = None) -> ProvenEvent:
    tile = b"".join(leaf_hash(each.header) for each in leaves)
    hashes = inclusion_proof(index, len(leaves), lambda _level, _tile: tile)
    chosen = leaves[index]
    return ProvenEvent(
        header=chosen.header,
        parts=chosen.parts,
        disclosed=chosen.disclosed,
        proof=Proof(index=index, hashes=hashes, note=note or checkpoint_of(leaves)),
    )


def receipt_of(leaves: list[Leaf], *indexes: int) -> Receipt:
    return Receipt(origin=ORIGIN, events=tuple(proven(leaves, index) for index in indexes or range(len(leaves))))


def refusal(receipt: Receipt, key: VerifierKey | None = KEY) -> BadReceipt:
    with pytest.raises(BadReceipt) as refused:
        verify(receipt, key, holds)
    return refused.value


def test_a_sound_receipt_tells_what_it_proves() -> None:
    """Events, their order and the one checkpoint come out as they went in, with and without a key."""
    receipt = receipt_of(story())
    for key in (KEY, None):
        findings = verify(receipt, key, holds)
        assert [event.index for event in findings.events] == [0, 1, 2]
        assert [event.header.run_id for event in findings.events] == [FIRST, SECOND, FIRST]
        assert (len(findings.checkpoints), findings.signer) == (1, key)


def test_a_receipt_reads_back_as_it_was_written() -> None:
    """The file says all that the receipt says."""
    receipt = receipt_of(story())
    assert Receipt.decode(receipt.encode()) == receipt


@given(st.data())
@settings(deadline=None)
def test_no_byte_of_the_file_is_free(data: st.DataObject) -> None:
    """Whatever single character is changed, dropped or added, the file is refused or does not verify."""
    text = receipt_of(story()).encode()
    position = data.draw(st.integers(0, len(text) - 1))
    drawn = data.draw(st.characters(max_codepoint=0x2FF))
    for changed in (text[:position] + drawn + text[position + 1 :], text[:position] + text[position + 1 :]):
        if changed != text:
            with pytest.raises(HaloopError):
                verify(Receipt.decode(changed), KEY, holds)


def swapped(receipt: Receipt, number: int, change: Callable[[ProvenEvent], ProvenEvent]) -> Receipt:
    events = list(receipt.events)
    events[number] = change(events[number])
    return replace(receipt, events=tuple(events))


def other_words(event: ProvenEvent) -> ProvenEvent:
    return replace(event, disclosed={"words": Disclosed(body=b'"ten"', salt=SALT)})


BROKEN: dict[str, Callable[[ProvenEvent], ProvenEvent]] = {
    "other words": other_words,
    "another salt": lambda event: replace(event, disclosed={"words": Disclosed(body=b'"two"', salt=bytes([1]) * 32)}),
    "words nobody said": lambda event: replace(event, disclosed={"price": Disclosed(body=b"1", salt=SALT)}),
    "other hashes of parts": lambda event: replace(event, parts={"words": bytes(32)}, disclosed={}),
    "a part more": lambda event: replace(event, parts={**event.parts, "price": bytes(32)}),
    "no parts": lambda event: replace(event, parts={}, disclosed={}),
    "another header": lambda event: replace(event, header=event.header.replace(b"step.done", b"step.gone")),
    "no header": lambda event: replace(event, header=b"{}"),
    "another index": lambda event: replace(event, proof=replace(event.proof, index=1)),
    "another path": lambda event: replace(event, proof=replace(event.proof, hashes=(bytes(32),))),
    "a path too long": lambda event: replace(
        event, proof=replace(event.proof, hashes=(*event.proof.hashes, bytes(32)))
    ),
    "somebody else's checkpoint": lambda event: replace(
        event, proof=replace(event.proof, note=checkpoint_of(story(), seed=8))
    ),
    "another log's checkpoint": lambda event: replace(
        event, proof=replace(event.proof, note=checkpoint_of(story(), name=origin(ACCOUNT, 2)))
    ),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_the_first_bad_event_is_named(change: Callable[[ProvenEvent], ProvenEvent]) -> None:
    """Whatever is changed in the third event, it is the third that is named."""
    refused = refusal(swapped(receipt_of(story()), 2, change))
    assert refused.sentence.startswith("event 3")


def test_of_two_bad_events_the_first_is_named() -> None:
    """The report is about where the trouble begins."""
    receipt = swapped(swapped(receipt_of(story()), 2, other_words), 1, other_words)
    assert refusal(receipt).sentence.startswith(f"event 2 (step.done, {SECOND}, index 1)")


def test_without_a_key_a_forged_signature_goes_unnoticed_but_nothing_else() -> None:
    """With no key at hand the answer is "consistent", and the signer is unknown."""
    receipt = swapped(receipt_of(story(), 0), 0, BROKEN["somebody else's checkpoint"])
    assert verify(receipt, None, holds).signer is None
    refusal(swapped(receipt_of(story(), 0), 0, other_words), key=None)


def test_facts_of_one_run_stand_in_their_order() -> None:
    """A receipt that tells a run backwards, or one fact twice, is refused."""
    leaves = story()
    assert "order" in refusal(receipt_of(leaves, 2, 0)).sentence
    assert "order" in refusal(receipt_of(leaves, 0, 0)).sentence


def test_neighbours_of_one_run_are_linked() -> None:
    """Two facts that claim to follow each other are refused if the second names another before it."""
    one = leaf(FIRST, START, b'"one"')
    leaves = [one, leaf(FIRST, Head(run_seq=1, hash=bytes([9]) * 32), b'"two"')]
    assert "does not follow" in refusal(receipt_of(leaves)).sentence


def test_a_first_fact_names_none_before_it() -> None:
    """A fact numbered 1 that names a predecessor is refused."""
    leaves = [leaf(FIRST, Head(run_seq=0, hash=bytes([9]) * 32), b'"one"')]
    assert "first event" in refusal(receipt_of(leaves)).sentence


def test_order_in_the_tree_is_order_in_the_run() -> None:
    """A later fact of a run cannot stand before an earlier one in the tree."""
    one = leaf(FIRST, START, b'"one"')
    two = leaf(FIRST, head_of(one), b'"two"')
    three = leaf(FIRST, head_of(two), b'"three"')
    leaves = [three, one]
    assert "place" in refusal(receipt_of(leaves, 1, 0)).sentence


def test_another_accounts_fact_does_not_belong() -> None:
    """The log's name says whose it is; a fact of somebody else is refused."""
    stranger = AccountId("acc_" + "9" * 32)
    assert "account" in refusal(receipt_of([leaf(FIRST, START, b'"one"', account=stranger)])).sentence


def test_two_checkpoints_of_one_size_agree() -> None:
    """One log cannot have had two different trees of the same size."""
    mine, other = story(), [*story()[:2], leaf(SECOND, START, b'"another end"')]
    receipt = Receipt(origin=ORIGIN, events=(proven(mine, 0), proven(other, 1)))
    assert "contradicts" in refusal(receipt).sentence


def test_no_two_events_stand_in_one_place(tmp_path: Path) -> None:
    """Two different facts at one index of one log contradict each other, whatever checkpoints lead to them."""
    mine, other = [leaf(FIRST, START, b'"one"')], [leaf(SECOND, START, b'"other"'), *story()[:1]]
    receipt = Receipt(origin=ORIGIN, events=(proven(mine, 0), proven(other, 0)))
    by_script = tmp_path / "receipt.json"
    by_script.write_text(receipt.encode())
    answer = subprocess.run(
        [sys.executable, "-I", SCRIPT, by_script, "--key", str(KEY)], capture_output=True, check=False
    )
    assert answer.returncode == 1
    assert refusal(receipt).sentence.startswith("event 2")


def test_a_receipt_of_nothing_proves_nothing() -> None:
    """A file without events is refused."""
    refusal(Receipt(origin=ORIGIN, events=()))


@pytest.mark.parametrize("name", ["", "haloop.local", "elsewhere.example/log", f"haloop.local/{ACCOUNT}/1"])
def test_a_receipt_of_no_ledger_of_ours_is_refused(name: str) -> None:
    """An origin that names no Haloop ledger makes a bad receipt, by that name."""
    refusal(replace(receipt_of(story()), origin=name), key=None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null\n",
        "[]\n",
        "{}\n",
        '{"events":[],"format":"haloop/receipt/2","origin":"haloop.local/x"}\n',
        '{"events":{},"format":"haloop/receipt/1","origin":"haloop.local/x"}\n',
        '{"events":[1.5],"format":"haloop/receipt/1","origin":"x"}\n',
        '{"events":[{}],"format":"haloop/receipt/1","origin":"x"}\n',
        '{"events":[],"format":"haloop/receipt/1","origin":7}\n',
        '{"events":[],"events":[],"format":"haloop/receipt/1","origin":"x"}\n',
        "[" * 100_000,
        "\ud800",
    ],
)
def test_what_is_no_receipt_is_refused_by_name(text: str) -> None:
    """Any other file is told from a receipt that does not hold, and never crashes the reader."""
    with pytest.raises(BadReceipt) as refused:
        verify(Receipt.decode(text), None, holds)
    assert refused.value.code == "receipt.malformed"
