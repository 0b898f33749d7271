"""What an agent writes while it works, as it comes, in a file of its own.

However much it writes, the file stays below a bound: its beginning and its end are kept, and a line in the middle says
how much is missing. What is in it is the agent's own and may hold anything, terminal escapes too: whoever shows it
cleans it.
"""

import os
from asyncio import StreamReader
from pathlib import Path

LOG_BYTES_MAX = 64 * 1024 * 1024
_PIECE = 64 * 1024


class Log:
    """One attempt's; it is appended to where it is there."""

    def __init__(self, path: Path, *, bytes_max: int = LOG_BYTES_MAX) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "r+b", 0)
        self._size = self._file.seek(0, os.SEEK_END)
        self._bytes_max = bytes_max
        self._part = bytes_max // 4
        """So much is kept of its beginning, and of its end when it has become too long."""
        self._is_at_line = True
        self._left_out = 0
        self._gap = b""

    def write(self, said: bytes) -> None:
        """Add to its end."""
        self._is_at_line = said.endswith(b"\n") or (not said and self._is_at_line)
        for start in range(0, len(said), self._part):
            piece = said[start : start + self._part]
            self._file.write(piece)
            self._size += len(piece)
            if self._size > self._bytes_max:
                self._shorten()

    async def take(self, stream: StreamReader) -> None:
        """Keep what a program writes, as it comes, until it writes no more."""
        while piece := await stream.read(_PIECE):
            self.write(piece)

    def line(self, text: str) -> None:
        """Add a line of its own."""
        begin = "" if self._is_at_line else "\n"
        self.write(f"{begin}{text}\n".encode(errors="replace"))

    def say(self, sentence: str) -> None:
        """Add a line of ours."""
        self.line(f"[haloop] {sentence}")

    def close(self) -> None:
        self._file.close()

    def _shorten(self) -> None:
        self._file.seek(self._size - self._part)
        end = self._file.read(self._part)
        self._left_out += self._size - 2 * self._part - len(self._gap)
        self._gap = f"\n[haloop] {self._left_out} bytes are left out here.\n".encode()
        self._file.seek(self._part)
        self._file.write(self._gap + end)
        self._file.truncate()
        self._size = self._file.tell()
