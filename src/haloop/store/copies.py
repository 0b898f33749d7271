"""One database of a home, copied: while it is in use, and asked afterwards whether the copy holds.

A copy of the ledger holds if its tree does, and if a copy of the keys beside it has every key that the ledger
still needs. A key that is missing there without an erasure to say why would read as corruption.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from haloop.kernel.errors import Corrupt, HaloopError, Refused
from haloop.store import schema
from haloop.store.artifact_file import PART, file_name
from haloop.store.artifacts import flaw_of, references
from haloop.store.bodies import Bodies
from haloop.store.database import copy_database, open_for_reading
from haloop.store.home import sync_folder
from haloop.store.keys import KeyRing
from haloop.store.reader import Reader
from haloop.store.verify import verify_home

Progress = Callable[[int], None]
"""Told how many events were verified so far."""

ARTIFACTS = "artifacts"
"""The folder beside a ledger with what its runs refer to."""

_APPLICATION_IDS = {"ledger.db": schema.LEDGER_APPLICATION_ID, "keys.db": schema.KEYS_APPLICATION_ID}


def copy_into(source: Path, target: Path) -> None:
    """A consistent copy of a database, durable, readable by its owner alone."""
    target.unlink(missing_ok=True)
    write_new(target, b"")
    original = _open(source)
    with closing(original), closing(apsw.Connection(str(target))) as copy, original:
        # Holding one snapshot: otherwise each commit of a live process would start the copy again.
        original.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        copy_database(original, copy)
    _sync(target)


def copy_beside_writer(source: Path, target: Path) -> None:
    """A copy made within the process that writes; without a snapshot, so that an erasure can cut the log meanwhile."""
    try:
        write_new(target, b"")
        with closing(_open(source)) as original, closing(apsw.Connection(str(target))) as copy:
            copy_database(original, copy)
        _sync(target)
    except (apsw.Error, OSError) as error:
        raise Refused(
            f"The backup could not be written: {error}.",
            code="backup.failed",
            next_step="Look at where the backup goes: its folder, and the room there. The ledger is well.",
        ) from error


@contextmanager
def reading(ledger: Path) -> Iterator[Reader]:
    """A ledger, open to be asked; one that cannot be asked is a bad backup."""
    with closing(_open(ledger)) as connection:
        try:
            yield Reader(connection)
        except (apsw.CorruptError, apsw.SQLError) as error:
            raise bad_backup(f"{ledger} is damaged: {error}.") from error


def require_well(ledger: Path, keys: Path | None, progress: Progress) -> None:
    """Verify a copy, with what it says if its keys are there; the first problem is told. Artifacts are asked apart."""
    report = verify_home(
        ledger.parent, keys=keys and keys.parent, bodies=keys is not None, artifacts=False, progress=progress
    )
    if not report.ok:
        raise bad_backup(f"The copy does not hold: {report.problems[0]}")


def artifact_flaws(ledger: Path, keys: Path, folder: Path) -> dict[Path, str]:
    """What is wrong with each file of a folder that a ledger refers to, by where it should lie in it."""
    with reading(ledger) as reader, closing(KeyRing.open_read_only(keys)) as ring:
        known = [one for one in references(reader, Bodies(reader, ring)) if not isinstance(one, HaloopError)]
    looked_at = {Path(event.header.account, file_name(fact.key)): (event, fact) for event, fact in known}
    found = {at: flaw_of(folder, event, fact) for at, (event, fact) in looked_at.items()}
    return {at: flaw for at, flaw in found.items() if flaw}


def copy_artifacts(source: Path, target: Path) -> None:
    """Copy the locked files that are not there yet; a name is its content's, so one that is there is the same."""
    for path in sorted(source.glob("*/*")):
        copy = target / path.parent.name / path.name
        if path.name.endswith(PART) or copy.exists():
            continue
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = copy.with_name(copy.name + PART)
        unfinished.unlink(missing_ok=True)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # it was erased just now
        write_new(unfinished, content)
        unfinished.replace(copy)
        sync_folder(copy.parent)


def keys_missing(ledger: Path, keys: Path | None) -> int:
    """How many keys a ledger needs, by its own account of erasures, that a keys.db does not have."""
    with reading(ledger) as reader:
        needed = {key_id for tree in reader.trees() for key_id in reader.live_keys(tree.number)}
        if keys is None:
            return len(needed)
        with closing(KeyRing.open_read_only(keys)) as ring:
            return len(ring.absent(needed))


def write_new(path: Path, content: bytes) -> None:
    """A new file, durable, for its owner's eyes only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def bad_backup(sentence: str) -> Corrupt:
    """What was copied does not hold."""
    return Corrupt(sentence, code="backup.bad", next_step="Use an older backup, or another copy of this one.")


def _open(source: Path) -> apsw.Connection:
    return open_for_reading(source, application_id=_APPLICATION_IDS[source.name], version=schema.VERSION)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
