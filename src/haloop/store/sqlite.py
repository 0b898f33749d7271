"""The ledger on SQLite: open a home, append facts, read them, prove them.

This is the whole of what the rest of the house sees of the store, and it holds no rule of its own. The path
of a fact: the limits say whether it may be recorded now; the recorder stamps the time, has its parts locked
and its header written, on the caller's thread; the writer commits it with whatever else is waiting, and signs
a checkpoint at most once a second. Opening a home is the other half of durability, told in `opening`.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from haloop.kernel.checkpoint import Proof, Signer, VerifierKey
from haloop.kernel.clock import Clock, SystemClock
from haloop.kernel.errors import NotFound, Poisoned
from haloop.kernel.ids import AccountId, PersonId, new_account_id
from haloop.kernel.ledger import ACCOUNT_OPENED, START, Chain, Entry, Event, Head, ListedRun, OpenRun, WentBack, origin
from haloop.kernel.receipt import Receipt
from haloop.store.artifacts import Artifacts
from haloop.store.copies import copy_beside_writer
from haloop.store.doubt import trusted
from haloop.store.eraser import Eraser
from haloop.store.export import stream_export
from haloop.store.greeting import Greeting
from haloop.store.home import BALLAST_BYTES, Ballast, Home, Room
from haloop.store.intake import Intake
from haloop.store.kept import read_kept
from haloop.store.limits import Limits
from haloop.store.opening import OpenHome, faults_named, open_home, start_writer
from haloop.store.own_work import OwnWork
from haloop.store.proofs import prove_event, prove_growth
from haloop.store.reader import StoredCheckpoint
from haloop.store.receipt import make_receipt
from haloop.store.recorder import KERNEL, Recorder, Tips
from haloop.store.recovery import Recovery
from haloop.store.seals import Seals
from haloop.store.submission import Submission
from haloop.store.writer import Writer


def end_process(poison: Poisoned) -> None:
    """Say why and end: after a failed write only a fresh start may look at the files."""
    print(f"haloop: {poison.sentence}\nhaloop: {poison.next_step}", file=sys.stderr, flush=True)
    os._exit(poison.exit)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenLeaf:
    """An event's own bytes, and the path from them to a signed checkpoint."""

    header: bytes
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The hashes that lead from an earlier tree to a signed checkpoint."""

    hashes: tuple[bytes, ...]
    note: str


class SqliteLedger:
    """A home's ledger, opened by this process alone. One event loop uses it."""

    def __init__(
        self, home: OpenHome, *, writer: Writer, seals: Seals, tips: Tips, signer: Signer, clock: Clock
    ) -> None:
        self._home = home
        self._reader = home.files.reader
        self._bodies = home.files.bodies
        self._writer = writer
        self._seals = seals
        self._signer = signer
        self._clock = clock
        self._clock_moved = 0
        self._own_work = OwnWork()
        intake = Intake(self._reader, home.files.keys)
        self._recorder = Recorder(
            home.system,
            reader=self._reader,
            intake=intake,
            writer=writer,
            tips=tips,
            clock=clock,
            own_work=self._own_work,
        )
        self._recovery = Recovery(
            home.system, reader=self._reader, bodies=self._bodies, recorder=self._recorder, seals=seals
        )
        self._limits = Limits(home.ballast, home.room, self._recovery)
        self.artifacts = Artifacts(home.place.artifacts, self._reader, self._bodies, self._own_work)
        self._eraser = Eraser(
            home.files, intake=intake, recorder=self._recorder, writer=writer, own_work=self._own_work
        )

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
        checkpoints: Path | None = None,
        on_death: Callable[[Poisoned], None] = end_process,
    ) -> "AsyncIterator[SqliteLedger]":
        """Open a home, and close it at the end; on the first use the ledger is made.

        It is held against its witness, and against the checkpoints that lie in the folder named so.
        """
        place = Home(path)
        kept = read_kept(checkpoints, signer.public_key) if checkpoints is not None else ()
        with ExitStack() as opened:
            with faults_named(place):
                reserve = Ballast(place.ballast, ballast)
                home = open_home(place, opened, witness_folder=witness_folder, ballast=reserve, kept=kept)
                seals, tips = Seals(), Tips(home.files.reader)
                writer = start_writer(
                    home, opened, signer=signer, seals=seals, on_refusal=tips.forget, on_death=on_death
                )
                ledger = cls(home, writer=writer, seals=seals, tips=tips, signer=signer, clock=clock or SystemClock())
                await ledger._greet()
            ledger.artifacts.begin(clear=ledger.recovery is None)  # what went back may know of files that we forgot
            try:
                yield ledger
            finally:
                ledger.artifacts.close()
                await ledger._own_work.finish()

    # Recording

    def append(self, chain: Chain, after: Head, *entries: Entry) -> Submission:
        """Record facts right after `after`: all of them or none. Await the result to know they are durable."""
        self._limits.require_allowed(chain, after, entries)
        return self._recorder.append(chain, after, *entries)

    async def record(self, account: AccountId, *entries: Entry) -> tuple[int, ...]:
        """Record facts that belong to no run, wherever the account's own chain stands."""
        self._limits.require_allowed(Chain.of_account(account), START, entries)
        return await self._recorder.record(account, *entries)

    async def open_account(self, *, actor: str = KERNEL) -> AccountId:
        """Begin an account: a tree of its own."""
        account = new_account_id()
        await self.append(Chain.of_account(account), START, Entry(kind=ACCOUNT_OPENED, actor=actor))
        return account

    # Reading

    async def head(self, chain: Chain) -> Head:
        """Where a chain durably stands."""
        run = self._reader.find(chain)
        return START if run is None else self._reader.head(run)

    async def run(self, chain: Chain) -> Sequence[Event]:
        """All events of one chain, oldest first."""
        run = self._reader.find(chain)
        return [] if run is None else self._reader.run_events(run)

    async def events(self, account: AccountId, *, start: int = 0, limit: int = 1000) -> Sequence[Event]:
        """A page of an account's events in the order of its tree."""
        return self._reader.page(self._reader.number(account), start=start, limit=limit)

    async def size(self, account: AccountId) -> int:
        """How many events an account has."""
        return self._reader.tree(account).size

    async def event(self, account: AccountId, index: int) -> Event:
        """One event by its leaf index."""
        return self._reader.event(self._reader.number(account), index)

    async def body(self, event: Event, name: str) -> bytes:
        """What one part says; Erased where it is gone on purpose."""
        return self._bodies.open(event, name).body

    async def effects(self, account: AccountId) -> Sequence[Event]:
        """All events about an account's effects, oldest first."""
        return self._reader.effects(self._reader.number(account))

    async def has_ended(self, chain: Chain) -> bool:
        """Whether a run's last fact has been recorded."""
        run = self._reader.find(chain)
        return run is not None and run.ended

    async def is_claimed(self, account: AccountId, claim: bytes) -> bool:
        """Whether what may happen once in the account's life has happened."""
        return self._reader.is_claimed(self._reader.number(account), claim)

    def open_runs(self) -> Iterator[OpenRun]:
        """All runs that have not ended, each with its newest event."""
        return self._reader.open_runs()

    async def runs(
        self, account: AccountId, *, before: int | None = None, limit: int = 50, waiting: bool = False
    ) -> Sequence[ListedRun]:
        """A page of an account's runs, the newest first."""
        return self._reader.runs_before(self._reader.number(account), before, limit=limit, waiting=waiting)

    async def runs_at(self, account: AccountId, places: Sequence[int]) -> Sequence[ListedRun]:
        """The runs that begin at these leaf indexes, the newest first."""
        return self._reader.runs_at(self._reader.number(account), places)

    async def accounts(self) -> Sequence[AccountId]:
        return [tree.account for tree in self._reader.trees() if tree.account != self._home.system]

    # Proving

    async def sealed(self, account: AccountId, index: int) -> str:
        """A signed checkpoint that covers a leaf: the newest, or the next within a second."""
        self._writer.require_alive()
        tree = self._reader.tree(account)
        if index >= tree.size:
            raise NotFound(f"Account {account} has no event {index} yet.")
        return await self._seals.wait(account, index + 1)

    async def checkpoints(
        self, account: AccountId, *, before: int | None = None, limit: int = 50
    ) -> Sequence[StoredCheckpoint]:
        """A page of the checkpoints that were signed for an account, the newest first."""
        return self._reader.checkpoints_before(self._reader.number(account), before, limit=limit)

    async def prove(self, account: AccountId, index: int, *, size: int | None = None) -> ProvenLeaf:
        """An event's header, and its path to a checkpoint: the newest, or the one that saw so many events."""
        note = await (self.sealed(account, index) if size is None else self._signed(account, size))
        tree = self._reader.number(account)
        return ProvenLeaf(header=self._reader.header(tree, index), proof=prove_event(self._reader, tree, index, note))

    async def prove_growth(self, account: AccountId, since: int, *, size: int | None = None) -> Growth:
        """That a checkpoint, the newest or the one that saw so many events, begins with what an earlier one saw."""
        tree = self._reader.tree(account)
        note = await (self.sealed(account, tree.size - 1) if size is None else self._signed(account, size))
        return Growth(hashes=prove_growth(self._reader, tree.number, since, note), note=note)

    async def export(self, account: AccountId) -> AsyncGenerator[bytes, None]:
        """All that an account has recorded until now, as the lines of a file, a page at a time."""
        await self.sealed(account, self._reader.tree(account).size - 1)
        async with aclosing(stream_export(self._home.place.ledger, self._home.files.keys, account)) as pages:
            async for page in pages:
                yield page

    async def _signed(self, account: AccountId, size: int) -> str:
        """The checkpoint that was signed when an account had so many events."""
        tree = self._reader.number(account)
        for epoch in range(self._home.epoch, 0, -1):
            stored = self._reader.checkpoint_of(tree, epoch, size)
            if stored is not None:
                return stored.note
        raise NotFound(f"No checkpoint of {size} events was signed.", code="checkpoint.unknown")

    async def receipt(self, account: AccountId, disclose: Mapping[int, Collection[str]]) -> Receipt:
        """Show events by leaf index, each with the named parts readable, to somebody who has only our key."""
        if not disclose:
            raise NotFound("A receipt of no events proves nothing.")
        note = await self.sealed(account, max(disclose))
        return make_receipt(self._reader, self._bodies, account, disclose, note)

    def verifier_key(self, account: AccountId) -> VerifierKey:
        """The key a stranger checks this account's checkpoints with."""
        return VerifierKey.of(origin(account, self._home.epoch), self._signer.public_key)

    # Erasing

    async def erase_part(self, event: Event, name: str, *, actor: str, why: str) -> None:
        """Make one part of one event unreadable for good."""
        await self._eraser.erase_part(event, name, actor=actor, why=why)

    async def erase_run(self, chain: Chain, *, actor: str, why: str) -> None:
        """Make what a run said unreadable for good; its words about people go with those people."""
        await self._eraser.erase_run(chain, self.artifacts, actor=actor, why=why)

    async def erase_subject(self, account: AccountId, person: PersonId, *, actor: str, why: str) -> None:
        """Make everything about a person unreadable for good, wherever it stands."""
        await self._eraser.erase_subject(account, person, actor=actor, why=why)

    # State

    @property
    def system(self) -> AccountId:
        """The account that holds facts about the home itself."""
        return self._home.system

    @property
    def room(self) -> Room:
        return self._limits.room

    @property
    def recovery(self) -> str | None:
        """Why recovery mode is on; None when it is not."""
        return self._recovery.why

    @property
    def went_back(self) -> WentBack | None:
        """When this ledger last went back to an earlier state, if it ever did."""
        return self._recovery.went_back

    @property
    def clock_moved(self) -> int:
        """By how many microseconds the clock was wrong at this start, as far as earlier ones can tell."""
        return self._clock_moved

    async def trust_clock(self, moved: int, *, actor: str) -> None:
        """Say that the clock is right, although it was moved by so many microseconds."""
        await self._recorder.record(self._home.system, trusted(moved, actor=actor))

    async def end_recovery(self, *, actor: str) -> None:
        """Say that everything that may have happened since the backup has been looked at."""
        await self._recovery.end(actor)

    async def back_up(self, target: Path, *, keys: Path | None = None) -> None:
        """Copy the ledger while it runs; the keys go elsewhere, to be kept for a short time only."""
        await asyncio.to_thread(copy_beside_writer, self._home.place.ledger, target)
        if keys is not None:
            await asyncio.to_thread(copy_beside_writer, self._home.place.keys, keys)

    async def _greet(self) -> None:
        greeting = Greeting(
            self._home, recorder=self._recorder, limits=self._limits, recovery=self._recovery, eraser=self._eraser
        )
        self._clock_moved = await greeting.record(self._signer.public_key, self._clock)
