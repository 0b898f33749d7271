"""Whether an export file holds, line by line, without a home."""

from collections.abc import Mapping
from pathlib import Path

from haloop.cli.answer import Answer
from haloop.cli.progress import Progress
from haloop.kernel.checkpoint import VerifierKey
from haloop.kernel.errors import Exit
from haloop.store.export import verify_export


def prove_export(path: Path, keys: Mapping[str, VerifierKey]) -> Answer:
    """Check an export; BadProof names the first line that does not hold."""
    with path.open("rb") as file, Progress("verified") as progress:
        found = verify_export(file, keys, progress)
    origin = found.checkpoint.origin
    said = f"{found.parts} part(s), {found.erased} erased"
    verdict = "OK" if found.signer else "CONSISTENT, SIGNER UNKNOWN: give --key"
    return Answer(
        lines=[
            f"{path}: taken for an export of {origin}",
            f"{found.events} event(s), {said}; {progress.milliseconds / 1000:.1f} s",
            verdict,
        ],
        document={
            "erased": found.erased,
            "events": found.events,
            "milliseconds": progress.milliseconds,
            "ok": True,
            "origin": origin,
            "parts": found.parts,
            "signer_known": found.signer is not None,
            "taken_for": "export",
            "target": str(path),
        },
        exit=Exit.OK if found.signer else Exit.SIGNER_UNKNOWN,
    )
