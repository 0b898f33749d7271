"""From a fact to the writer: time is stamped, the submission made ready, and queued.

The recorder asks for no permission: what the home says of itself goes straight through here, and what others
say is held against the limits first. Facts that belong to no run go to the tip of their account's own chain,
wherever that is once all that is under way has been recorded.
"""

from collections.abc import Sequence

import apsw

from haloop.kernel import canonical
from haloop.kernel.clock import Clock, wall_jump
from haloop.kernel.errors import OutOfSequence, Refused
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import START, Chain, Entry, Head
from haloop.store.doubt import JUMPED, jumped
from haloop.store.intake import Intake
from haloop.store.own_work import OwnWork
from haloop.store.reader import Reader
from haloop.store.submission import Submission
from haloop.store.writer import Writer

KERNEL = "kernel"
"""The actor of what the home says of itself."""


class Tips:
    """Where each account's own chain will stand once all that is under way is recorded."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._tips: dict[AccountId, Head] = {}

    def of(self, account: AccountId) -> Head:
        run = self._reader.run(RunId(account))
        return self._tips.get(account) or (START if run is None else self._reader.head(run))

    def move(self, chain: Chain, head: Head) -> None:
        """An append is under way: the next one comes after it."""
        if chain.is_own:
            self._tips[chain.account] = head

    def forget(self, chain: Chain) -> None:
        """After a refusal, where we thought a chain would stand need not be so."""
        if chain.is_own:
            self._tips.pop(chain.account, None)


class Recorder:
    """Hands facts to the writer, each with its time."""

    def __init__(
        self,
        system: AccountId,
        *,
        reader: Reader,
        intake: Intake,
        writer: Writer,
        tips: Tips,
        clock: Clock,
        own_work: OwnWork,
    ) -> None:
        self._system = system
        self._intake = intake
        self._writer = writer
        self._tips = tips
        self._clock = clock
        self._own_work = own_work
        self._reading = clock.read()
        self._ts = max([tree.ts for tree in reader.trees()], default=0)

    def append(self, chain: Chain, after: Head, *entries: Entry) -> Submission:
        """Queue facts right after `after`. Await the result to know that they are durable."""
        self._writer.require_alive()
        try:
            submission = self._intake.prepare(chain, after, entries, self._stamp())
        except apsw.Error as error:  # after a failed write to keys.db the next would seem to succeed
            raise self._writer.poison(error) from error
        self._writer.submit(submission)
        self._tips.move(chain, submission.head)
        return submission

    async def record(self, account: AccountId, *entries: Entry, retiring: Sequence[int] = ()) -> tuple[int, ...]:
        """Record facts at the tip of an account's own chain; the keys that retire lock nothing from then on."""
        chain = Chain.of_account(account)
        while True:
            try:
                submission = self.append(chain, self._tips.of(account), *entries)
                self._intake.retire(retiring)  # in the same breath: what is said from now on comes after it
                return await submission
            except OutOfSequence:  # somebody's refused fact stood before ours; look again
                self._tips.forget(chain)

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
            self._record_jump(jump)
        return self._ts

    def _record_jump(self, microseconds: int) -> None:
        entry = Entry(kind=JUMPED, actor=KERNEL, parts=(jumped(microseconds),))
        recorded = self.append(Chain.of_account(self._system), self._tips.of(self._system), entry)
        self._own_work.begin(self._insist(recorded, entry))

    async def _insist(self, submission: Submission, entry: Entry) -> None:
        """Record a fact about the home even if a refused one stood before it."""
        try:
            await submission
        except OutOfSequence:
            await self.record(self._system, entry)
