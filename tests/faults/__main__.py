"""Run the fault matrix and print its table as the rows end: `python -m tests.faults --scale ci`.

The answer is yes only if no invariant broke, every planted bug was noticed, and every row could run.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults.matrix import TABLE_HEAD, Line, Scale, examine, table_line, versions
from tests.faults.rows import ROWS

COMPLAINTS_MAX = 20


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    rows = [row for row in ROWS if not options.rows or row.number in options.rows]
    written: list[str] = []

    def write(line: str) -> None:
        print(line, flush=True)
        written.append(line)

    began = time.monotonic()
    write(TABLE_HEAD)
    lines = []
    for row in rows:
        lines.append(examine(row, options.scale, seed=options.seed, count=options.count))
        write(table_line(lines[-1]))
    _write_below(write, lines, options.scale, seconds=time.monotonic() - began)
    if options.out is not None:
        options.out.write_text("\n".join(written) + "\n", encoding="utf-8")
    return 1 if any(line.complaints for line in lines) else 0


def _write_below(write: Callable[[str], None], lines: Sequence[Line], scale: Scale, *, seconds: float) -> None:
    """What the table does not say in its columns."""
    minutes = f"{seconds / 60:.1f} minutes"
    write(f"\nScale `{scale}`, {minutes}, controls included. {versions()}.")
    for remark in [f"Row {line.row.number}: {line.remark}" for line in lines if line.remark]:
        write(f"\n{remark}")
    for line in lines:
        for complaint in line.complaints[:COMPLAINTS_MAX]:
            write(f"\n**Row {line.row.number}: {complaint}**")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--scale", type=Scale, choices=list(Scale), default=Scale.CI)
    parser.add_argument("--rows", type=_numbers, default=(), help="row numbers with commas between; all if not given")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="for the same story again")
    parser.add_argument("--count", type=int, help="instead of the scale's own counts")
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    return parser.parse_args(arguments)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
