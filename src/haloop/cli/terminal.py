"""How an answer looks at a terminal: tables under their heads, a card in a frame, a bar while a run goes on.

Only what is drawn differs from the plain lines, never what is said. Words of others are text here, never markup, and
whatever a terminal might obey is spelled out before it is drawn.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as Drawn
from rich.text import Text

from haloop.cli.parts import Framed, Part, Table, visible

_NARROW = 60
"""Below so many columns a table would be unreadable; each of its rows is a line then."""


def draw(stream: TextIO, parts: Sequence[Part]) -> None:
    """Draw an answer."""
    console = _console(stream)
    for part in parts:
        console.print(_drawn(part, console.width), soft_wrap=isinstance(part, str))


@contextmanager
def moving(stream: TextIO) -> "Iterator[Moving]":
    """A page whose last line moves while a run goes on, and is gone at the end."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console(stream), transient=True) as progress:
        yield Moving(progress)


class Moving:
    """Lines above, and below them where the run stands."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def say(self, line: str) -> None:
        """Add a line."""
        self._progress.console.print(Text(visible(line)), soft_wrap=True)

    def stands(self, where: str) -> None:
        """Say where the run stands just now."""
        self._progress.update(self._task, description=visible(where))


def _console(stream: TextIO) -> Console:
    return Console(file=stream, markup=False, highlight=False, emoji=False)


def _drawn(part: Part, width: int) -> RenderableType:
    match part:
        case Table() if width >= _NARROW:
            return _table(part)
        case Table():
            return Text("\n".join("  ".join(filter(None, map(visible, row))) for row in part.rows))
        case Framed():
            return Panel(Text("\n").join(_card(part.lines)), box=box.ROUNDED, expand=False, padding=(0, 1))
    return Text(visible(part), style="dim" if part.startswith("next: ") else "")


def _table(table: Table) -> Drawn:
    drawn = Drawn(*table.columns, box=None, pad_edge=False, header_style="bold")
    for row in table.rows:
        drawn.add_row(*(Text(visible(cell), overflow="fold") for cell in row))
    return drawn


def _card(lines: Sequence[str]) -> Iterator[Text]:
    """Its title in bold, and what must be read before a yes so that nobody overlooks it."""
    for number, line in enumerate(lines):
        disclosed = line.lstrip().startswith("! ")
        style = "bold" if number == 0 else "bold yellow" if disclosed else ""
        yield Text(visible(line), style=style)
