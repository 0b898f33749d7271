"""The ledger on SQLite: open a home, append facts, read them, prove them.

The path of a fact: `append` stamps the time, locks the parts and writes the header here, on the caller's
thread; the writer admits it, commits it with whatever else is waiting, and signs a checkpoint at most once a
second. Opening a home is the other half of durability: the tail is checked against the tree, the ledger
against the witness outside it, and recorded erasures are carried out again, before anything new is accepted.
"""

import asyncio
import os
import platform
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path

import apsw

from haloop.kernel import canonical
from haloop.kernel.checkpoint import Signer, VerifierKey, open_note
from haloop.kernel.clock import Clock, Reading, SystemClock, boot_id, wall_jump
from haloop.kernel.errors import (
    BadEntry,
    BadNote,
    Corrupt,
    DiskFault,
    ForeignRun,
    HomeUnusable,
    LedgerClosed,
    NoRoom,
    NotErasable,
    NotFound,
    OutOfSequence,
    Poisoned,
    RecoveryOpen,
    Refused,
    RunFull,
)
from haloop.kernel.ids import AccountId, PersonId, RunId, new_account_id, new_system_id
from haloop.kernel.ledger import (
    ACCOUNT_OPENED,
    EFFECT_INTENDED,
    OUTCOMES,
    PAYLOAD_ERASED,
    RUN_ENDED,
    RUN_EVENTS_MAX,
    START,
    Chain,
    Entry,
    Event,
    Head,
    origin,
)
from haloop.kernel.part import Part
from haloop.kernel.receipt import Receipt
from haloop.store import schema
from haloop.store.batch import Index
from haloop.store.bodies import Bodies
from haloop.store.database import copy_database, open_for_reading, open_for_writing, require_library
from haloop.store.erasure import PART_NAME as ERASURE_PART
from haloop.store.erasure import Erasure, carry_out, wipe
from haloop.store.home import BALLAST_BYTES, Ballast, FileLock, Home, Room, sync_folder
from haloop.store.intake import Intake
from haloop.store.keys import KeyRing
from haloop.store.opening import Setback, check_tail, find_setback, read_epoch
from haloop.store.reader import Reader, StoredRun
from haloop.store.receipt import make_receipt
from haloop.store.seals import Seals
from haloop.store.signing import verify_ed25519
from haloop.store.submission import Submission
from haloop.store.witness import Witness
from haloop.store.writer import Writer

KERNEL = "kernel"

_HOME_KINDS = frozenset({PAYLOAD_ERASED, "signer.enrolled", "recovery.entered", "recovery.ended"})
"""Facts that a start acts upon: nobody else may record them, and what they say is never erased."""
_ERASE_SECONDS_MAX = 30.0
_ROOM_SECONDS = 1.0


def end_process(poison: Poisoned) -> None:
    """Say why and end: after a failed write only a fresh start may look at the files."""
    print(f"haloop: {poison.sentence}\nhaloop: {poison.next_step}", file=sys.stderr, flush=True)
    os._exit(poison.exit)


