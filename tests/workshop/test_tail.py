"""The end of a log, of whatever it is made, and while it grows and shrinks."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from haloop.workshop.tail import TAIL_BYTES, TAIL_LINES, Tail, tail_of

LINE = b"a line\n"
LONG = 3_000
WRITER = f"""
import os, sys
file = os.open(sys.argv[1], os.O_RDWR)
while True:
    os.pwrite(file, {LINE!r} * {LONG}, 0)
    os.truncate(file, {len(LINE)})
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "r-1.log"


def tail(log: Path) -> Tail:
    with log.open("rb") as file:
        return tail_of(file)


@pytest.mark.parametrize("byte", [b"\xff", b"\xc3", "\u20ac".encode(), b"\x00", b"\x1b]"])
def test_it_is_8_kb_at_most_whatever_it_is_made_of(log: Path, byte: bytes) -> None:
    """Bytes that are no text take no more room than they did."""
    log.write_bytes(byte * 9_000)

    found = tail(log)

    assert len(found.text.encode()) <= TAIL_BYTES
    assert found.bytes_before == log.stat().st_size - TAIL_BYTES


def test_a_line_ends_at_its_end_alone(log: Path) -> None:
    """Other signs that part lines make no more of them: what stands before those that are shown is counted exactly."""
    log.write_bytes("half\u2028half\u2029\x0b\x0c\x1c\u0085.\n".encode() * 200)

    found = tail(log)

    assert found.text.count("\n") == TAIL_LINES - 1
    assert found.bytes_before == log.stat().st_size // 2


def test_of_a_progress_the_last_is_shown(log: Path) -> None:
    """As a terminal does; a line that ends as other systems end theirs is whole."""
    log.write_bytes(b"plain\r\n0%\r 50%\r 99%\r\nthen 1\rthen 2\r")

    assert tail(log) == Tail("plain\n 99%\nthen 2", 0)


def test_an_escape_without_an_end_hides_its_own_line_alone(log: Path) -> None:
    """The lines after it are there."""
    log.write_bytes(b"\x1b]0;a name\nseen\n")

    assert tail(log) == Tail("\nseen", 0)


def test_a_log_that_is_shortened_while_it_is_read_is_read_again(log: Path) -> None:
    """Nobody is told that nothing was written, or that more stands before it than there is."""
    log.write_bytes(LINE)

    with growing_and_shrinking(log):
        while tail(log).text == "a line":  # until it is at work
            pass
        found = [tail(log) for _ in range(20_000)]

    assert [one for one in found if "line" not in one.text] == []
    assert max(one.bytes_before for one in found) < len(LINE) * LONG


@contextmanager
def growing_and_shrinking(log: Path) -> Iterator[None]:
    """A program makes it long and short again, without end."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, log])
    try:
        yield
    finally:
        writer.kill()
        writer.wait()
