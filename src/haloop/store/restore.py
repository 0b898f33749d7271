"""A restore: a verified copy put in the place of a home that was lost, or went wrong.

Nothing is overwritten: what the home has is set aside. A restored home has forgotten what was done since the
backup, so the marker that makes the next start a recovery is written before anything else is touched: a crash
in the middle leaves the old home or the new one, and either starts carefully.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from haloop.kernel.clock import as_text
from haloop.kernel.errors import Corrupt, Erased, HaloopError, KeyMissing, Refused
from haloop.store import schema
from haloop.store.bodies import Bodies
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
from haloop.store.database import open_for_writing, truncate_log
from haloop.store.home import FileLock, Home, sync_folder
from haloop.store.keys import KeyRing
from haloop.store.manifest import require_manifest_kept
from haloop.store.reader import Reader, Tree
from haloop.store.tree import begins_with


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did."""

    events: int
    accounts: int
    aside: Path | None
    """Where the files lie that were there before."""
    keys_missing: int
    """How many keys the ledger needs and nobody has any more."""
    artifacts_missing: int
    """How many references lead to no whole file, neither in the backup nor in the home."""
    new_signing_key: bool
    """Whether the next start must make a new signing key."""


def restore_home(
    home: Path,
    folder: Path,
    *,
    keys: Path | None,
    force: bool,
    now: int,
    progress: Progress = lambda _events: None,
) -> Restored:
    """Put a verified backup in the place of a home; what is there is set aside."""
    require_manifest_kept(folder)
    target = Home(home)
    target.make()
    lock = FileLock(target.lock)
    lock.take()
    try:
        with _staging(target) as stage:
            copy_into(folder / "ledger.db", stage.ledger)
            if keys is not None:
                copy_into(keys / "keys.db", stage.keys)
            missing = _require_restorable(target, stage, force=force, progress=progress)
            lost = _require_artifacts(target, stage, folder / ARTIFACTS, force=force)
            copy_artifacts(folder / ARTIFACTS, target.artifacts)
            return _put_in_place(target, stage, keys=keys, missing=missing, lost=lost, now=now)
    finally:
        lock.release()


@contextmanager
def _staging(target: Home) -> Iterator[Home]:
    """A folder inside the home, on the same disk, so that a rename can put its files in place."""
    path = target.path / "restore.unfinished"
    if path.exists():
        shutil.rmtree(path)  # ours, from a restore that was cut off before it changed anything
    path.mkdir(mode=0o700)
    try:
        yield Home(path)
    finally:
        shutil.rmtree(path)


def _require_restorable(target: Home, stage: Home, *, force: bool, progress: Progress) -> int:
    """Whether the staged copy holds and nothing is lost by it unasked; how many of its keys are gone."""
    keys = next((path for path in (stage.keys, target.keys) if path.exists()), None)
    missing = keys_missing(stage.ledger, keys)
    if keys is not None:
        _require_own_keys(stage.ledger, keys)
    require_well(stage.ledger, None if missing else keys, progress)
    if keys is not None:
        _require_fitting(stage.ledger, keys)
    if missing and not force:
        raise Refused(
            f"{missing} of the keys this ledger needs are missing: they were erased since, or keys.db is too old.",
            code="restore.keys_missing",
            next_step="Give the newest backup of the keys with --keys; or --force, which erases their words for good.",
        )
    newer = _newer_events(target, stage)
    if newer and not force:
        raise Refused(
            f"The home's own ledger can be read, and {newer} of its events are not in the backup.",
            code="restore.would_set_aside",
            next_step="Give --force to set them aside; they are not deleted.",
        )
    return missing


def _require_artifacts(target: Home, stage: Home, folder: Path, *, force: bool) -> int:
    """Whether every file is whole, in the backup or in the home; how many are not. The home's own damaged ones go."""
    keys = next((path for path in (stage.keys, target.keys) if path.exists()), None)
    if keys is None:
        return 0  # what opens them is among the words that nobody can read
    backed_up = artifact_flaws(stage.ledger, keys, folder)
    at_home = artifact_flaws(stage.ledger, keys, target.artifacts)
    lost = [flaw for at, flaw in backed_up.items() if at in at_home]
    if lost and not force:
        raise Refused(
            f"{len(lost)} artifact(s) are whole neither in the backup nor in the home: {lost[0]}.",
            code="restore.artifacts_missing",
            next_step="Use another copy of this backup; or --force, which restores what there is without them.",
        )
    for at in at_home.keys() - backed_up.keys():
        (target.artifacts / at).unlink(missing_ok=True)  # it opens with no key; the whole one comes in its place
    return len(lost)


def _require_own_keys(ledger: Path, keys: Path) -> None:
    """Without the key of its own chain an account can record nothing any more: no force helps."""
    with reading(ledger) as reader, closing(KeyRing.open_read_only(keys)) as ring:
        absent = ring.absent(reader.own_keys())
    if absent:
        raise KeyMissing(
            f"keys.db is older than {len(absent)} of the accounts in this ledger, which could not go on without it.",
            next_step="Give a newer backup of the keys with --keys.",
        )


