"""`haloop backup`: a copy of the ledger, and elsewhere a copy of the keys, while the home is in use."""

from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.progress import Progress
from haloop.kernel.clock import SystemClock
from haloop.settings import Settings
from haloop.store.backup import back_up

WITHOUT_KEYS = (
    "keys.db was not copied: from this backup alone nothing said can be read.",
    "  next: haloop backup FOLDER --keys ANOTHER_FOLDER, on another disk.",
)
WITH_KEYS = (
    "Keep the two apart, and the keys for a short time only: erasing means forgetting a key, and a backup of the",
    "keys remembers it. The ledger's backup alone stays unreadable for whatever was erased.",
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--keys", type=click.Path(path_type=Path), help="Another folder, for keys.db and secrets.")
@answering
def backup(settings: Settings, folder: Path, keys: Path | None) -> Answer:
    """Copy the ledger to FOLDER, and the keys to another folder, then verify the copy. Nothing is overwritten."""
    with Progress("verified") as progress:
        made = back_up(settings.home, folder, keys=keys, now=SystemClock().read().wall, progress=progress)
    return Answer(
        lines=[
            f"{made.events} event(s) of {made.accounts} account(s) copied to {folder} and verified.",
            *(WITHOUT_KEYS if keys is None else WITH_KEYS),
        ],
        document={
            "accounts": made.accounts,
            "events": made.events,
            "folder": str(folder),
            "keys": None if keys is None else str(keys),
        },
    )
