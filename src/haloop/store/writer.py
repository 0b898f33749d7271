"""The one thread that writes: it drains its queue into one commit, then tells everybody at once.

Nothing here waits on a timer to fill a batch; while one commit is on its way to the disk the next batch
gathers by itself. Each submission is first checked against the newest heads and claims, and refused alone
if it is not next. What passes is built on copies of the tree and installed only after COMMIT, so that a
failed commit leaves nothing behind. Anything unplanned poisons the writer: everybody who waits is told, and
nothing is written by this process again. The same thread makes every checkpoint, of the write-ahead log and
of the tree, so that a signed tree is always durable already.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol

import apsw

from haloop.kernel.checkpoint import Checkpoint, Signer, sign
from haloop.kernel.errors import Conflict, HaloopError, LedgerClosed, Poisoned
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import Chain
from haloop.store.batch import Batch, Index
from haloop.store.database import truncate_log
from haloop.store.home import OUT_OF_SPACE
from haloop.store.submission import Submission

BATCH_MAX = 512
CHECKPOINT_SECONDS = 1.0
WAL_PAGES_MAX = 2_000
IDLE_SECONDS = 5.0

Chore = Callable[[apsw.Connection], object]
"""Work on the writer's connection between two batches."""


class Keeper(Protocol):
    """Who keeps checkpoints outside the home."""

    @property
    def path(self) -> Path: ...

    def advance(self, notes: Mapping[AccountId, str]) -> None: ...


@dataclass(slots=True, eq=False)
class _ChoreOrder:
    chore: Chore
    future: "asyncio.Future[object]"

    def succeed(self, result: object) -> None:
        if not self.future.done():  # its author may have been cancelled
            self.future.set_result(result)

    def fail(self, error: HaloopError) -> None:
        if not self.future.done():
            self.future.set_exception(error)


@dataclass(slots=True, eq=False)
class _Fault:
    """Something beside the ledger could not be written either."""

    error: Exception


class _Stop:
    """The last thing in the queue."""


