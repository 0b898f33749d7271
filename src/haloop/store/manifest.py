"""The manifest of a copy: a file beside it that says what it is and what it held when it was made.

A finished backup is one file and its digest, with the newest checkpoint of each account, so that a backup that
was changed or cut short is refused before anything is restored from it. A shipped ledger grows, and its
manifest says no more than that.
"""

from hashlib import file_digest
from pathlib import Path

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import NotCanonical
from haloop.store.copies import bad_backup, reading

MANIFEST = "manifest.json"
BACKUP_FORMAT = "haloop/backup/1"


def read_manifest(folder: Path) -> dict[str, Canonical] | None:
    """What a backup says about itself; None where there is no manifest."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        found = canonical.decode(path.read_bytes())
    except NotCanonical as error:
        raise bad_backup(f"{path} cannot be read: {error.sentence}") from error
    if not isinstance(found, dict) or not isinstance(found.get("format"), str):
        raise bad_backup(f"{path} is not the manifest of a backup.")
    return dict(found)


def make_manifest(ledger: Path, made_at: Canonical) -> dict[str, Canonical]:
    """What the manifest of a backup says about the ledger in it."""
    with reading(ledger) as reader:
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


def is_backup(folder: Path) -> bool:
    """Whether a copy says that it is a finished backup, which has all that its ledger refers to."""
    manifest = read_manifest(folder)
    return manifest is not None and manifest["format"] == BACKUP_FORMAT


def require_manifest_kept(folder: Path) -> None:
    """Refuse a backup that is not the one its manifest was written for; a shipped ledger has no digest to keep."""
    manifest = read_manifest(folder)
    if manifest is None or manifest["format"] != BACKUP_FORMAT:
        return
    if make_manifest(folder / "ledger.db", manifest.get("made_at")) != manifest:
        raise bad_backup(f"{folder / 'ledger.db'} is not the file its manifest was written for.")
