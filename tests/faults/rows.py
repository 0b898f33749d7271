"""Every row of the fault matrix that exists, by its number."""

from tests.faults import (
    clock,
    disk_full,
    erasure,
    histories,
    interleavings,
    io_error,
    kill,
    lost_reply,
    missions,
    power_cut,
    second_writer,
    sequences,
    soak,
    sudden_end,
    tampering,
)
from tests.faults.matrix import Row

ROWS: tuple[Row, ...] = (
    power_cut.ROW,
    kill.ROW,
    sudden_end.ONCE,
    sudden_end.TWICE,
    io_error.ROW,
    disk_full.ROW,
    tampering.ROW,
    clock.ROW,
    lost_reply.ROW,
    interleavings.ROW,
    sequences.ROW,
    histories.ROW,
    second_writer.ROW,
    erasure.ROW,
    soak.ROW,
    missions.ROW,
)
