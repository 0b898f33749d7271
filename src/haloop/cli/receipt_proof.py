"""Whether a receipt holds, and what it shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from haloop.cli.answer import Answer
from haloop.cli.approval import PersonKey, check_approval
from haloop.kernel.canonical import Canonical
from haloop.kernel.checkpoint import VerifierKey
from haloop.kernel.clock import as_text
from haloop.kernel.errors import BadReceipt, Exit
from haloop.kernel.ledger import Event
from haloop.kernel.receipt import ProvenEvent, Receipt, verify
from haloop.store.signing import verify_ed25519

FILE_BYTES_MAX = 16 * 1024 * 1024

_SHOWN_MAX = 300
_APPROVED = "gate.approved"


def prove_receipt(path: Path, keys: Mapping[str, VerifierKey], persons: Sequence[PersonKey]) -> Answer:
    """Check a receipt file; BadReceipt names the first event that does not hold."""
    receipt = _read(path)
    key = keys.get(receipt.origin) or next(iter(keys.values()), None)
    findings = verify(receipt, key, verify_ed25519)
    shown = [
        _show(number, event, proven, persons)
        for number, (event, proven) in enumerate(zip(findings.events, receipt.events, strict=True), start=1)
    ]
    if persons and not any(event.header.kind == _APPROVED for event in findings.events):
        # An approval left out of the file must not turn "checked" into "nothing to check, so all is well".
        raise BadReceipt("--person was given, but no approval in this receipt can be checked.")
    known = findings.signer is not None
    verdict = "OK: signed by the key given" if known else "CONSISTENT, SIGNER UNKNOWN: give --key"
    return Answer(
        lines=[
            f"{path}: taken for a receipt of {receipt.origin}",
            *(line for lines in shown for line in lines),
            f"{len(findings.events)} event(s) under {len(findings.checkpoints)} checkpoint(s)",
            verdict,
        ],
        document={
            "events": [_fields(event, proven) for event, proven in zip(findings.events, receipt.events, strict=True)],
            "ok": True,
            "origin": receipt.origin,
            "signer_known": known,
            "taken_for": "receipt",
            "target": str(path),
        },
        exit=Exit.OK if known else Exit.SIGNER_UNKNOWN,
    )


def _read(path: Path) -> Receipt:
    with path.open("rb") as file:
        raw = file.read(FILE_BYTES_MAX + 1)
    if len(raw) > FILE_BYTES_MAX:
        raise BadReceipt(f"{path} is larger than any receipt.", code="receipt.malformed")
    try:
        return Receipt.decode(raw.decode())
    except UnicodeDecodeError:
        raise BadReceipt("This is not a Haloop receipt: it is not text.", code="receipt.malformed") from None


def _show(number: int, event: Event, proven: ProvenEvent, persons: Sequence[PersonKey]) -> list[str]:
    header = event.header
    where = f"{header.run_id} #{header.run_seq}, index {event.index}"
    lines = [f"event {number}: {as_text(header.ts)} {header.kind} by {header.actor}, {where}"]
    for name in sorted(event.parts):
        disclosed = proven.disclosed.get(name)
        lines.append(f"  {name}: {'(not disclosed or erased)' if disclosed is None else _words(disclosed.body)}")
    if header.kind == _APPROVED:
        bodies = {name: part.body for name, part in proven.disclosed.items()}
        try:
            lines.append(f"  who said yes: {check_approval(bodies, persons)}")
        except BadReceipt as error:
            raise BadReceipt(f"event {number} ({header.kind}, {where}): {error.sentence}", code=error.code) from error
    return lines


def _words(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return f"({len(body)} bytes that are not text)"
    rest = len(text) - _SHOWN_MAX
    return text[:_SHOWN_MAX] + (f"... ({rest} more characters)" if rest > 0 else "")


def _fields(event: Event, proven: ProvenEvent) -> Canonical:
    header = event.header
    return {
        "actor": header.actor,
        "index": event.index,
        "kind": header.kind,
        "parts": {
            name: None if (part := proven.disclosed.get(name)) is None else _words(part.body) for name in event.parts
        },
        "run_id": header.run_id,
        "run_seq": header.run_seq,
        "ts": header.ts,
    }
