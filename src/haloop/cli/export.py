"""`haloop export`: everything an account recorded, in a file that can be read and checked without Haloop."""

from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.new_file import new_file
from haloop.cli.progress import Progress
from haloop.cli.view import view_of
from haloop.settings import Settings
from haloop.store.export import export_account


@click.command()
@click.argument("account")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The new file to write.")
@answering
def export(settings: Settings, account: str, out: Path) -> Answer:
    """Write an account's events, with everything they say, as lines of JSON.

    The file is readable by whoever has it. haloop verify FILE checks it without this home.
    """
    with view_of(settings.home) as view, new_file(out) as file, Progress("exported") as progress:
        made = export_account(view.reader, view.bodies, view.tree(account).account, file.write, progress)
    lines = [f"{made.events} event(s) of {account} written to {out}: {made.parts} part(s), {made.erased} erased."]
    if made.unsealed:
        lines.append(f"{made.unsealed} newer event(s) are under no checkpoint yet and are not in the file.")
    return Answer(
        lines=lines,
        document={
            "account": account,
            "erased": made.erased,
            "events": made.events,
            "file": str(out),
            "parts": made.parts,
            "unsealed": made.unsealed,
        },
    )
