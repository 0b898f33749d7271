"""An artifact on the disk is opened as far as somebody wants to read of it, and no further."""

from pathlib import Path

import pytest

from haloop.kernel.errors import Corrupt
from haloop.store.artifact_file import Incoming, file_name, read_part, read_pieces

PIECE = 64 * 1024
SAID = bytes(range(256)) * (3 * PIECE // 256) + b"the end"


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, bytes]:
    """A file of three pieces and a little, and its key."""
    incoming = Incoming(tmp_path / "acc")
    incoming.add(SAID)
    incoming.settle()
    return tmp_path / "acc" / file_name(incoming.key), incoming.key


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, len(SAID)),
        (0, 1),
        (5, 5),
        (PIECE - 1, PIECE + 1),
        (PIECE, 2 * PIECE),
        (2 * PIECE + 9, len(SAID)),
        (len(SAID) - 1, len(SAID)),
    ],
)
def test_a_part_is_what_stands_there(kept: tuple[Path, bytes], start: int, end: int) -> None:
    """Wherever it begins and ends, in one piece or across several."""
    assert read_part(*kept, start, end) == SAID[start:end]


def test_a_part_is_read_whatever_became_of_the_others(kept: tuple[Path, bytes]) -> None:
    """A piece that was changed is not opened for one that was not, and does not open itself."""
    path, key = kept
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    assert read_part(path, key, 10, 2 * PIECE) == SAID[10 : 2 * PIECE]
    for broken in (lambda: read_part(path, key, 0, len(SAID)), lambda: list(read_pieces(path, key))):
        with pytest.raises(Corrupt):
            broken()


def test_nothing_is_read_behind_the_end(kept: tuple[Path, bytes]) -> None:
    """Whoever asks for what a file never had hears that it does not open."""
    with pytest.raises(Corrupt):
        read_part(*kept, len(SAID) + PIECE, len(SAID) + PIECE + 1)
