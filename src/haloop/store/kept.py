"""Checkpoints that somebody kept elsewhere, brought back for a start to hold the ledger against.

They lie in a folder of any name: exported, mailed, copied from another disk. Only what this home's own key has
signed is believed, so that a stranger's file cannot put a home into recovery mode; the rest is left alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from haloop.kernel.checkpoint import VerifierKey, open_note, read_unverified, split_notes
from haloop.kernel.errors import BadInput, HomeUnusable
from haloop.kernel.ledger import read_origin
from haloop.store.signing import verify_ed25519

_BYTES_MAX = 4 * 1024 * 1024


def read_kept(folder: Path, signer: bytes) -> Sequence[str]:
    """The notes in a folder's files that this key has signed."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
        texts = [path.read_bytes() for path in files if path.stat().st_size <= _BYTES_MAX]
    except OSError as error:
        raise HomeUnusable(
            f"The checkpoints in {folder} cannot be read: {error.strerror}.",
            code="checkpoints.unreadable",
            next_step="Make the folder readable, or take the setting `checkpoints` out.",
        ) from error
    return [note for text in texts for note in _own(text, signer)]


def _own(text: bytes, signer: bytes) -> Iterator[str]:
    with suppress(BadInput, UnicodeDecodeError):
        for note in split_notes(text.decode()):
            with suppress(BadInput):
                name = read_unverified(note).origin
                read_origin(name)
                open_note(note, VerifierKey.of(name, signer), verify_ed25519)
                yield note
