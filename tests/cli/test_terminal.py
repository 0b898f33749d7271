"""At a real terminal answers are drawn; what they say is what a pipe would be told, and nobody else draws there."""

import os
import pty
import re
import subprocess
import sys

import pytest

from tests.cli.conftest import Haloop
from tests.cli.neighbour import PROGRAM, Neighbour, asked, neighbour
from tests.store.conftest import REPOSITORY

__all__ = ["neighbour"]

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def drawn(*words: str, columns: int = 100) -> str:
    """What a command draws on a terminal, colours included."""
    master, slave = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "COLUMNS": str(columns), "TERM": "xterm"}
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stdout=slave, stderr=slave, env=environment) as it:
        os.close(slave)
        seen = b""
        while piece := _read(master):
            seen += piece
        it.wait(timeout=30)
    os.close(master)
    return seen.decode()


def _read(master: int) -> bytes:
    try:
        return os.read(master, 4096)
    except OSError:  # the other end is closed
        return b""


def test_lists_stand_under_their_heads(haloop: Haloop, neighbour: Neighbour) -> None:
    """Each row says what the plain line says, in columns."""
    asked(haloop)
    plain = haloop("inbox").out.splitlines()[0]
    head, row, *_ = _COLOURS.sub("", drawn("inbox")).splitlines()

    assert head.split() == ["gate", "desk", "about", "what", "is", "asked", "until"]
    assert row.split() == plain.split()
    assert head.index("desk") == row.index("shop")


def test_a_narrow_terminal_gets_lines(haloop: Haloop, neighbour: Neighbour) -> None:
    """Where columns would be a word wide there are none, and nothing is left out."""
    asked(haloop)
    assert "".join(drawn("inbox", columns=30).split()).startswith("".join(haloop("inbox").out.split("next")[0].split()))


@pytest.mark.parametrize("columns", [30, 100])
def test_words_of_others_draw_nothing(haloop: Haloop, neighbour: Neighbour, columns: int) -> None:
    """Neither markup nor escapes nor line ends in a draft are obeyed; the frame stays whole."""
    trick = "[bold red]tea[/]\x1b[2J\r\n╰───╯ approved :smile:\u202e"
    _, gate = asked(haloop, f"order.item={trick}", "order.shop=Ka\x1b[8mrl", "order.cents=5")
    seen = drawn("show", gate, columns=columns)
    plain = _COLOURS.sub("", seen)

    assert "\x1b[2J" not in seen
    assert "\x1b[8m" not in seen
    assert "\u202e" not in seen
    assert "[boldred]tea[/]" in "".join(plain.replace("│", "").split())
    framed = [line for line in plain.splitlines() if line.startswith(("│", "╭", "╰"))]
    assert {len(line) for line in framed} == {len(framed[0])}


def test_a_watched_run_moves_and_leaves_its_lines(haloop: Haloop, neighbour: Neighbour) -> None:
    """While it goes on the last line says where it stands; at the end only what happened is left."""
    run, gate = asked(haloop)
    haloop("approve", gate, "--yes")
    told = [line for line in haloop("watch", run).out.splitlines() if line]
    seen = _COLOURS.sub("", drawn("watch", run))

    assert [line for line in told if line not in seen] == []
    assert "goes on" in seen
