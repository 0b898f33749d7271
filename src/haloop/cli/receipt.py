"""`haloop receipt`: a file with which a stranger can check a few events without Haloop."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.new_file import new_file
from haloop.cli.view import view_of
from haloop.kernel.errors import BadInput, BadReceipt, Corrupt
from haloop.kernel.receipt import Receipt, verify
from haloop.settings import Settings
from haloop.store.receipt import make_receipt
from haloop.store.signing import verify_ed25519


def _require_some(context: click.Context, _: click.Parameter, events: tuple[str, ...]) -> tuple[str, ...]:
    if not events:
        raise BadInput(
            "No event is named by its index.",
            code="receipt.usage",
            next_step=f"For the receipts of a run: haloop receipts {context.params['account']} --out FOLDER",
        )
    return events


@click.command()
@click.argument("account")
@click.argument("events", nargs=-1, metavar="INDEX[:PART,PART]...", callback=_require_some)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The new file to write.")
@answering
def receipt(settings: Settings, account: str, events: Sequence[str], out: Path) -> Answer:
    """Show events by their index, each with the named parts readable, under the newest checkpoint.

    Parts that are not named stay closed: only their hashes are in the file. What a run did is shown by haloop receipts.
    """
    disclose = _read_events(events)
    with view_of(settings.home) as view:
        tree = view.tree(account)
        note = view.newest_checkpoint(tree).note
        made = make_receipt(view.reader, view.bodies, tree.account, disclose, note)
    _require_sound(made)
    with new_file(out) as file:
        file.write(made.encode().encode())
    return Answer(
        lines=[f"{len(disclose)} event(s) of {account} written to {out}."],
        document={"account": account, "events": len(disclose), "file": str(out)},
    )


def _require_sound(made: Receipt) -> None:
    """A damaged tree must be noticed here, not by the stranger."""
    try:
        verify(made, None, verify_ed25519)
    except BadReceipt as error:
        raise Corrupt(f"The stored tree does not prove these events: {error.sentence}") from error


def _read_events(events: Sequence[str]) -> Mapping[int, Sequence[str]]:
    disclose: dict[int, Sequence[str]] = {}
    for spelled in events:
        index, _, names = spelled.partition(":")
        if not (index.isascii() and index.isdigit() and len(index) < 13) or int(index) in disclose:
            raise BadInput(
                f"{spelled!r} is not an event to show, or shows one twice.",
                code="receipt.usage",
                next_step="Write INDEX, or INDEX:part,part with the parts to be readable: 5:draft,card",
            )
        disclose[int(index)] = [name for name in dict.fromkeys(names.split(",")) if name]
    return disclose
