"""The numbers that `haloop inbox` last showed, so that a number means that very gate and no newer one."""

import os
from collections.abc import Sequence
from pathlib import Path

from haloop.kernel.errors import BadInput
from haloop.settings import Settings


def remember(settings: Settings, gates: Sequence[str]) -> bool:
    """Keep the order in which gates were shown; False where it cannot be kept."""
    file = _file(settings)
    unfinished = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished.write_text("".join(f"{gate}\n" for gate in gates), encoding="utf-8")
        unfinished.replace(file)
    except OSError:
        return False
    return True


def recall(settings: Settings, number: int) -> str:
    """The gate that was shown under a number."""
    try:
        gates = _file(settings).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        gates = []
    if not 1 <= number <= len(gates):
        raise BadInput(f"The inbox showed no number {number}.", code="gate.number", next_step="Look with haloop inbox.")
    return gates[number - 1]


def _file(settings: Settings) -> Path:
    return settings.state / "inbox"
