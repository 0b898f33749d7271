"""A backup: a copy of a home, made while it is in use and verified before it has its name.

It is two folders. One has `ledger.db`, the artifacts and a manifest with the newest checkpoints; the other, somewhere
else, has `keys.db` and `secrets`. They are kept apart because erasing means forgetting a key: while a copy of the key
lies beside the copy of the words, nothing has been erased. Nothing is ever overwritten: a backup is built
beside its place and named when it holds.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from haloop.kernel import canonical
from haloop.kernel.clock import as_text
from haloop.kernel.errors import BadInput
from haloop.store.copies import (
    ARTIFACTS,
    Progress,
    artifact_flaws,
    bad_backup,
    copy_artifacts,
    copy_into,
    keys_missing,
    reading,
    require_well,
    write_new,
)
from haloop.store.home import Home, sync_folder
from haloop.store.manifest import MANIFEST, make_manifest

_UNFINISHED = "unfinished"
_COPIES_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup holds."""

    events: int
    accounts: int


def back_up(
    home: Path, folder: Path, *, keys: Path | None, now: int, progress: Progress = lambda _events: None
) -> Backup:
    """Copy the ledger into one folder and the keys into another, and verify the pair."""
    source = Home(home)
    _require_apart(home, folder, keys)
    with ExitStack() as stack:
        ledger_part = stack.enter_context(_unfinished(folder, ("ledger.db", MANIFEST, ARTIFACTS)))
        keys_part = stack.enter_context(_unfinished(keys, ("keys.db", "secrets"))) if keys else None
        _copy_together(source, ledger_part, keys_part)
        require_well(ledger_part / "ledger.db", keys_part and keys_part / "keys.db", progress)
        if keys_part is not None:
            _require_artifacts(ledger_part, keys_part)
        write_new(ledger_part / MANIFEST, canonical.encode(make_manifest(ledger_part / "ledger.db", as_text(now))))
        with reading(ledger_part / "ledger.db") as reader:
            trees = reader.trees()
        if keys_part is not None and keys is not None:
            _move_all(keys_part, keys, ("secrets", "keys.db"))
        _move_all(ledger_part, folder, (ARTIFACTS, "ledger.db", MANIFEST))
    return Backup(events=sum(tree.size for tree in trees), accounts=len(trees))


def _require_apart(home: Path, folder: Path, keys: Path | None) -> None:
    places = {"home": home.resolve(), "backup": folder.resolve()} | ({"keys": keys.resolve()} if keys else {})
    for name, place in places.items():
        for other, elsewhere in places.items():
            if name != other and place.is_relative_to(elsewhere):
                raise BadInput(
                    f"The {name} folder {place} lies in the {other} folder: what is lost or found together"
                    " protects nothing, and a key beside what it opens erases nothing.",
                    code="backup.same_place",
                    next_step="Give a folder for the ledger and another for the keys, both outside the home.",
                )


@contextmanager
def _unfinished(folder: Path, names: tuple[str, ...]) -> Iterator[Path]:
    """A place within a folder to build what gets its name when it holds."""
    taken = [name for name in (*names, _UNFINISHED) if os.path.lexists(folder / name)]
    if taken:
        raise BadInput(
            f"{folder} already has {taken[0]}; a backup overwrites nothing.",
            code="output.exists",
            next_step="Give a new folder.",
        )
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        sync_folder(folder.parent)
    part = folder / _UNFINISHED
    part.mkdir(mode=0o700)
    try:
        yield part
    finally:
        shutil.rmtree(part)


def _copy_together(source: Home, ledger_part: Path, keys_part: Path | None) -> None:
    """Copy the ledger first, then the keys; again if a key was erased in between.

    Keys are durable before the ledger uses them, so keys copied later are never too few, except for those
    whose erasure the copied ledger does not know of yet. That pair would read as corruption.
    """
    for _ in range(_COPIES_MAX):
        copy_into(source.ledger, ledger_part / "ledger.db")
        copy_artifacts(source.artifacts, ledger_part / ARTIFACTS)
        if keys_part is None:
            return
        copy_into(source.keys, keys_part / "keys.db")
        if not keys_missing(ledger_part / "ledger.db", keys_part / "keys.db"):
            break
    assert keys_part is not None
    if source.secrets.exists():
        write_new(keys_part / "secrets", source.secrets.read_bytes())


def _require_artifacts(ledger_part: Path, keys_part: Path) -> None:
    flaws = artifact_flaws(ledger_part / "ledger.db", keys_part / "keys.db", ledger_part / ARTIFACTS)
    if flaws:
        raise bad_backup(f"{len(flaws)} artifact(s) of the home are not whole: {next(iter(flaws.values()))}.")


def _move_all(part: Path, folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if (part / name).exists():
            (part / name).rename(folder / name)
    sync_folder(folder)
