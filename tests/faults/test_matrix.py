"""The fault matrix as part of every test run: each row at its short count, and every planted bug.

`make faults` runs the same rows in full.
"""

import os

import pytest

from tests.faults.matrix import Row, Scale, examine, table_line
from tests.faults.rows import ROWS

SEED = int(os.environ.get("HALOOP_FAULTS_SEED", "1"))


@pytest.mark.faults
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number}-{row.name.replace(' ', '-')}")
def test_the_ledger_survives_and_the_row_notices_its_planted_bug(row: Row) -> None:
    """Whatever the row does to the shipped ledger breaks no promise, and a bug planted in the product is noticed."""
    line = examine(row, Scale.TEST, seed=SEED)

    print(table_line(line))
    if line.missing and os.environ.get("CI") != "true":
        pytest.skip(f"FAULT ROW {row.number} ({row.name}) DID NOT RUN: {line.complaints[0]}")
    assert line.complaints == []
