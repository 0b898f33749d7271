"""Making what was said unreadable for good, on demand and again at every start.

Only what has ended is erased: the words of a run that goes on are still needed. The erasure is recorded
before anything goes, at a line that everything said later comes after, and it goes on although whoever asked
may have gone away. A start carries out every recorded erasure again, because a crash may have come between
the fact and the deletion, or a backup may have brought keys back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from haloop.kernel.errors import NotErasable, NotFound, Refused
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.ledger import PAYLOAD_ERASED, Chain, Entry, Event
from haloop.store import schema
from haloop.store.artifacts import Artifacts
from haloop.store.erasure import PART_NAME, Erasure, carry_out, wipe
from haloop.store.files import Files
from haloop.store.intake import Intake
from haloop.store.limits import HOME_KINDS
from haloop.store.own_work import OwnWork
from haloop.store.reader import StoredRun
from haloop.store.recorder import KERNEL, Recorder
from haloop.store.writer import Writer

_WIPE_SECONDS_MAX = 30.0
_PAUSE_SECONDS = 0.05
_FIRST_PATIENCE_MILLISECONDS = 25
_PATIENCE_MILLISECONDS_MAX = 1_000
"""How long an erasure may keep the writer from writing, in one go, once it has found no quiet moment by itself."""


class Eraser:
    """Erases parts, runs and people of an open ledger."""

    def __init__(self, files: Files, *, intake: Intake, recorder: Recorder, writer: Writer, own_work: OwnWork) -> None:
        self._reader = files.reader
        self._keys = files.keys
        self._intake = intake
        self._recorder = recorder
        self._writer = writer
        self._own_work = own_work

    async def erase_part(self, event: Event, name: str, *, actor: str, why: str) -> None:
        """Make one part of one event unreadable for good."""
        header = event.header
        if name not in event.parts:
            raise NotFound(f"Event {event.index} has no part {name!r}.")
        if header.kind in HOME_KINDS:
            raise NotErasable(f"The ledger itself needs to know what {header.kind} says.")
        chain = Chain(account=header.account, run_id=header.run_id)
        if not chain.is_own:
            _require_ended(self._known_run(chain), chain.run_id)
        await self._erase(header.account, Erasure(why=why, part=(event.index, name)), actor)

    async def erase_run(self, chain: Chain, artifacts: Artifacts, *, actor: str, why: str) -> None:
        """Make what a run said unreadable for good, and its files; its words about people go with those people."""
        if chain.is_own:
            raise NotErasable("An account's own chain of facts has no end; erase its parts one by one.")
        run = self._known_run(chain)
        _require_ended(run, chain.run_id)
        erasure = Erasure(why=why, keys=(run.key_id,), run_id=chain.run_id)
        await self._erase(chain.account, erasure, actor, lambda: artifacts.let_go(chain))

    async def erase_subject(self, account: AccountId, person: PersonId, *, actor: str, why: str) -> None:
        """Make everything about a person unreadable for good, wherever it stands."""
        await self._writer.do(lambda _connection: None)  # what is on its way is about them too
        keys = tuple(key for key in self._intake.person_keys(account, person) if not self._reader.key_erased(key))
        running = self._reader.running_with(keys)
        if running:
            raise NotErasable(f"{running[0]} says something about {person} and has not ended.")
        await self._erase(account, Erasure(why=why, keys=keys, subject=person), actor)

    async def erase_what_went_back(self) -> None:
        """Erase again what lost its keys after a backup was made, and whose erasure went back with it."""
        why = "The key was gone when the ledger was restored from a backup."
        lost = {tree.account: self._keys.absent(self._reader.live_keys(tree.number)) for tree in self._reader.trees()}
        for account, absent in lost.items():
            if absent:
                await self._erase(account, Erasure(why=why, keys=tuple(absent)), KERNEL)

    def _known_run(self, chain: Chain) -> StoredRun:
        run = self._reader.find(chain)
        if run is None:
            raise NotFound(f"There is no run {chain.run_id}.")
        return run

    async def _erase(
        self, account: AccountId, erasure: Erasure, actor: str, let_go: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Record an erasure and carry it out; whoever asked may go away, the erasure goes on."""
        entry = erasure.entry(actor)
        await asyncio.shield(self._own_work.begin(self._erase_for_good(account, erasure, entry, let_go)))

    async def _erase_for_good(
        self, account: AccountId, erasure: Erasure, entry: Entry, let_go: Callable[[], Awaitable[None]] | None
    ) -> None:
        (index,) = await self._recorder.record(account, entry, retiring=erasure.keys)
        tree = self._reader.number(account)
        at = schema.position(tree, index)
        await self._writer.do(
            lambda connection: carry_out(erasure, tree=tree, at=at, connection=connection, keys=self._keys)
        )
        try:
            await self._wipe()
        finally:  # a reader may keep an old log in use, and no file
            if let_go is not None:
                await let_go()

    async def _wipe(self) -> None:
        """Cut both logs, with more patience each time: readers who come one after another leave no quiet moment."""
        give_up_at = time.monotonic() + _WIPE_SECONDS_MAX
        patience = 0
        while not await self._writer.do(partial(wipe, keys=self._keys, patience_milliseconds=patience)):
            if time.monotonic() > give_up_at:
                raise Refused(
                    "The erasure is recorded and the keys are deleted, but a reader keeps an old log in use.",
                    code="erase.reader_open",
                    next_step="Close what reads the home; the next start wipes the log.",
                )
            await asyncio.sleep(max(_PAUSE_SECONDS, patience / 1000))  # authors waited as well: now it is their turn
            patience = min(2 * patience + _FIRST_PATIENCE_MILLISECONDS, _PATIENCE_MILLISECONDS_MAX)


def redo_erasures(files: Files) -> None:
    """Carry out every recorded erasure again, before anybody can read."""
    redone = False
    for tree in files.reader.trees():
        for event in files.reader.facts(tree.number, PAYLOAD_ERASED):
            erasure = Erasure.read(files.bodies.open(event, PART_NAME).body)
            at = schema.position(tree.number, event.index)
            carry_out(erasure, tree=tree.number, at=at, connection=files.connection, keys=files.keys)
            redone = True
    if redone:
        wipe(files.connection, files.keys)


def _require_ended(run: StoredRun, run_id: RunId) -> None:
    if not run.ended:
        raise NotErasable(f"{run_id} has not ended.")
