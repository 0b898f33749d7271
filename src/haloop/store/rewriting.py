"""A file that takes the place of an earlier one: whole or not at all."""

import os
from pathlib import Path

from haloop.store.home import sync_folder


def rewrite(path: Path, text: str) -> None:
    """Put a text in the place of a file; a link to it stays a link, and its mode what it was."""
    path = path.resolve()
    unfinished = path.with_name(path.name + ".part")
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_folder(path.parent)