def _require_fitting(ledger: Path, keys: Path) -> None:
    """Open the home's own first words, which no erasure takes: keys of another home have the same numbers."""
    with reading(ledger) as reader, closing(KeyRing.open_read_only(keys)) as ring:
        bodies = Bodies(reader, ring)
        for tree in reader.trees():
            if tree.account.startswith("sys_"):
                for event in reader.facts(tree.number, "epoch.started")[:1]:
                    try:
                        bodies.open(event, "process")
                    except (Erased, KeyMissing):
                        return
                    except Corrupt as error:
                        raise bad_backup(f"{keys} has the keys of another home: {error.sentence}") from error


def _newer_events(target: Home, stage: Home) -> int:
    """How many events the home has that the staged ledger lacks; 0 where the home cannot be read."""
    try:
        with reading(target.ledger) as ours, reading(stage.ledger) as staged:
            backed_up = {tree.account: tree for tree in staged.trees()}
            return sum(_beyond(ours, tree, staged, backed_up.get(tree.account)) for tree in ours.trees())
    except (HaloopError, apsw.Error):
        return 0


def _beyond(ours: Reader, tree: Tree, staged: Reader, copy: Tree | None) -> int:
    """How many events of a tree its copy lacks; all of them, once the two have parted."""
    if copy is None:
        return tree.size
    if copy.size > tree.size:
        return 0 if begins_with(staged, copy, tree) else tree.size
    return tree.size - copy.size if begins_with(ours, tree, copy) else tree.size


def _put_in_place(target: Home, stage: Home, *, keys: Path | None, missing: int, lost: int, now: int) -> Restored:
    """From here on the home changes. Each step leaves a home that starts, and starts in recovery mode."""
    with reading(stage.ledger) as reader:
        trees = reader.trees()
    aside = target.path / f"before-restore-{as_text(now).replace(':', '')}"
    # Where the home has keys, the ledger goes first: old keys open all of an older ledger. Where it has none,
    # the keys go first: a start without them would take every key for erased.
    order = [target.ledger, target.keys] if target.keys.exists() else [target.keys, target.ledger]
    places = [place for place in order if (stage.path / place.name).exists()]
    for place in places:
        _settle(place)
    for place in places:
        _keep(place, aside)
    _mark_restored(target, trees, now)
    if keys is not None and (keys / "secrets").exists() and not target.secrets.exists():
        write_new(stage.secrets, (keys / "secrets").read_bytes())
        _replace(stage.secrets, target.secrets)
    for place in places:
        _move_logs(place, aside)
        _replace(stage.path / place.name, place)
    return Restored(
        events=sum(tree.size for tree in trees),
        accounts=len(trees),
        aside=aside if aside.exists() else None,
        keys_missing=missing,
        artifacts_missing=lost,
        new_signing_key=not target.secrets.exists(),
    )


def _settle(database: Path) -> None:
    """Move the old write-ahead log into its database: beside another database it would be played into that."""
    if not database.exists():
        return
    application = schema.KEYS_APPLICATION_ID if database.name == "keys.db" else schema.LEDGER_APPLICATION_ID
    try:
        connection = open_for_writing(database, schema="", application_id=application, version=schema.VERSION)
        with closing(connection):
            settled = truncate_log(connection)
    except (HaloopError, apsw.Error):
        return  # it is damaged, which may be why it is replaced; its log is set aside with it
    if not settled:
        raise Refused(
            f"Somebody is reading {database}.",
            code="restore.reader_open",
            next_step="End what reads the home, such as haloop verify, and try again.",
        )


def _mark_restored(target: Home, trees: list[Tree], now: int) -> None:
    newest = as_text(max([tree.ts for tree in trees], default=0))
    text = (
        f"A backup was restored on {as_text(now)}; its newest fact is of {newest}, and what was done since is unknown."
    )
    part = target.restored.with_name(target.restored.name + ".part")
    part.unlink(missing_ok=True)
    write_new(part, f"{text}\n".encode())
    _replace(part, target.restored)


def _keep(place: Path, aside: Path) -> None:
    """Give a database a second name, under which it stays when the first is taken from it."""
    if place.exists():
        aside.mkdir(mode=0o700, exist_ok=True)
        (aside / place.name).hardlink_to(place)
        sync_folder(aside)


def _move_logs(place: Path, aside: Path) -> None:
    for log in (place.with_name(place.name + suffix) for suffix in ("-wal", "-shm")):
        if log.exists():
            aside.mkdir(mode=0o700, exist_ok=True)
            log.rename(aside / log.name)
            sync_folder(aside)
    sync_folder(place.parent)


def _replace(source: Path, place: Path) -> None:
    source.replace(place)
    sync_folder(place.parent)
