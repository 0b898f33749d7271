"""The end of a log, as words alone, for whoever looks at an agent while it works.

A log may hold anything, and grow and shrink while it is read. What is shown of it moves no cursor, is never longer than
it was in the log, and so never longer than what is read of it.
"""

import os
import re
from dataclasses import dataclass
from typing import BinaryIO

TAIL_LINES, TAIL_BYTES = 100, 8 << 10
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]|[\x00-\x08\x0a-\x1f\x7f-\x9f]"
)
"""What would move a cursor, colour or rename a window, and every control sign but a tab."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The last lines of a log, and how many bytes of it stand before them."""

    text: str
    bytes_before: int


def tail_of(log: BinaryIO) -> Tail:
    """Its last lines; one that is not yet at its end is there too."""
    start, read = _end_of(log)
    lines = read.removesuffix(b"\n").split(b"\n")
    before = sum(len(line) + 1 for line in lines[:-TAIL_LINES])
    return Tail("\n".join(_words(line) for line in lines[-TAIL_LINES:]), start + before)


def _end_of(log: BinaryIO) -> tuple[int, bytes]:
    """Where its last bytes begin, and these; read again where it was shortened before they were read."""
    while True:
        start = max(0, os.fstat(log.fileno()).st_size - TAIL_BYTES)
        read = os.pread(log.fileno(), TAIL_BYTES, start)
        if read or start == 0:
            return start, read


def _words(line: bytes) -> str:
    """What a terminal would show of a line: what was written over the rest of it, as a progress is."""
    shown = line.rstrip(b"\r").rpartition(b"\r")[2]
    # One sign for what is no text, and not U+FFFD: that takes three bytes, and would make 24 KB of 8.
    return _ESCAPES.sub("", shown.decode(errors="replace").replace("\ufffd", "?"))
