"""`haloop verify`: does this hold? For a home, a receipt, an exported checkpoint or an export file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.approval import read_person_key
from haloop.cli.export_proof import prove_export
from haloop.cli.home_proof import prove_home
from haloop.cli.note_proof import prove_notes
from haloop.cli.receipt_proof import prove_receipt
from haloop.cli.target import Kind, read_notes, recognise
from haloop.kernel.checkpoint import VerifierKey
from haloop.kernel.errors import BadInput
from haloop.settings import Settings


@click.command()
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.option("--key", "keys", multiple=True, metavar="VKEY", help="A verifier key you got from somewhere you trust.")
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A checkpoint kept elsewhere, with which the home must still begin.",
)
@click.option("--person", "persons", multiple=True, metavar="KEY", help="es256:… or eddsa:…, whose yes it must be.")
@click.option("--headers-only", is_flag=True, help="Check the hashes without opening what is said.")
@answering
def verify(
    settings: Settings,
    target: Path | None,
    keys: Sequence[str],
    checkpoints: Sequence[Path],
    persons: Sequence[str],
    headers_only: bool,  # noqa: FBT001
) -> Answer:
    """Check TARGET: a home (by default yours), a receipt, an exported checkpoint or an export file.

    It reads beside a running process and changes nothing. Exit code 0: it holds; 1: it does not; 3: it is
    consistent, but no --key says who signed it.
    """
    place = target or settings.home
    kind = Kind.HOME if target is None else recognise(place)
    _require_useful(kind, checkpoints=checkpoints, persons=persons, headers_only=headers_only)
    known = _by_name(keys)
    match kind:
        case Kind.RECEIPT:
            return prove_receipt(place, known, [read_person_key(person) for person in persons])
        case Kind.EXPORT:
            return prove_export(place, known)
        case Kind.CHECKPOINT:
            return prove_notes(settings.home, place, known)
        case Kind.HOME:
            outside = [note for file in checkpoints for note in read_notes(file)]
            return prove_home(settings, place, known, outside, headers_only=headers_only)


def _by_name(keys: Sequence[str]) -> Mapping[str, VerifierKey]:
    parsed = [VerifierKey.parse(key.strip()) for key in keys]
    return {key.name: key for key in parsed}


def _require_useful(kind: Kind, **options: object) -> None:
    """An option that would be ignored must not look as if it had been checked."""
    meant_for = {"checkpoints": Kind.HOME, "headers_only": Kind.HOME, "persons": Kind.RECEIPT}
    names = {"checkpoints": "--checkpoint", "headers_only": "--headers-only", "persons": "--person"}
    for name, given in options.items():
        if given and kind is not meant_for[name]:
            raise BadInput(
                f"{names[name]} says something about a {meant_for[name]}; this is a {kind}.",
                code="usage.bad",
                next_step="Leave the option out, or give another target.",
            )
