"""What a start records about itself, before anybody else may say anything.

First the key that signs from now on, so that every checkpoint leads to a key the ledger knows. Then that a
process took over: which one, on which machine, by which clocks. Last, if the ledger went back, that it did;
and what was erased after the backup was made is erased again.
"""

import os
import platform

import apsw

from haloop.kernel import canonical
from haloop.kernel.clock import Clock, Reading, boot_id
from haloop.kernel.ledger import ACCOUNT_OPENED, START, Chain, Entry
from haloop.kernel.part import Part
from haloop.store.doubt import EPOCH_STARTED, Doubt
from haloop.store.eraser import Eraser
from haloop.store.limits import SIGNER_ENROLLED, Limits
from haloop.store.opening import OpenHome
from haloop.store.recorder import KERNEL, Recorder
from haloop.store.recovery import Recovery


class Greeting:
    """The first facts of a start, in their order."""

    def __init__(
        self, home: OpenHome, *, recorder: Recorder, limits: Limits, recovery: Recovery, eraser: Eraser
    ) -> None:
        self._home = home
        self._reader = home.files.reader
        self._recorder = recorder
        self._limits = limits
        self._recovery = recovery
        self._eraser = eraser
        self._doubt = Doubt(home.system, reader=self._reader, bodies=home.files.bodies)

    async def record(self, signer: bytes, clock: Clock) -> int:
        """Record who took over, with which key, and whether the ledger went back; by how much the clock did."""
        await self._enrol(Part.of("signer", {"ed25519": signer.hex()}))
        reading = clock.read()
        moved = self._doubt.at(reading)
        await self._recorder.record(self._home.system, _epoch_started(reading, moved))
        if self._home.setback is not None:
            await self._recovery.enter(self._home.setback)
            self._home.place.restored.unlink(missing_ok=True)
        else:
            self._recovery.resume()
        if self._recovery.why is not None:
            await self._eraser.erase_what_went_back()
        return moved

    async def _enrol(self, signer: Part) -> None:
        enrolment = Entry(kind=SIGNER_ENROLLED, actor=KERNEL, parts=(signer,))
        if self._home.system not in [tree.account for tree in self._reader.trees()]:
            await self._open_system(enrolment)
        elif not self._is_enrolled(signer.body):
            await self._recorder.record(self._home.system, enrolment)

    async def _open_system(self, enrolment: Entry) -> None:
        """Begin the home's own account; together with the key, so that nothing is signed by one nobody knows."""
        own, opening = Chain.of_account(self._home.system), Entry(kind=ACCOUNT_OPENED, actor=KERNEL)
        self._limits.require_allowed(own, START, [opening])
        await self._recorder.append(own, START, opening, enrolment)

    def _is_enrolled(self, signer: bytes) -> bool:
        facts = self._reader.facts(self._reader.number(self._home.system), SIGNER_ENROLLED)
        return bool(facts) and self._home.files.bodies.open(facts[-1], "signer").body == signer


def _epoch_started(reading: Reading, moved: int) -> Entry:
    about: dict[str, canonical.Canonical] = {
        "boot": reading.boot,
        "boot_id": boot_id(),
        "host": platform.node(),
        "moved": moved,
        "process": os.getpid(),
        "sqlite": apsw.sqlite_lib_version(),
        "wall": reading.wall,
    }
    return Entry(kind=EPOCH_STARTED, actor=KERNEL, parts=(Part.of("process", about),))
