"""Copies of a home: made while it is in use, and put back when it is lost.

A backup is two folders. One has `ledger.db` and a manifest with the newest checkpoints; the other, somewhere
else, has `keys.db` and `secrets`. They are kept apart because erasing means forgetting a key: while a copy of
the key lies beside the copy of the words, nothing has been erased. Nothing is ever overwritten: a backup is
built beside its place and named when it holds, and a restore sets aside what it finds. A restored home has
forgotten what was done since, so the marker that makes the next start a recovery is written before anything
else is touched: a crash in the middle leaves the old home or the new one, and either starts carefully.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

import apsw

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.checkpoint import Checkpoint
from haloop.kernel.clock import as_text
from haloop.kernel.errors import BadInput, Corrupt, Erased, HaloopError, KeyMissing, NotCanonical, Refused
from haloop.kernel.ledger import origin
from haloop.kernel.merkle import CompactRange
from haloop.store import schema
from haloop.store.bodies import Bodies
from haloop.store.database import copy_database, open_for_reading, open_for_writing, truncate_log
from haloop.store.home import FileLock, Home, sync_folder
from haloop.store.keys import KeyRing
from haloop.store.opening import contains
from haloop.store.reader import Reader, Tree
from haloop.store.verify import verify_home

BACKUP_FORMAT = "haloop/backup/1"
MANIFEST = "manifest.json"

_UNFINISHED = "unfinished"
_COPIES_MAX = 5

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup holds."""

    events: int
    accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did."""

    events: int
    accounts: int
    aside: Path | None
    """Where the files lie that were there before."""
    keys_missing: int
    """How many keys the ledger needs and nobody has any more."""
    new_signing_key: bool
    """Whether the next start must make a new signing key."""


def back_up(
    home: Path, folder: Path, *, keys: Path | None, now: int, progress: Progress = lambda _events: None
) -> Backup:
    """Copy the ledger into one folder and the keys into another, and verify the pair."""
    source = Home(home)
    _require_apart(home, folder, keys)
    with ExitStack() as stack:
        ledger_part = stack.enter_context(_unfinished(folder, ("ledger.db", MANIFEST)))
        keys_part = stack.enter_context(_unfinished(keys, ("keys.db", "secrets"))) if keys else None
        _copy_together(source, ledger_part, keys_part)
        _require_well(ledger_part / "ledger.db", keys_part and keys_part / "keys.db", progress)
        _write_new(ledger_part / MANIFEST, canonical.encode(_manifest(ledger_part / "ledger.db", as_text(now))))
        with _reading(ledger_part / "ledger.db") as reader:
            trees = reader.trees()
        if keys_part is not None and keys is not None:
            _move_all(keys_part, keys, ("secrets", "keys.db"))
        _move_all(ledger_part, folder, ("ledger.db", MANIFEST))
    return Backup(events=sum(tree.size for tree in trees), accounts=len(trees))


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
    _require_manifest_kept(folder)
    target = Home(home)
    target.make()
    lock = FileLock(target.lock)
    lock.take()
    try:
        with _staging(target) as stage:
            _copy_into(folder / "ledger.db", stage.ledger)
            if keys is not None:
                _copy_into(keys / "keys.db", stage.keys)
            missing = _require_restorable(target, stage, force=force, progress=progress)
            return _put_in_place(target, stage, keys=keys, missing=missing, now=now)
    finally:
        lock.release()


def read_manifest(folder: Path) -> dict[str, Canonical] | None:
    """What a backup says about itself; None where there is no manifest."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        found = canonical.decode(path.read_bytes())
    except NotCanonical as error:
        raise _bad_backup(f"{path} cannot be read: {error.sentence}") from error
    if not isinstance(found, dict) or not isinstance(found.get("format"), str):
        raise _bad_backup(f"{path} is not the manifest of a backup.")
    return dict(found)


# Making a backup


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
        _copy_into(source.ledger, ledger_part / "ledger.db")
        if keys_part is None:
            return
        _copy_into(source.keys, keys_part / "keys.db")
        if not _keys_missing(ledger_part / "ledger.db", keys_part / "keys.db"):
            break
    assert keys_part is not None
    if source.secrets.exists():
        _write_new(keys_part / "secrets", source.secrets.read_bytes())


def _copy_into(source: Path, target: Path) -> None:
    """A consistent copy of a database, durable, readable by its owner alone."""
    ids = {"ledger.db": schema.LEDGER_APPLICATION_ID, "keys.db": schema.KEYS_APPLICATION_ID}
    target.unlink(missing_ok=True)
    _write_new(target, b"")
    reading = open_for_reading(source, application_id=ids[source.name], version=schema.VERSION)
    with closing(reading), closing(apsw.Connection(str(target))) as writing, reading:
        # Holding one snapshot: otherwise each commit of a live process would start the copy again.
        reading.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        copy_database(reading, writing)
    _sync(target)


