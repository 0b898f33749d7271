"""Every row of the fault matrix that exists, by its number."""

from tests.faults import disk_full, erasure, io_error, kill, power_cut, second_writer, tampering
from tests.faults.matrix import Row

ROWS: tuple[Row, ...] = (
    power_cut.ROW,
    kill.ROW,
    io_error.ROW,
    disk_full.ROW,
    tampering.ROW,
    second_writer.ROW,
    erasure.ROW,
)
