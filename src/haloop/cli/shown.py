"""The numbers that `haloop inbox` last showed, so that a number means that very gate and no newer one."""

import os
from collections.abc import Sequence
from pathlib import Path

from haloop.kernel.errors import BadInput
from haloop.settings import Settings
from haloop.wire.gates import GateOut


def remember(settings: Settings, gates: Sequence[GateOut]) -> bool:
    """Keep the order in which gates were shown, each at its revision; False where it cannot be kept."""
    file = _file(settings)
    unfinished = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished.write_text("".join(f"{gate.id} {gate.revision}\n" for gate in gates), encoding="utf-8")
        unfinished.replace(file)
    except OSError:
        return False
    return True


def recall(settings: Settings, number: int) -> str:
    """The gate that was shown under a number."""
    gates = _kept(settings)
    if not 1 <= number <= len(gates):
        raise BadInput(f"The inbox showed no number {number}.", code="gate.number", next_step="Look with haloop inbox.")
    return gates[number - 1][0]


def revision_shown(settings: Settings, gate: str) -> int | None:
    """At which revision the inbox last showed a gate; none where it did not."""
    return next((revision for shown, revision in _kept(settings) if shown == gate), None)


def _kept(settings: Settings) -> list[tuple[str, int]]:
    try:
        lines = _file(settings).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    pairs = [line.partition(" ") for line in lines]
    return [(gate, int(revision)) for gate, _, revision in pairs if revision.isdecimal()]


def _file(settings: Settings) -> Path:
    return settings.state / "inbox"
