"""`haloop export`: everything an account recorded, in a file that can be read and checked without Haloop."""

from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.new_file import new_file
from haloop.cli.progress import Progress
from haloop.cli.view import view_of
from haloop.kernel.errors import BadInput
from haloop.settings import Settings
from haloop.store.export import export_account


@click.command()
@click.argument("account", required=False)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The new file to write.")
@click.option("--address", metavar="URL", help="Fetch it from the Haloop that answers there, instead of a home.")
@answering
def export(settings: Settings, account: str | None, out: Path, address: str | None) -> Answer:
    """Write an account's events, with everything they say, as lines of JSON.

    With ACCOUNT the home is read, beside a running process. Without, your own account is fetched from the running
    Haloop. The file is readable by whoever has it; haloop verify FILE checks it without this home.
    """
    if account is not None and address is not None:
        raise BadInput(
            "Whoever asks at an address gets their own account.",
            code="usage.bad",
            next_step="Give ACCOUNT to read a home, or --address to fetch from a running Haloop.",
        )
    if account is None:
        from haloop.cli.fetched_export import fetch_export  # noqa: PLC0415  # the client takes long to load

        return fetch_export(settings, out, address)
    return _export(settings, account, out)


def _export(settings: Settings, account: str, out: Path) -> Answer:
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
