"""What a file on the command line is: told by its content, never by its name."""

from enum import StrEnum
from pathlib import Path

from haloop.kernel.checkpoint import split_notes
from haloop.kernel.errors import BadInput, BadNote

NOTES_BYTES_MAX = 4 * 1024 * 1024

_HEAD_BYTES = 4096
_SIGNATURE = "— "


class Kind(StrEnum):
    """What can be verified."""

    HOME = "home"
    RECEIPT = "receipt"
    CHECKPOINT = "checkpoint"
    EXPORT = "export file"


def recognise(path: Path) -> Kind:
    """Tell what this is, or say that it is nothing Haloop writes."""
    if path.is_dir():
        return Kind.HOME
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(b"SQLite format 3\x00"):
        raise _unknown(f"{path} is a database.", "Give the folder it lies in.")
    if head.startswith(b"{"):
        return Kind.EXPORT if b'"format":"haloop/export/' in head.partition(b"\n")[0] else Kind.RECEIPT
    if f"\n{_SIGNATURE}".encode() in head:
        return Kind.CHECKPOINT
    raise _unknown(f"{path} is not a receipt, a checkpoint or an export of Haloop.", "Check which file you meant.")


def read_notes(path: Path) -> list[str]:
    """The signed notes in a file: one, or several one after the other."""
    with path.open("rb") as file:
        raw = file.read(NOTES_BYTES_MAX + 1)
    if len(raw) > NOTES_BYTES_MAX:
        raise _unknown(f"{path} is too large for checkpoints.", "Check which file you meant.")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise _unknown(f"{path} is not text, so it is no checkpoint.", "Check which file you meant.") from None
    try:
        return split_notes(text)
    except BadNote as error:
        raise _unknown(f"{path} is cut short: it is no checkpoint.", "Export the checkpoint again.") from error


def _unknown(sentence: str, next_step: str) -> BadInput:
    return BadInput(sentence, code="verify.unknown", next_step=next_step)
