"""What answers are made of, and their plain form: lines of text that command no terminal.

Whatever came from a file is made visible on its way out: a control character in a ledger must not move the cursor of
whoever looks into it, nor turn the order in which they read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of one kind, each with the same columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Framed:
    """Lines that belong together and to nothing else: a card."""

    lines: Sequence[str]


Part = str | Table | Framed


def plain(part: Part) -> Iterator[str]:
    """A part as lines."""
    match part:
        case Table():
            yield from ("  ".join(filter(None, row)) for row in part.rows)
        case Framed():
            yield from part.lines
        case _:
            yield part


def visible(text: str) -> str:
    """The text with everything a terminal might obey, or that would reorder it, spelled out."""
    return "".join([one if one.isprintable() else _spelled(one) for one in text])


def write(stream: TextIO, line: str, *, end: str = "\n") -> None:
    """Print a line in whatever letters the stream has."""
    encoding = stream.encoding or "ascii"
    stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + end)
    stream.flush()


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
