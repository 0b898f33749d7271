"""The witness: the newest checkpoints of a home, kept outside it.

A home that was restored, copied or rolled back has forgotten what it did since. It cannot notice this from
the inside, so each checkpoint is also written to a file in the user's state folder, which a backup of the home
does not touch. At start the ledger must still contain everything the witness saw. The witness is locked
while its ledger runs, so that a copy of the home on the same machine cannot run beside the original.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from haloop.kernel import canonical
from haloop.kernel.checkpoint import read_unverified
from haloop.kernel.errors import BadEntry, BadInput, HomeCloned, HomeLocked, HomeReadOnly, HomeUnusable
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import origin, read_origin
from haloop.store.home import FileLock, sync_folder

_FORMAT = "haloop/witness/1"


def witness_path(folder: Path, system: AccountId) -> Path:
    """Where the witness file of a home lies; it stays there through all epochs."""
    return folder / origin(system, epoch=1)


class Witness:
    """One home's witness file."""

    def __init__(self, folder: Path, system: AccountId) -> None:
        self._path = witness_path(folder, system)
        self._lock = FileLock(self._path.with_name(self._path.name + ".lock"))
        self._notes: dict[str, str] = {}

    @property
    def path(self) -> Path:
        return self._path

    def take(self) -> None:
        """Lock and read the file; HomeCloned if another copy of this ledger is running."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(self._path.parent.parent)
        except OSError as error:
            raise HomeReadOnly(
                f"The witness folder {self._path.parent} cannot be made: {error.strerror}.",
                next_step="Make it possible, or point XDG_STATE_HOME elsewhere.",
            ) from error
        try:
            self._lock.take()
        except HomeLocked as error:
            raise HomeCloned(f"A ledger with this identity is already running. {error.sentence}") from error
        try:
            self._notes = read_notes(self._path)
        except HomeUnusable:
            self._lock.release()
            raise

    @property
    def notes(self) -> Mapping[str, str]:
        """The newest signed checkpoint seen of each account."""
        return self._notes

    def advance(self, notes: Mapping[AccountId, str]) -> None:
        """Put newer checkpoints in the place of older ones, durably and never half."""
        kept = self._notes | {str(account): note for account, note in notes.items()}
        part = self._path.with_name(self._path.name + ".part")
        with part.open("wb") as file:
            file.write(canonical.encode({"format": _FORMAT, "notes": dict(kept)}))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)
        sync_folder(self._path.parent)
        self._notes = kept

    def release(self) -> None:
        self._lock.release()


def read_notes(path: Path) -> dict[str, str]:
    """What a witness file remembers. It is only ever replaced whole, so it can be read without its lock."""
    if not path.exists():
        return {}
    try:
        return _notes_in(path.read_bytes())
    except BadInput as error:
        raise HomeUnusable(
            f"The witness file {path} is damaged: {error.sentence}",
            code="witness.damaged",
            next_step="Compare the newest checkpoint you hold elsewhere (haloop verify), then move the file away.",
        ) from error


def _notes_in(raw: bytes) -> dict[str, str]:
    match canonical.decode(raw):
        case {"format": "haloop/witness/1", "notes": dict(notes)}:
            return {account: _own_note(account, note) for account, note in notes.items()}
    raise BadEntry("It is not a list of checkpoints.")


def _own_note(account: str, note: object) -> str:
    if not isinstance(note, str) or read_origin(read_unverified(note).origin)[0] != account:
        raise BadEntry(f"What it holds for {account[:60]!r} is not a checkpoint of that account.")
    return note
