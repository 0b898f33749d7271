"""`haloop checkpoint`: the newest signed checkpoints, to be kept where nobody who owns this machine can reach."""

from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.new_file import new_file
from haloop.cli.view import view_of
from haloop.settings import Settings


@click.command()
@click.argument("account", required=False)
@click.option("--out", type=click.Path(path_type=Path), help="Write to this new file instead of printing.")
@answering
def checkpoint(settings: Settings, account: str | None, out: Path | None) -> Answer:
    """Print the newest signed checkpoint of an account, or of all, one after the other.

    Keep it elsewhere: mailed, printed, on another machine. With it, haloop verify notices when the ledger
    was rolled back or rewritten; without it nobody can.
    """
    with view_of(settings.home) as view:
        trees = view.trees(account)
        if account is None:
            trees = [tree for tree in trees if view.reader.newest_checkpoint(tree.number) is not None]
        notes = {str(tree.account): view.newest_checkpoint(tree).note for tree in trees}
    text = "".join(notes.values())
    if out is None:
        return Answer(lines=text.split("\n")[:-1], document={"checkpoints": notes})
    with new_file(out) as file:
        file.write(text.encode())
    return Answer(
        lines=[f"{len(notes)} checkpoint(s) written to {out}; keep the file away from this machine."],
        document={"checkpoints": notes, "file": str(out)},
    )
