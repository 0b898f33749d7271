"""An artifact on the disk: its bytes in locked pieces, under a key that only the run's own facts hold.

The key is drawn for one file and never used again, so each piece's nonce is its number; the last one is marked, and
a file that was cut short, or whose pieces were swapped, does not open. The file's name is a hash of the key: it tells
nobody what is inside, not even whoever has the same bytes, and without the key nobody finds it.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from haloop.kernel.errors import Corrupt, NoRoom
from haloop.store.home import OUT_OF_SPACE, sync_folder

KEY_BYTES = 32
PART = ".part"
"""How the name ends while a file is being written."""

_HEADING = b"haloop/artifact/1\n"
_PIECE = 64 * 1024
_TAG = 16
_NAME_TAG = b"haloop/artifact-name/1"


def file_name(key: bytes) -> str:
    """Where the bytes lie that this key opens."""
    return sha256(_NAME_TAG + key).hexdigest()


class Incoming:
    """Bytes on their way in: hashed as they are, written as they lie."""

    def __init__(self, folder: Path) -> None:
        self.key = os.urandom(KEY_BYTES)
        self.size = 0
        self._path = folder / file_name(self.key)
        self._part = folder / (self._path.name + PART)
        self._cipher = AESGCM(self.key)
        self._hash = sha256()
        self._rest = b""
        self._pieces = 0
        with _room_named():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file: BinaryIO = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
            self._file.write(_HEADING)

    @property
    def digest(self) -> str:
        """The hash of all that came so far."""
        return self._hash.hexdigest()

    def add(self, some: bytes) -> None:
        self._hash.update(some)
        self.size += len(some)
        self._rest += some
        with _room_named():
            while len(self._rest) > _PIECE:
                self._write(self._rest[:_PIECE], last=False)
                self._rest = self._rest[_PIECE:]

    def settle(self) -> None:
        """Make it durable, under its name."""
        with _room_named():
            self._write(self._rest, last=True)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.replace(self._path)
            sync_folder(self._path.parent)
            sync_folder(self._path.parent.parent)

    def discard(self) -> None:
        """Nobody wants it; a file that was settled is gone as well."""
        with suppress(OSError):  # what was not written may fail once more on being closed
            self._file.close()
        self._part.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)

    def _write(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._pieces, last=last), piece, None))
        self._pieces += 1


def read_pieces(path: Path, key: bytes, *, number: int = 0) -> Generator[bytes]:
    """What a file says, piece by piece, from one of them on; Corrupt where it does not open to its end."""
    cipher = AESGCM(key)
    try:
        with path.open("rb") as file:
            if file.read(len(_HEADING)) != _HEADING:
                raise Corrupt("An artifact's file does not begin as one.", code="artifact.corrupt")
            file.seek(number * (_PIECE + _TAG), os.SEEK_CUR)
            piece = file.read(_PIECE + _TAG)
            while True:
                following = file.read(_PIECE + _TAG)
                yield cipher.decrypt(_nonce(number, last=not following), piece, None)
                if not following:
                    return
                piece, number = following, number + 1
    except FileNotFoundError as error:
        raise Corrupt("An artifact's file is missing.", code="artifact.missing") from error
    except (InvalidTag, ValueError) as error:
        raise Corrupt("An artifact's file was changed or cut short.", code="artifact.corrupt") from error


def read_part(path: Path, key: bytes, start: int, end: int) -> bytes:
    """What a file says from one place to another; no piece before it or after it is opened."""
    first, said = start // _PIECE, b""
    if start < end:
        with closing(read_pieces(path, key, number=first)) as pieces:
            said = b"".join(islice(pieces, (end - 1) // _PIECE - first + 1))
    return said[start - first * _PIECE : end - first * _PIECE]


def _nonce(number: int, *, last: bool) -> bytes:
    return bytes([last]) + number.to_bytes(11, "big")


@contextmanager
def _room_named() -> Iterator[None]:
    """While a file is written, a full disk is said by its name."""
    try:
        yield
    except OSError as error:
        if error.errno in OUT_OF_SPACE:
            raise NoRoom("There is no room on the disk for this artifact.") from error
        raise
