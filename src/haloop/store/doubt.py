"""Whether the wall clock can be believed at a start, by what earlier starts have recorded.

Each start records both clocks. A later one on the same boot of the machine holds its own against them; after a
reboot, boot time counts anew, and only the jumps that were recorded while it ran are known. What somebody has
called right since is no doubt any more; everything else still is, however often the process is started again.
"""

from collections.abc import Iterable

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.clock import JUMP_SECONDS_MAX, Reading, boot_id
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import Entry, Event
from haloop.kernel.part import Part
from haloop.store.bodies import Bodies
from haloop.store.reader import Reader

EPOCH_STARTED = "epoch.started"
JUMPED = "clock.jumped"
TRUSTED = "clock.trusted"

_JUMP_MAX = JUMP_SECONDS_MAX * 1_000_000


def jumped(microseconds: int) -> Part:
    """What the fact of a jump says."""
    return Part.of("jump", {"microseconds": microseconds})


def trusted(microseconds: int, *, actor: str) -> Entry:
    """Somebody says that the clock is right, although it was moved by so much."""
    return Entry(kind=TRUSTED, actor=actor, parts=(jumped(microseconds),))


def is_jump(microseconds: int) -> bool:
    """Whether a clock that was moved by so much is not believed."""
    return abs(microseconds) > _JUMP_MAX


class Doubt:
    """By how much the wall clock was moved without anybody saying since that it is right."""

    def __init__(self, system: AccountId, *, reader: Reader, bodies: Bodies) -> None:
        self._system = system
        self._reader = reader
        self._bodies = bodies

    def at(self, reading: Reading) -> int:
        """By how many microseconds a start's clock was moved, as its clocks show; small steps add up over starts."""
        tree = self._reader.number(self._system)
        started = self._reader.facts(tree, EPOCH_STARTED)
        if not started:
            return 0
        last = started[-1]
        jumps, trusts = (
            self._sum(event for event in self._reader.facts(tree, kind) if event.index > last.index)
            for kind in (JUMPED, TRUSTED)
        )
        match canonical.decode(self._bodies.open(last, "process").body):
            case {"boot": int(boot), "boot_id": str(booted), "moved": int(moved), "wall": int(wall)}:
                same_boot = booted == boot_id() and reading.boot >= boot
                drift = (reading.wall - wall) - (reading.boot - boot) if same_boot else jumps
                return moved + drift - trusts
        return 0

    def _sum(self, events: Iterable[Event]) -> int:
        return sum(_microseconds(canonical.decode(self._bodies.open(event, "jump").body)) for event in events)


def _microseconds(jump: Canonical) -> int:
    match jump:
        case {"microseconds": int(microseconds)}:
            return microseconds
    return 0
