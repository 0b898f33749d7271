"""Whether a home holds: its own contradictions, and what was kept outside of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import apsw

from haloop.cli.answer import Answer
from haloop.cli.progress import Progress
from haloop.cli.view import View, view_of
from haloop.kernel.canonical import Canonical
from haloop.kernel.checkpoint import VerifierKey, open_note, read_unverified
from haloop.kernel.errors import BadInput, Exit, HaloopError
from haloop.kernel.ledger import read_origin
from haloop.settings import Settings
from haloop.store.doctor import newest_notes
from haloop.store.home import Home
from haloop.store.manifest import MANIFEST, is_backup
from haloop.store.signing import verify_ed25519
from haloop.store.verify import Problem, Report, verify_home
from haloop.store.witness import read_notes, witness_path

_SHOWN_MAX = 20


def prove_home(
    settings: Settings, path: Path, keys: Mapping[str, VerifierKey], outside: Sequence[str], *, headers_only: bool
) -> Answer:
    """Check a home, or a copy of its ledger, against itself and against what is known elsewhere."""
    copy = (path / MANIFEST).exists()
    bodies = not headers_only and (Home(path).keys.exists() or not copy)
    witnessed: Sequence[str] = ()
    problems = _forged(outside, keys)
    with view_of(path) as view:
        try:
            # Read before the ledger is: a live process may move the witness on, never back.
            witnessed = () if copy else _witnessed(settings.state, view)
            problems += _not_signed_by(view, keys)
        except apsw.Error as error:
            problems.append(Problem(what=f"the database cannot be read: {error}."))
    with Progress("verified") as progress:
        artifacts = not copy or is_backup(path) or Home(path).artifacts.exists()
        noted = [*outside, *witnessed]
        report = verify_home(path, bodies=bodies, artifacts=artifacts, outside=noted, progress=progress)
    report.problems += problems
    return _answer(path, report, "copy of a ledger" if copy else "home", witnessed, progress.milliseconds)


def _witnessed(state: Path, view: View) -> list[str]:
    """What the witness file on this machine remembers of this home."""
    for tree in view.reader.trees():
        if tree.account.startswith("sys_"):
            return list(newest_notes(view.reader, read_notes(witness_path(state, tree.account))).values())
    return []


def _forged(notes: Sequence[str], keys: Mapping[str, VerifierKey]) -> list[Problem]:
    """Checkpoints given by hand that the key given for them did not sign."""
    found = []
    for note in notes:
        try:
            key = keys.get(read_unverified(note).origin)
            if key is not None:
                open_note(note, key, verify_ed25519)
        except BadInput as error:
            found.append(Problem(what=f"an outside checkpoint: {error.sentence}", code=error.code))
    return found


def _not_signed_by(view: View, keys: Mapping[str, VerifierKey]) -> list[Problem]:
    """Keys given that did not sign the newest checkpoint this home has under their name."""
    return [problem for key in keys.values() if (problem := _disowned(view, key)) is not None]


def _disowned(view: View, key: VerifierKey) -> Problem | None:
    account, epoch = read_origin(key.name)
    try:
        newest = None
        for stored in view.reader.checkpoints(view.tree(account).number):
            newest = stored.note if stored.epoch == epoch else newest
        if newest is None:
            return Problem(what=f"nothing was ever signed under {key.name}.", account=account)
        open_note(newest, key, verify_ed25519)
    except HaloopError as error:
        return Problem(what=f"the key given: {error.sentence}", code=error.code, account=account)
    return None


def _answer(path: Path, report: Report, taken_for: str, witnessed: Sequence[str], milliseconds: int) -> Answer:
    rate = report.events * 1000 // max(1, milliseconds)
    said = (
        f"{report.parts} part(s) opened, {report.erased_parts} erased" if report.bodies else "nothing said was opened"
    )
    lines = [
        f"{path}: taken for a {taken_for}",
        f"{report.events} event(s) in {report.trees} tree(s); {said}",
        *([f"{report.artifacts} artifact(s) are there and as they were recorded"] if report.artifacts else []),
        f"{report.checkpoints} checkpoint(s) agree, {len(witnessed)} asked for by the witness of this machine",
        f"{milliseconds / 1000:.1f} s, {rate:,} events/s",
    ]
    if (path / "restored").exists():
        lines.append("A backup was restored here; the next start is in recovery mode.")
    lines += [f"BAD: {problem}" for problem in report.problems[:_SHOWN_MAX]]
    if len(report.problems) > _SHOWN_MAX:
        lines.append(f"... and {len(report.problems) - _SHOWN_MAX} more")
    return Answer(
        lines=[*lines, "OK"] if report.ok else lines,
        document={
            "artifacts": report.artifacts,
            "bodies": report.bodies,
            "checkpoints": report.checkpoints,
            "erased": report.erased_parts,
            "events": report.events,
            "events_per_second": rate,
            "milliseconds": milliseconds,
            "ok": report.ok,
            "parts": report.parts,
            "problems": [_problem(problem) for problem in report.problems],
            "target": str(path),
            "taken_for": taken_for,
            "trees": report.trees,
            "witnessed": len(witnessed),
        },
        exit=Exit.OK if report.ok else Exit.BAD,
    )


def _problem(problem: Problem) -> Canonical:
    return {
        "account": problem.account,
        "code": problem.code,
        "index": problem.index,
        "kind": problem.kind,
        "run_id": problem.run_id,
        "what": problem.what,
    }
