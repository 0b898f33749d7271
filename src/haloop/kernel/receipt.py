"""A receipt: a few events, shown to a stranger with the proof that they are in the ledger.

It is one small JSON file in which no byte is free. For each event it holds the header (the leaf), the hashes
of all its parts, the parts that are disclosed with their salts, and a proof in the published tlog-proof form
that leads from the leaf to a signed checkpoint. Whoever has the file needs nothing else but the log's key:
no Haloop, no network, no trust in whoever sent it. What it proves is what this log recorded.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from haloop.kernel import merkle
from haloop.kernel.checkpoint import (
    Checkpoint,
    Proof,
    VerifierKey,
    VerifySignature,
    open_note,
    read_unverified,
)
from haloop.kernel.errors import BadInput, BadReceipt
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import START, Event, Header, leaf_hash, read_origin
from haloop.kernel.part import PartHashes, commitment, digest_from_hex, encode_hashes, part_hash

FORMAT = "haloop/receipt/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """One part made readable: its bytes, and the salt without which its hash cannot be checked."""

    body: bytes
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenEvent:
    """One event of a receipt."""

    header: bytes
    parts: PartHashes
    disclosed: Mapping[str, Disclosed]
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a receipt file says."""

    origin: str
    events: tuple[ProvenEvent, ...]

    def encode(self) -> str:
        """The file's text, in its one accepted spelling."""
        events = [_event_fields(event) for event in self.events]
        return _spell({"format": FORMAT, "origin": self.origin, "events": events})

    @classmethod
    def decode(cls, text: str) -> "Receipt":
        """Read a file; a byte that could have been written otherwise is refused."""
        try:
            fields = json.loads(text, parse_float=_no_float, parse_constant=_no_float)
            receipt = cls(origin=_text(fields["origin"]), events=tuple(_event_of(event) for event in fields["events"]))
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError, BadInput) as error:
            raise BadReceipt(f"This is not a Haloop receipt: {error}.", code="receipt.malformed") from error
        if receipt.encode() != text:
            raise BadReceipt("This is not a Haloop receipt as Haloop writes it.", code="receipt.malformed")
        return receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a receipt was found to prove."""

    events: tuple[Event, ...]
    checkpoints: tuple[Checkpoint, ...]
    signer: VerifierKey | None
    """None: all is consistent, and who signed it is unknown."""


def verify(receipt: Receipt, key: VerifierKey | None, verify_signature: VerifySignature) -> Findings:
    """Check every claim a receipt makes; BadReceipt names the first event that does not hold."""
    open_checkpoint = _opener(key, verify_signature)
    account = _account_of(receipt.origin)
    events: list[Event] = []
    checkpoints: dict[int, Checkpoint] = {}
    for number, proven in enumerate(receipt.events, start=1):
        try:
            event = _check_event(proven, account)
            checkpoint = open_checkpoint(proven.proof.note)
            _require(checkpoint.origin == receipt.origin, "its checkpoint is of another log")
            merkle.verify_inclusion(event.leaf_hash, event.index, checkpoint.size, proven.proof.hashes, checkpoint.root)
            known = checkpoints.setdefault(checkpoint.size, checkpoint)
            _require(known == checkpoint, "its checkpoint contradicts an earlier one of the same size")
            _check_chain(event, events)
        except BadInput as error:
            raise BadReceipt(f"{_name(number, proven)}: {error.sentence}", code=error.code) from error
        events.append(event)
    if not events:
        raise BadReceipt("The receipt holds no event.", code="receipt.malformed")
    return Findings(events=tuple(events), checkpoints=tuple(checkpoints.values()), signer=key)


def _account_of(origin: str) -> AccountId:
    try:
        return read_origin(origin)[0]
    except BadInput as error:
        raise BadReceipt(error.sentence, code="receipt.malformed") from error


def _check_event(proven: ProvenEvent, account: str) -> Event:
    header = Header.decode(proven.header)
    _require(header.account == account, "it belongs to another account than the log's origin")
    _require(commitment(encode_hashes(proven.parts)) == header.payload, "its parts are not those it commits to")
    for name, part in proven.disclosed.items():
        _require(proven.parts.get(name) == part_hash(name, part.body, part.salt), f"part {name} was changed")
    return Event(index=proven.proof.index, header=header, parts=proven.parts, leaf_hash=leaf_hash(proven.header))


def _check_chain(event: Event, before: list[Event]) -> None:
    header = event.header
    if header.run_seq == 1:
        _require(header.prev == START.hash, "it claims to be its run's first event and names one before it")
    for earlier in reversed(before):
        if earlier.header.run_id == header.run_id:
            _require(earlier.header.run_seq < header.run_seq, "its run's events are out of order")
            _require(earlier.index < event.index, "its place contradicts the order of its run")
            neighbours = earlier.header.run_seq + 1 == header.run_seq
            _require(not neighbours or header.prev == earlier.leaf_hash, "it does not follow the event before it")
            break
    for earlier in before:
        _require(earlier.index != event.index, "another event of this receipt stands in its place")


def _opener(key: VerifierKey | None, verify_signature: VerifySignature) -> Callable[[str], Checkpoint]:
    if key is None:
        return read_unverified
    return lambda note: open_note(note, key, verify_signature)


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001  # the condition is the point
    if not holds:
        raise BadReceipt(f"{otherwise}.")


def _name(number: int, proven: ProvenEvent) -> str:
    try:
        header = Header.decode(proven.header)
    except BadInput:
        return f"event {number}"
    return f"event {number} ({header.kind}, {header.run_id}, index {proven.proof.index})"


def _event_fields(event: ProvenEvent) -> dict[str, object]:
    return {
        "header": event.header.decode(),
        "parts": {name: digest.hex() for name, digest in event.parts.items()},
        "disclosed": {
            name: {"salt": _base64(part.salt), "body": _base64(part.body)} for name, part in event.disclosed.items()
        },
        "proof": event.proof.text(),
    }


def _event_of(fields: Mapping[str, object]) -> ProvenEvent:
    return ProvenEvent(
        header=_text(fields["header"]).encode(),
        parts={name: digest_from_hex(digest) for name, digest in _items(fields["parts"])},
        disclosed={
            name: Disclosed(salt=_bytes(dict(_items(part))["salt"]), body=_bytes(dict(_items(part))["body"]))
            for name, part in _items(fields["disclosed"])
        },
        proof=Proof.parse(_text(fields["proof"])),
    )


def _spell(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=True, sort_keys=True) + "\n"


def _items(value: object) -> Iterator[tuple[str, object]]:
    if not isinstance(value, dict):
        raise BadReceipt("an object is missing")
    yield from value.items()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadReceipt("a text is missing")
    return value


def _bytes(value: object) -> bytes:
    return base64.b64decode(_text(value), validate=True)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _no_float(spelled: str) -> object:
    raise BadReceipt(f"the number {spelled} is not a whole one")