class SqliteLedger:
    """A home's ledger, opened by this process alone. One event loop uses it."""

    def __init__(self, home: Home, *, signer: Signer, clock: Clock, witness_folder: Path, ballast: int) -> None:
        self._home = home
        self._signer = signer
        self._clock = clock
        self._witness_folder = witness_folder
        self._lock = FileLock(home.lock)
        self._ballast = Ballast(home.ballast, ballast)
        self._room = Room.ENOUGH
        self._room_seen_at = float("-inf")
        self._tips: dict[AccountId, Head] = {}
        self._seals = Seals()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._recovery: str | None = None

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        path: Path,
        *,
        signer: Signer,
        witness_folder: Path,
        clock: Clock | None = None,
        ballast: int = BALLAST_BYTES,
        on_death: Callable[[Poisoned], None] = end_process,
    ) -> "AsyncIterator[SqliteLedger]":
        """Open a home, and close it at the end; on the first use the ledger is made."""
        ledger = cls(
            Home(path),
            signer=signer,
            clock=clock or SystemClock(),
            witness_folder=witness_folder,
            ballast=ballast,
        )
        await ledger._open(on_death)
        try:
            yield ledger
        finally:
            await asyncio.gather(*ledger._tasks, return_exceptions=True)
            ledger._close()

    # Recording

    def append(self, chain: Chain, after: Head, *entries: Entry) -> Submission:
        """Record facts right after `after`: all of them or none. Await the result to know they are durable."""
        if any(entry.kind in _HOME_KINDS for entry in entries):
            raise BadEntry(
                "The home acts upon this kind of fact, so it is recorded by the home alone.", code="entry.reserved"
            )
        self._require_allowed(chain, after, entries)
        return self._append(chain, after, *entries)

    def _append(self, chain: Chain, after: Head, *entries: Entry) -> Submission:
        """Without asking whether it is allowed now: what the home records of itself always is."""
        self._writer.require_alive()
        try:
            submission = self._intake.prepare(chain, after, entries, self._stamp())
        except apsw.Error as error:  # after a failed write to keys.db the next would seem to succeed
            raise self._writer.poison(error) from error
        self._writer.submit(submission)
        if chain.is_own:
            self._tips[chain.account] = submission.head
        return submission

    async def record(self, account: AccountId, *entries: Entry) -> tuple[int, ...]:
        """Record facts that belong to no run, wherever the account's own chain stands."""
        return await self._at_tip(self.append, account, *entries)

    async def _record(self, account: AccountId, *entries: Entry) -> tuple[int, ...]:
        """The same for facts that the home itself acts upon."""
        return await self._at_tip(self._append, account, *entries)

    async def _at_tip(self, append: Callable[..., Submission], account: AccountId, *entries: Entry) -> tuple[int, ...]:
        chain = Chain.of_account(account)
        while True:
            try:
                return await append(chain, self._tip(account), *entries)
            except OutOfSequence:  # somebody's refused fact stood before ours; look again
                self._tips.pop(account, None)

    async def open_account(self, *, actor: str = KERNEL) -> AccountId:
        """Begin an account: a tree of its own."""
        account = new_account_id()
        await self.append(Chain.of_account(account), START, Entry(kind=ACCOUNT_OPENED, actor=actor))
        return account

    # Reading

    async def head(self, chain: Chain) -> Head:
        """Where a chain durably stands."""
        run = self._run(chain)
        return START if run is None else self._reader.head(run)

    async def run(self, chain: Chain) -> Sequence[Event]:
        """All events of one chain, oldest first."""
        run = self._run(chain)
        return [] if run is None else self._reader.run_events(run)

    async def events(self, account: AccountId, *, start: int = 0, limit: int = 1000) -> Sequence[Event]:
        """A page of an account's events in the order of its tree."""
        return self._reader.page(self._reader.tree(account).number, start=start, limit=limit)

    async def event(self, account: AccountId, index: int) -> Event:
        """One event by its leaf index."""
        return self._reader.event(self._reader.tree(account).number, index)

    async def body(self, event: Event, name: str) -> bytes:
        """What one part says; Erased where it is gone on purpose."""
        self._require_open()
        return self._bodies.open(event, name).body

    async def accounts(self) -> Sequence[AccountId]:
        return [tree.account for tree in self._reader.trees() if tree.account != self._system]

    # Proving

    async def sealed(self, account: AccountId, index: int) -> str:
        """A signed checkpoint that covers a leaf: the newest, or the next within a second."""
        self._writer.require_alive()
        tree = self._reader.tree(account)
        if index >= tree.size:
            raise NotFound(f"Account {account} has no event {index} yet.")
        return await self._seals.wait(account, index + 1)

    async def receipt(self, account: AccountId, disclose: Mapping[int, Collection[str]]) -> Receipt:
        """Show events by leaf index, each with the named parts readable, to somebody who has only our key."""
        if not disclose:
            raise NotFound("A receipt of no events proves nothing.")
        note = await self.sealed(account, max(disclose))
        return make_receipt(self._reader, self._bodies, account, disclose, note)

    def verifier_key(self, account: AccountId) -> VerifierKey:
        """The key a stranger checks this account's checkpoints with."""
        return VerifierKey.of(origin(account, self._index.epoch), self._signer.public_key)

    # Erasing

    async def erase_part(self, event: Event, name: str, *, actor: str, why: str) -> None:
        """Make one part of one event unreadable for good."""
        header = event.header
        if name not in event.parts:
            raise NotFound(f"Event {event.index} has no part {name!r}.")
        if header.kind in _HOME_KINDS:
            raise NotErasable(f"The ledger itself needs to know what {header.kind} says.")
        chain = Chain(account=header.account, run_id=header.run_id)
        if not chain.is_own:
            _require_ended(self._known_run(chain), chain.run_id)
        await self._erase(header.account, Erasure(why=why, part=(event.index, name)), actor)

    async def erase_run(self, chain: Chain, *, actor: str, why: str) -> None:
        """Make what a run said unreadable for good; its words about people go with those people."""
        if chain.is_own:
            raise NotErasable("An account's own chain of facts has no end; erase its parts one by one.")
        run = self._known_run(chain)
        _require_ended(run, chain.run_id)
        await self._erase(chain.account, Erasure(why=why, keys=(run.key_id,), run_id=chain.run_id), actor)

    async def erase_subject(self, account: AccountId, person: PersonId, *, actor: str, why: str) -> None:
        """Make everything about a person unreadable for good, wherever it stands."""
        await self._writer.do(lambda _connection: None)  # what is on its way is about them too
        keys = tuple(key for key in self._intake.person_keys(account, person) if not self._reader.key_erased(key))
        running = self._reader.running_with(keys)
        if running:
            raise NotErasable(f"{running[0]} says something about {person} and has not ended.")
        await self._erase(account, Erasure(why=why, keys=keys, subject=person), actor)

    # State

    @property
    def system(self) -> AccountId:
        """The account that holds facts about the home itself."""
        return self._system

    @property
    def room(self) -> Room:
        return self._room

    @property
    def recovery(self) -> str | None:
        """Why recovery mode is on; None when it is not."""
        return self._recovery

    async def end_recovery(self, *, actor: str) -> None:
        """Say that everything that may have happened since the backup has been looked at."""
        await self._record(self._system, Entry(kind="recovery.ended", actor=actor))
        self._recovery = None

    async def back_up(self, target: Path, *, keys: Path | None = None) -> None:
        """Copy the ledger while it runs; the keys go elsewhere, to be kept for a short time only."""
        try:
            await asyncio.to_thread(_copy, self._home.ledger, schema.LEDGER_APPLICATION_ID, target)
            if keys is not None:
                await asyncio.to_thread(_copy, self._home.keys, schema.KEYS_APPLICATION_ID, keys)
        except apsw.Error as error:
            raise Refused(
                f"The backup could not be written: {error}.",
                code="backup.failed",
                next_step="Look at where the backup goes: its folder, and the room there. The ledger is well.",
            ) from error

    # Opening and closing, in the order it happens

    async def _open(self, on_death: Callable[[Poisoned], None]) -> None:
        with ExitStack() as opened:
            try:
                setback = self._take(opened)
                self._start_writer(opened, on_death)
                await self._greet(setback)
            except (apsw.CorruptError, apsw.NotADBError) as error:
                raise Corrupt(f"A database in {self._home.path} is damaged: {error}.") from error
            except (apsw.Error, OSError) as error:
                raise DiskFault(f"{self._home.path} cannot be opened: {type(error).__name__}: {error}.") from error
            self._opened = opened.pop_all()  # all went well: it is let go of at the end, in the opposite order

    def _take(self, opened: ExitStack) -> Setback | None:
        """Lock the home, open its files, and see that they are whole and ours."""
        require_library()
        self._home.make()
        self._lock.take()
        opened.callback(self._lock.release)
        self._room = self._ballast.look()
        self._open_files(opened)
        setback = self._compare_with_witness(opened)
        self._redo_erasures()
        return setback

    def _open_files(self, opened: ExitStack) -> None:
        application, version = schema.LEDGER_APPLICATION_ID, schema.VERSION
        self._require_not_lost()
        self._connection = open_for_writing(
            self._home.ledger, schema=schema.LEDGER, application_id=application, version=version
        )
        opened.callback(self._connection.close)
        self._keys = KeyRing.open(self._home.keys)  # after the ledger, so that keys alone mean a lost ledger
        opened.callback(self._keys.close)
        connection = open_for_reading(self._home.ledger, application_id=application, version=version)
        opened.callback(connection.close)
        sync_folder(self._home.path)  # a database that was just made must still be there after a power cut
        self._stored = Reader(connection)
        self._bodies = Bodies(self._reader, self._keys)
        self._keys.count_from(self._reader.newest_key())
        self._intake = Intake(self._reader, self._keys)
        check_tail(self._reader)

    def _require_not_lost(self) -> None:
        """An empty ledger in the place of a lost one would allow everything a second time."""
        ledger = self._home.ledger
        if self._home.keys.exists() and not (ledger.exists() and ledger.stat().st_size):
            raise HomeUnusable(
                f"{self._home.path} has keys and no ledger: ledger.db was lost.",
                code="ledger.lost",
                next_step="Restore ledger.db with haloop restore, or move keys.db away to begin anew.",
            )

    def _compare_with_witness(self, opened: ExitStack) -> Setback | None:
        trees = self._reader.trees()
        systems = [tree.account for tree in trees if tree.account.startswith("sys_")]
        self._system = systems[0] if systems else new_system_id()
        self._witness = Witness(self._witness_folder, self._system)
        self._witness.take()
        opened.callback(self._witness.release)
        epoch = read_epoch(self._reader, self._system, self._said)
        setback = find_setback(self._reader, self._witness.notes, epoch=epoch, restored=self._home.restored)
        self._index = Index(self._connection, epoch=setback.epoch if setback else epoch)
        self._reading = self._clock.read()
        self._ts = max([tree.ts for tree in trees], default=0)
        return setback

    def _start_writer(self, opened: ExitStack, on_death: Callable[[Poisoned], None]) -> None:
        unsigned = []
        for tree in self._reader.trees():
            newest = self._reader.newest_checkpoint(tree.number)
            ours = newest is not None and self._signed_by_us(tree.account, newest.note)
            if newest is not None and ours:
                self._seals.remember(tree.account, newest.note)
            if newest is None or not ours or newest.size != tree.size:
                unsigned.append(tree.account)
        self._writer = Writer(
            self._connection,
            self._index,
            unsigned=unsigned,
            signer=self._signer,
            keeper=self._witness,
            on_checkpoint=self._seals.note,
            on_refusal=self._forget_tip,
            on_death=partial(self._die, on_death),
        )
        self._writer.start()
        opened.callback(self._stop)

    def _signed_by_us(self, account: AccountId, note: str) -> bool:
        """Whether a note carries this epoch's name and the key that signs now."""
        try:
            open_note(note, self.verifier_key(account), verify_ed25519)
        except BadNote:
            return False
        return True

    async def _greet(self, setback: Setback | None) -> None:
        """Record that this process took over, with which key it signs, and whether the ledger went back."""
        enrolment = self._enrolment()
        if self._system not in self._index.trees:  # together, so that nothing is signed by a key nobody knows
            own, opening = Chain.of_account(self._system), Entry(kind=ACCOUNT_OPENED, actor=KERNEL)
            self._require_allowed(own, START, [opening])
            await self._append(own, START, opening, enrolment)
        elif not self._is_enrolled(enrolment.parts[0].body):
            await self._record(self._system, enrolment)
        await self.record(self._system, _epoch_started(self._clock.read()))
        if setback is not None:
            await self._enter_recovery(setback)
        elif self._is_recovering():
            self._recovery = "The ledger was restored or rolled back, and nobody has ended recovery yet."
        if self._recovery is not None:
            for account, erasure in self._erasures_lost():
                await self._erase(account, erasure, KERNEL)

    def _enrolment(self) -> Entry:
        part = Part.of("signer", {"ed25519": self._signer.public_key.hex()})
        return Entry(kind="signer.enrolled", actor=KERNEL, parts=(part,))

    def _is_enrolled(self, signer: bytes) -> bool:
        facts = self._reader.facts(self._reader.tree(self._system).number, "signer.enrolled")
        return bool(facts) and self._said(facts[-1], "signer") == signer

    async def _enter_recovery(self, setback: Setback) -> None:
        part = Part.of("setback", {"epoch": setback.epoch, "why": setback.why, "outside": setback.outside})
        await self._record(self._system, Entry(kind="recovery.entered", actor=KERNEL, parts=(part,)))
        self._recovery = setback.why
        for tree in self._reader.trees():  # the new epoch's checkpoints must reach the witness before we go on
            await self.sealed(tree.account, self._index.trees[tree.account].range.size - 1)
        self._home.restored.unlink(missing_ok=True)

    def _erasures_lost(self) -> list[tuple[AccountId, Erasure]]:
        """Keys that were forgotten after the backup was made, whose erasure went back with it."""
        why = "The key was gone when the ledger was restored from a backup."
        return [
            (tree.account, Erasure(why=why, keys=tuple(absent)))
            for tree in self._reader.trees()
            if (absent := self._keys.absent(self._reader.live_keys(tree.number)))
        ]

    def _is_recovering(self) -> bool:
        tree = self._reader.tree(self._system).number
        entered, ended = (self._reader.facts(tree, f"recovery.{fact}") for fact in ("entered", "ended"))
        return bool(entered) and (not ended or ended[-1].index < entered[-1].index)

    def _redo_erasures(self) -> None:
        redone = False
        for tree in self._reader.trees():
            for event in self._reader.facts(tree.number, PAYLOAD_ERASED):
                erasure = Erasure.read(self._said(event, ERASURE_PART))
                at = schema.position(tree.number, event.index)
                carry_out(erasure, tree=tree.number, at=at, connection=self._connection, keys=self._keys)
                redone = True
        if redone:
            wipe(self._connection, self._keys)

    def _close(self) -> None:
        self._opened.close()

    def _stop(self) -> None:
        self._writer.stop()
        self._seals.fail(LedgerClosed("This ledger has been closed."))
        self._closed = True
        if not isinstance(self._writer.dead, Poisoned):
            try:
                wipe(self._connection, self._keys)
            except apsw.Error as error:
                raise DiskFault(
                    f"{self._home.path} could not be tidied up: {error}. Nothing recorded is lost."
                ) from error

    # Before anything is recorded

    def _require_allowed(self, chain: Chain, after: Head, entries: Sequence[Entry]) -> None:
        if not entries:
            raise BadEntry("An append records at least one fact.")
        if self._recovery is not None and any(entry.kind == EFFECT_INTENDED for entry in entries):
            raise RecoveryOpen(f"Nothing irreversible starts in recovery mode. {self._recovery}")
        if self._room is Room.OUTCOMES_ONLY and not all(entry.kind in OUTCOMES for entry in entries):
            self._look_for_room()
            if self._room is Room.OUTCOMES_ONLY:
                raise NoRoom("The disk is full: only how effects ended is written until there is room.")

        if after.run_seq + len(entries) > RUN_EVENTS_MAX and not chain.is_own:
            _require_last_words(chain, entries)

    def _look_for_room(self) -> None:
        now = time.monotonic()
        if now >= self._room_seen_at + _ROOM_SECONDS:
            self._room_seen_at = now
            self._room = self._ballast.look()

    def _stamp(self) -> int:
        """The time for the next leaves: never back, and a moved wall clock is a fact of its own."""
        reading = self._clock.read()
        if reading.wall > canonical.INTEGER_MAX:
            raise Refused(
                "The clock shows a time after the year 2255.", code="clock.absurd", next_step="Set the clock."
            )
        jump = wall_jump(self._reading, reading)
        self._ts = max(self._ts, reading.wall)
        if jump:
            self._reading = reading  # only now: many small steps are one jump in the end
            part = Part.of("jump", {"microseconds": jump})
            entry = Entry(kind="clock.jumped", actor=KERNEL, parts=(part,))
            recorded = self._append(Chain.of_account(self._system), self._tip(self._system), entry)
            self._own(self._insist(recorded, entry))
        return self._ts

    async def _insist(self, submission: Submission, entry: Entry) -> None:
        """Record a fact about the home even if a refused one stood before it."""
        try:
            await submission
        except OutOfSequence:
            await self._record(self._system, entry)

    def _forget_tip(self, chain: Chain) -> None:
        """After a refusal, where we thought a chain would stand need not be so."""
        if chain.is_own:
            self._tips.pop(chain.account, None)

    def _tip(self, account: AccountId) -> Head:
        """Where an account's own chain will stand once all that is under way is recorded."""
        run = self._reader.run(RunId(account))
        return self._tips.get(account) or (START if run is None else self._reader.head(run))

    def _die(self, on_death: Callable[[Poisoned], None], poison: Poisoned) -> None:
        self._seals.fail(poison)
        on_death(poison)

    # Looking things up

    @property
    def _reader(self) -> Reader:
        self._require_open()
        return self._stored

    def _require_open(self) -> None:
        if self._closed:
            raise LedgerClosed("This ledger has been closed.")

    def _run(self, chain: Chain) -> StoredRun | None:
        run = self._reader.run(chain.run_id)
        if run is not None and self._reader.tree(chain.account).number != run.tree:
            raise ForeignRun(f"{chain.run_id} does not belong to {chain.account}.")
        return run

    def _known_run(self, chain: Chain) -> StoredRun:
        run = self._run(chain)
        if run is None:
            raise NotFound(f"There is no run {chain.run_id}.")
        return run

    def _said(self, event: Event, name: str) -> bytes:
        return self._bodies.open(event, name).body

    # Erasing

    async def _erase(self, account: AccountId, erasure: Erasure, actor: str) -> None:
        """Record an erasure and carry it out; whoever asked may go away, the erasure goes on."""
        entry = erasure.entry(actor)
        await asyncio.shield(self._own(self._erase_for_good(account, erasure, entry)))

    async def _erase_for_good(self, account: AccountId, erasure: Erasure, entry: Entry) -> None:
        def append(chain: Chain, after: Head, *entries: Entry) -> Submission:
            submission = self._append(chain, after, *entries)
            self._intake.retire(erasure.keys)  # in the same breath: what is said from now on comes after it
            return submission

        (index,) = await self._at_tip(append, account, entry)
        tree = self._reader.tree(account).number
        at = schema.position(tree, index)
        await self._writer.do(
            lambda connection: carry_out(erasure, tree=tree, at=at, connection=connection, keys=self._keys)
        )
        await self._wipe()

    async def _wipe(self) -> None:
        give_up_at = time.monotonic() + _ERASE_SECONDS_MAX
        while not await self._writer.do(lambda connection: wipe(connection, self._keys)):
            if time.monotonic() > give_up_at:
                raise Refused(
                    "The erasure is recorded and the keys are deleted, but a reader keeps an old log in use.",
                    code="erase.reader_open",
                    next_step="Close what reads the home; the next start wipes the log.",
                )
            await asyncio.sleep(0.05)

    def _own(self, work: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        """Work that is the ledger's own: it ends before the ledger closes, whoever began it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _require_last_words(chain: Chain, entries: Sequence[Entry]) -> None:
    """How effects ended, and the end itself, may be said however long a run is."""
    if not all(entry.kind in OUTCOMES or entry.kind == RUN_ENDED for entry in entries):
        raise RunFull(f"{chain.run_id} has {RUN_EVENTS_MAX:,} events, as many as a run may have.")


def _require_ended(run: StoredRun, run_id: RunId) -> None:
    if not run.ended:
        raise NotErasable(f"{run_id} has not ended.")


def _epoch_started(reading: Reading) -> Entry:
    about: dict[str, canonical.Canonical] = {
        "boot": reading.boot,
        "boot_id": boot_id(),
        "host": platform.node(),
        "process": os.getpid(),
        "sqlite": apsw.sqlite_lib_version(),
        "wall": reading.wall,
    }
    return Entry(kind="epoch.started", actor=KERNEL, parts=(Part.of("process", about),))


def _copy(source: Path, application_id: int, target: Path) -> None:
    with (
        closing(open_for_reading(source, application_id=application_id, version=schema.VERSION)) as connection,
        closing(apsw.Connection(str(target))) as copy,
    ):
        copy_database(connection, copy)