class Writer:
    """Owner of the writing connection. Its public methods are called from the event loop's thread alone."""

    def __init__(
        self,
        connection: apsw.Connection,
        index: Index,
        *,
        unsigned: Collection[AccountId],
        signer: Signer,
        keeper: Keeper,
        on_checkpoint: Callable[[Mapping[AccountId, Checkpoint], Mapping[AccountId, str]], None],
        on_refusal: Callable[[Chain], None],
        on_death: Callable[[Poisoned], None],
    ) -> None:
        self._connection = connection
        self._index = index
        self._signer = signer
        self._keeper = keeper
        self._on_checkpoint = on_checkpoint
        self._on_refusal = on_refusal
        self._on_death = on_death
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Submission | _ChoreOrder | _Fault | _Stop] = SimpleQueue()
        self._thread = Thread(target=self._run, name="ledger-writer", daemon=True)
        self._dead: HaloopError | None = None
        self._news: list[Callable[[], None]] = []
        self._unsigned = set(unsigned)
        self._checkpointed_at = float("-inf")
        self._keeper_behind = False
        self._wal_pages = 0
        connection.set_wal_hook(self._note_wal)

    def start(self) -> None:
        self._thread.start()

    def submit(self, submission: Submission) -> None:
        """Queue a submission; it is told its fate when its batch is durable."""
        self.require_alive()
        self._queue.put(submission)
        self.require_alive()  # it may have died in between, with nobody left to say so

    async def do(self, chore: Chore) -> object:
        """Have something done on the writing connection, after all that was submitted before."""
        self.require_alive()
        order = _ChoreOrder(chore, self._loop.create_future())
        self._queue.put(order)
        self.require_alive()
        return await order.future

    def poison(self, error: Exception) -> Poisoned:
        """A key could not be written: nothing more is, here or there."""
        self._dead = _poison(error)
        self._queue.put(_Fault(error))
        return self._dead

    def stop(self) -> None:
        """Write what is queued, sign one last checkpoint, and end the thread."""
        self._queue.put(_Stop())
        self._thread.join()
        self._dead = self._dead or LedgerClosed("This ledger has been closed.")

    @property
    def dead(self) -> HaloopError | None:
        """Why nothing can be written any more, if so."""
        return self._dead

    def require_alive(self) -> None:
        """Raise what ended the writer, if anything did."""
        if self._dead is not None:
            raise self._dead

    def _run(self) -> None:
        batch: list[Submission] = []
        try:
            while self._turn(batch):
                batch.clear()
        except Exception as error:  # noqa: BLE001  # the one place: whatever went wrong, nothing more is written
            self._die(error, batch)

    def _turn(self, batch: list[Submission]) -> bool:
        """One round: a batch to the disk, or a chore, or what idle time is for."""
        order = self._take(batch)
        if batch:
            self._commit(batch)
            batch.clear()
        if order is not None or self._queue.empty():
            self._tell_news()
        if isinstance(order, _Fault):
            raise order.error
        if isinstance(order, _ChoreOrder):
            self._do(order)
        if self._checkpoint_due() or (isinstance(order, _Stop) and self._unsigned):
            self._checkpoint()
        if self._wal_pages >= WAL_PAGES_MAX:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._wal_pages = 0
        return not isinstance(order, _Stop)

    def _take(self, batch: list[Submission]) -> _ChoreOrder | _Fault | _Stop | None:
        """Wait for work, then take all that is there up to a chore or the end."""
        try:
            order = self._queue.get(timeout=self._patience())
            while isinstance(order, Submission):
                batch.append(order)
                if len(batch) == BATCH_MAX:
                    return None
                order = self._queue.get_nowait()
        except Empty:
            if not batch:
                self._rest()
            return None
        return order

    def _commit(self, submissions: list[Submission]) -> None:
        batch = Batch(self._connection, self._index)
        batch.look_up(submissions)
        refusals: list[Callable[[], None]] = []
        for submission in submissions:
            try:
                batch.admit(submission)
            except Conflict as conflict:
                submission.refuse(conflict)
                refusals.append(partial(self._on_refusal, submission.chain))
        if batch.touched:
            self._connection.execute("BEGIN IMMEDIATE")
            batch.write()
            self._tell_news()  # of the batch before: its authors get ready again while the disk is busy with this one
            self._connection.execute("COMMIT")  # returns when the bytes are on the disk
            self._index.install(batch)
            self._unsigned |= batch.touched
        self._news += refusals
        self._news += [submission.finish for submission in submissions]

    def _tell_news(self) -> None:
        if self._news:
            self._tell(self._news)
            self._news = []

    def _do(self, order: _ChoreOrder) -> None:
        try:
            result = order.chore(self._connection)
        except HaloopError as refusal:
            self._tell([partial(order.fail, refusal)])
        except BaseException as error:
            self._tell([partial(order.fail, _poison(error))])
            raise
        else:
            self._tell([partial(order.succeed, result)])

    def _checkpoint(self) -> None:
        """Sign what is durable, store the notes, let the keeper have them, and only then show them."""
        checkpoints = {account: self._index.checkpoint(account) for account in sorted(self._unsigned)}
        notes = {account: sign(checkpoint, self._signer) for account, checkpoint in checkpoints.items()}
        rows = [
            (self._index.trees[account].number, self._index.epoch, checkpoint.size, notes[account])
            for account, checkpoint in checkpoints.items()
        ]
        with self._connection:
            self._connection.executemany("INSERT OR IGNORE INTO checkpoint VALUES (?, ?, ?, ?)", rows)
        self._checkpointed_at = time.monotonic()
        try:
            self._keeper.advance(notes)
        except OSError as error:
            if error.errno not in OUT_OF_SPACE:
                raise
            self._complain_once(error)  # what nobody keeps outside is not shown; work goes on, and we try again
            return
        self._keeper_behind = False
        self._unsigned.clear()
        self._tell([lambda: self._on_checkpoint(checkpoints, notes)])

    def _complain_once(self, error: OSError) -> None:
        """Say that the keeper lacks room: at the first time only, because nobody asked and it may last."""
        if not self._keeper_behind:
            print(
                f"haloop: The witness {self._keeper.path} cannot be written: {error.strerror}. Nothing recorded is"
                " lost; but for now no newer checkpoint is shown, and going back to the last one would go unnoticed.\n"
                "haloop: Make room there; the next checkpoint, or the next start, tries again.",
                file=sys.stderr,
                flush=True,
            )
        self._keeper_behind = True

    def _checkpoint_due(self) -> bool:
        return bool(self._unsigned) and time.monotonic() >= self._checkpointed_at + CHECKPOINT_SECONDS

    def _patience(self) -> float | None:
        """How long to wait for work: until the next checkpoint is due, or until it is worth tidying up."""
        if self._unsigned:
            return max(0.0, self._checkpointed_at + CHECKPOINT_SECONDS - time.monotonic())
        return IDLE_SECONDS if self._wal_pages else None

    def _rest(self) -> None:
        if not self._unsigned and self._wal_pages:
            truncate_log(self._connection)  # if somebody reads just now, the next rest will do
            self._wal_pages = 0

    def _note_wal(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _die(self, error: Exception, batch: list[Submission]) -> None:
        """Fail everybody who waits, for good. After an I/O error the next commit would succeed: it must not."""
        poison = self._dead if isinstance(self._dead, Poisoned) else _poison(error)
        self._dead = poison
        waiting, self._news = self._news, []  # what is durable stays good news
        for submission in batch:
            submission.refuse(poison)
            waiting.append(submission.finish)
        while True:
            try:
                order = self._queue.get_nowait()
            except Empty:
                break
            if isinstance(order, Submission):
                order.refuse(poison)
                waiting.append(order.finish)
            elif isinstance(order, _ChoreOrder):
                waiting.append(partial(order.fail, poison))
        self._tell([*waiting, lambda: self._on_death(poison)])

    def _tell(self, news: list[Callable[[], None]]) -> None:
        """Run callbacks on the event loop, in one crossing for the whole batch."""
        try:
            self._loop.call_soon_threadsafe(_run_all, news)
        except RuntimeError:  # the loop is closed: nobody is left to hear
            print("The event loop ended before its ledger was closed.", file=sys.stderr)


def _run_all(news: list[Callable[[], None]]) -> None:
    for tell in news:
        tell()


def _poison(error: BaseException) -> Poisoned:
    poison = Poisoned(f"The ledger stopped writing: {type(error).__name__}: {error}")
    poison.__cause__ = error
    return poison
