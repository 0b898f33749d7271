"""`haloop restore`: put a backup in the place of a home."""

from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.progress import Progress
from haloop.kernel.clock import SystemClock
from haloop.settings import Settings
from haloop.store.restore import restore_home


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--keys", type=click.Path(path_type=Path), help="The folder with the keys.db to restore.")
@click.option("--force", is_flag=True, help="Even if newer facts are set aside, or words and files stay lost.")
@answering
def restore(settings: Settings, folder: Path, keys: Path | None, force: bool) -> Answer:  # noqa: FBT001
    """Verify a backup or a shipped ledger, then put it into the home.

    What is there is set aside, never deleted. The next start is in recovery mode, because the backup has
    forgotten what was done since.
    """
    with Progress("verified") as progress:
        now = SystemClock().read().wall
        done = restore_home(settings.home, folder, keys=keys, force=force, now=now, progress=progress)
    lines = [f"{done.events} event(s) of {done.accounts} account(s) restored to {settings.home}."]
    if done.aside is not None:
        lines.append(f"What was there lies in {done.aside}.")
    if done.keys_missing:
        lines.append(f"{done.keys_missing} key(s) are gone: what they open stays unreadable, as if it were erased.")
    if done.artifacts_missing:
        lines.append(f"{done.artifacts_missing} artifact(s) are not whole: the files that runs were given are lost.")
    if done.new_signing_key:
        lines.append(
            "There is no secrets file: the next start makes a new signing key; give it to whoever has the old."
        )
    lines.append("The next start is in recovery mode: nothing irreversible happens until you end it.")
    return Answer(
        lines=lines,
        document={
            "accounts": done.accounts,
            "artifacts_missing": done.artifacts_missing,
            "aside": None if done.aside is None else str(done.aside),
            "events": done.events,
            "keys_missing": done.keys_missing,
            "new_signing_key": done.new_signing_key,
        },
    )
