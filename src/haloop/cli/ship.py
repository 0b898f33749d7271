"""`haloop ship`: a copy of the ledger elsewhere that follows it every few seconds."""

import sys
from pathlib import Path
from threading import Event

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.view import view_of
from haloop.settings import Settings
from haloop.store.shipping import Shipped, ship_ledger


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--follow", type=click.FloatRange(min=0.05), metavar="SECONDS", help="Go on, this often, until stopped.")
@answering
def ship(settings: Settings, folder: Path, follow: float | None) -> Answer:
    """Append what is new, up to the newest signed checkpoints, to the copy in FOLDER.

    Each arriving event is hashed, and the copy's tree must be the one that was signed. Keys are never
    shipped: copy them with haloop backup --keys. haloop restore puts the copy into a home.
    """
    total = _once(settings, folder)
    if follow is not None:
        stopped = Event()  # only the keyboard stops it
        try:
            while not stopped.wait(follow):
                total += _once(settings, folder, tell=True)
        except KeyboardInterrupt:
            print(file=sys.stderr)
    lines = [f"{total.events} event(s) shipped to {folder}; it holds {total.held}."]
    if total.waiting:
        lines.append(f"{total.waiting} newer event(s) wait for a checkpoint.")
    return Answer(
        lines=lines,
        document={"events": total.events, "folder": str(folder), "held": total.held, "waiting": total.waiting},
    )


def _once(settings: Settings, folder: Path, *, tell: bool = False) -> Shipped:
    with view_of(settings.home) as view:
        shipped = ship_ledger(settings.home, view.reader, view.signers, folder)
    if tell and shipped.events:
        print(f"{shipped.events} event(s) shipped", file=sys.stderr, flush=True)
    return shipped
