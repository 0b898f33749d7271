"""Whether an exported checkpoint holds: who signed it, and whether the home still begins with what it saw."""

from collections.abc import Mapping
from pathlib import Path

from haloop.cli.answer import Answer
from haloop.cli.progress import Progress
from haloop.cli.target import read_notes
from haloop.kernel.checkpoint import Checkpoint, VerifierKey, open_note, read_unverified
from haloop.kernel.errors import BadNote, Exit
from haloop.store.signing import verify_ed25519
from haloop.store.verify import verify_home


def prove_notes(home: Path, path: Path, keys: Mapping[str, VerifierKey]) -> Answer:
    """Check the signatures, then the whole tree from its leaves up to where each checkpoint stands."""
    notes = read_notes(path)
    opened = [_open(note, keys) for note in notes]
    with Progress("verified") as progress:
        report = verify_home(home, bodies=False, outside=notes, progress=progress)
    known = all(checkpoint.origin in keys for checkpoint in opened)
    lines = [f"{path}: taken for {len(opened)} checkpoint(s), held against {home}"]
    lines += [f"{checkpoint.origin}: {checkpoint.size} event(s), {_signer(checkpoint, keys)}" for checkpoint in opened]
    lines += [f"BAD: {problem}" for problem in report.problems]
    if report.ok:
        lines.append("OK" if known else "CONSISTENT, SIGNER UNKNOWN: the home begins with it; give --key")
    return Answer(
        lines=lines,
        document={
            "checkpoints": [
                {"origin": checkpoint.origin, "root": checkpoint.root.hex(), "size": checkpoint.size}
                for checkpoint in opened
            ],
            "ok": report.ok,
            "problems": [str(problem) for problem in report.problems],
            "signer_known": known,
            "taken_for": "checkpoint",
            "target": str(path),
        },
        exit=(Exit.OK if known else Exit.SIGNER_UNKNOWN) if report.ok else Exit.BAD,
    )


def _open(note: str, keys: Mapping[str, VerifierKey]) -> Checkpoint:
    claimed = read_unverified(note)
    key = keys.get(claimed.origin)
    if key is not None:
        return open_note(note, key, verify_ed25519)
    if keys:  # keys were given, and none of them is for this log: that is no answer "signer unknown"
        raise BadNote(f"None of the keys given speaks for {claimed.origin}.", code="note.unknown_signer")
    return claimed


def _signer(checkpoint: Checkpoint, keys: Mapping[str, VerifierKey]) -> str:
    return "signed by the key given" if checkpoint.origin in keys else "signer unknown"