def _manifest(ledger: Path, made_at: Canonical) -> dict[str, Canonical]:
    with _reading(ledger) as reader:
        trees = reader.trees()
        newest = {str(tree.account): reader.newest_checkpoint(tree.number) for tree in trees}
    with ledger.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return {
        "checkpoints": {account: stored.note for account, stored in newest.items() if stored is not None},
        "events": {str(tree.account): tree.size for tree in trees},
        "format": BACKUP_FORMAT,
        "ledger_sha256": digest,
        "made_at": made_at,
    }


# Restoring


def _require_manifest_kept(folder: Path) -> None:
    """A finished backup is one file and its digest; a shipped ledger grows and has none."""
    manifest = read_manifest(folder)
    if manifest is None or manifest["format"] != BACKUP_FORMAT:
        return
    if _manifest(folder / "ledger.db", manifest.get("made_at")) != manifest:
        raise _bad_backup(f"{folder / 'ledger.db'} is not the file its manifest was written for.")


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
    missing = _keys_missing(stage.ledger, keys)
    if keys is not None:
        _require_own_keys(stage.ledger, keys)
    _require_well(stage.ledger, None if missing else keys, progress)
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


def _newer_events(target: Home, stage: Home) -> int:
    """How many events the home has that the staged ledger lacks; 0 where the home cannot be read."""
    try:
        with _reading(target.ledger) as ours, _reading(stage.ledger) as staged:
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


def begins_with(reader: Reader, tree: Tree, copy: Tree) -> bool:
    """Whether a tree begins with what a copy of it holds."""
    root = CompactRange.from_bytes(copy.size, copy.range).root()
    return contains(reader, tree, Checkpoint(origin=origin(copy.account, 1), size=copy.size, root=root))


def _put_in_place(target: Home, stage: Home, *, keys: Path | None, missing: int, now: int) -> Restored:
    """From here on the home changes. Each step leaves a home that starts, and starts in recovery mode."""
    with _reading(stage.ledger) as reader:
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
        _write_new(stage.secrets, (keys / "secrets").read_bytes())
        _replace(stage.secrets, target.secrets)
    for place in places:
        _move_logs(place, aside)
        _replace(stage.path / place.name, place)
    return Restored(
        events=sum(tree.size for tree in trees),
        accounts=len(trees),
        aside=aside if aside.exists() else None,
        keys_missing=missing,
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
    _write_new(part, f"{text}\n".encode())
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


# Whether a ledger and its keys hold


def _require_well(ledger: Path, keys: Path | None, progress: Progress) -> None:
    report = verify_home(ledger.parent, keys=keys and keys.parent, bodies=keys is not None, progress=progress)
    if not report.ok:
        raise _bad_backup(f"The copy does not hold: {report.problems[0]}")


def _keys_missing(ledger: Path, keys: Path | None) -> int:
    """How many keys a ledger needs, by its own account of erasures, that a keys.db does not have."""
    with _reading(ledger) as reader:
        needed = {key_id for tree in reader.trees() for key_id in reader.live_keys(tree.number)}
        if keys is None:
            return len(needed)
        with closing(KeyRing.open_read_only(keys)) as ring:
            return len(ring.absent(needed))


def _require_own_keys(ledger: Path, keys: Path) -> None:
    """Without the key of its own chain an account can record nothing any more: no force helps."""
    with _reading(ledger) as reader, closing(KeyRing.open_read_only(keys)) as ring:
        absent = ring.absent(reader.own_keys())
    if absent:
        raise KeyMissing(
            f"keys.db is older than {len(absent)} of the accounts in this ledger, which could not go on without it.",
            next_step="Give a newer backup of the keys with --keys.",
        )


def _require_fitting(ledger: Path, keys: Path) -> None:
    """Open the home's own first words, which no erasure takes: keys of another home have the same numbers."""
    with _reading(ledger) as reader, closing(KeyRing.open_read_only(keys)) as ring:
        bodies = Bodies(reader, ring)
        for tree in reader.trees():
            if tree.account.startswith("sys_"):
                for event in reader.facts(tree.number, "epoch.started")[:1]:
                    try:
                        bodies.open(event, "process")
                    except (Erased, KeyMissing):
                        return
                    except Corrupt as error:
                        raise _bad_backup(f"{keys} has the keys of another home: {error.sentence}") from error


# Files


@contextmanager
def _reading(ledger: Path) -> Iterator[Reader]:
    connection = open_for_reading(ledger, application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION)
    with closing(connection):
        try:
            yield Reader(connection)
        except (apsw.CorruptError, apsw.SQLError) as error:
            raise _bad_backup(f"{ledger} is damaged: {error}.") from error


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _move_all(part: Path, folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if (part / name).exists():
            (part / name).rename(folder / name)
    sync_folder(folder)


def _replace(source: Path, place: Path) -> None:
    source.replace(place)
    sync_folder(place.parent)


def _bad_backup(sentence: str) -> Corrupt:
    return Corrupt(sentence, code="backup.bad", next_step="Use an older backup, or another copy of this one.")
