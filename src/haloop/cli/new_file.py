"""A file that a command leaves behind: whole or not at all, never in the place of another."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from haloop.kernel.errors import BadInput
from haloop.store.home import sync_folder


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write, and to look at again; it gets its name once it is complete and durable."""
    _require_absent(path)
    unfinished = path.with_name(path.name + ".part")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _name(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _name(unfinished: Path, path: Path) -> None:
    try:
        path.hardlink_to(unfinished)  # unlike a rename, a link never takes the place of a file
    except FileExistsError:
        _require_absent(path)
        raise
    sync_folder(path.parent)


def _require_absent(path: Path) -> None:
    if os.path.lexists(path):
        raise BadInput(
            f"{path} exists; nothing is overwritten.",
            code="output.exists",
            next_step="Give another name, or move the file away.",
        )
