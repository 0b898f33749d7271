"""The engine in this process: it drives runs, and what it knows it reads from the ledger.

Its parts are `memory` (which runs are in memory), `decisions` (what people say), `accounts` (people, rules,
grants, arrivals), `schedules` and `timers`. What happens inside one run is `live_run`, and what stands at each
of its positions is `at_step`, `at_gate`, `at_effect` and `at_rest`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from typing import Any

from haloop.engines.accounts import Accounts
from haloop.engines.decisions import Decisions, GateView, durable
from haloop.engines.ending import children_to_cancel, last_words
from haloop.engines.granting import grants_connector, grants_desk
from haloop.engines.inbox import Inbox
from haloop.engines.live_run import LiveRun
from haloop.engines.memory import Memory
from haloop.engines.reading import read_event
from haloop.engines.schedules import Schedules
from haloop.engines.tasks import Tasks
from haloop.engines.timekeeper import Timekeeper
from haloop.engines.timers import Timers
from haloop.engines.world import Heard, Listener, World
from haloop.kernel.account import Account
from haloop.kernel.clock import Clock, SystemClock
from haloop.kernel.connector import Connector, Connectors
from haloop.kernel.desk import Desk
from haloop.kernel.errors import HaloopError, NotFound, RecoveryOpen, RunOver
from haloop.kernel.fact import ClockTrusted, EffectIntended, Fact, RunEnded, RunStarted
from haloop.kernel.finding import Finding
from haloop.kernel.gate import Answer, GateId, GateStatus
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.inbox import Delivery
from haloop.kernel.ledger import Chain, Ledger
from haloop.kernel.operation import Absent, Found
from haloop.kernel.passkey import VerifySignature
from haloop.kernel.procedure import Procedure, Request
from haloop.kernel.randomness import Randomness

CLOSE_SECONDS = 10.0
"""How long the end waits for what is under way outside."""
LIVE_MAX = 2_000
"""How many runs that only wait are kept in memory, because something may soon happen to them."""


class LocalEngine:
    """Runs procedures in this process. One event loop uses it."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        desks: Sequence[Desk],
        connectors: Sequence[Connector],
        clock: Clock,
        verify: VerifySignature,
        live_max: int,
    ) -> None:
        self._ledger = ledger
        self._random = Randomness()
        desks = [*desks, grants_desk()]
        time, tasks, listeners = Timekeeper(clock), Tasks(), list[Listener]()
        inbox = Inbox(on_arrival=lambda run, at: self._memory.wake_soon(run, at))  # noqa: PLW0108  # it comes last
        self._accounts = Accounts(ledger, time=time, inbox=inbox, tasks=tasks, listeners=listeners)
        self.world = World(
            ledger=ledger,
            connectors=Connectors([*connectors, grants_connector(self._accounts.record)]),
            procedures=_by_version(desks),
            time=time,
            timers=Timers(time, lambda run, at: self._memory.on_time(run, at)),  # noqa: PLW0108  # it comes last
            inbox=inbox,
            tasks=tasks,
            listeners=listeners,
            on_parked=lambda run, error: self._memory.park(run, error),  # noqa: PLW0108  # it comes last
            on_ended=lambda run, fact: self._memory.end(run, fact),  # noqa: PLW0108  # it comes last
            begin_run=self._begin_unless_begun,
            cancel_run=self._cancel_soon,
            record_late=self._accounts.record_late,
        )
        self._memory = Memory(self.world, self._accounts, live_max=live_max)
        self._decisions = Decisions(ledger, accounts=self._accounts, wake=self._memory.wake, verify=verify)
        self.watch(self._accounts.suspend_if_exceeded)
        self.schedules = Schedules(
            self,
            procedures=[(desk.name, one) for desk in desks for one in desk.procedures],
            connectors=self.world.connectors,
            time=time,
            spawn=tasks.spawn,
        )

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        ledger: Ledger,
        *,
        desks: Sequence[Desk],
        connectors: Sequence[Connector],
        verify: VerifySignature,
        clock: Clock | None = None,
        live_max: int = LIVE_MAX,
    ) -> "AsyncIterator[LocalEngine]":
        """Take up all runs that have not ended, and let go of them at the end."""
        engine = cls(
            ledger,
            desks=desks,
            connectors=connectors,
            clock=clock or SystemClock(),
            verify=verify,
            live_max=live_max,
        )
        await engine._memory.take_up()
        if engine.schedules.exist:
            for account in await ledger.accounts():
                await engine.schedules.take_up(account)
        try:
            yield engine
        finally:
            await engine._close()

    # Runs

    async def start(self, account: AccountId, request: Request[Any], *, by: str, key: str | None = None) -> RunId:
        """Begin a run, and come back when it is durable. The same key begins the same run."""
        run = RunId(f"run_{self._random.draw(16).hex()}") if key is None else _run_id(account, key)
        known = await self._accounts.of(account)
        if not self._memory.knows(run) and not await self._exists(account, run):
            self._begin(run, known, request, by=by)
        await self._recorded(run)
        return run

    async def cancel(self, account: AccountId, run: RunId, *, by: str, reason: str = "") -> None:
        """End a run as soon as nothing is under way that cannot be taken back."""
        reason = reason or "Somebody cancelled it."
        if not await self._exists(account, run):
            raise NotFound(f"There is no run {run}.")
        try:
            live = await self._memory.wake(account, run)
        except HaloopError as error:
            await self._cancel_parked(account, run, last_words(await self.facts(account, run), reason, error), by)
        else:
            live.cancel(reason, by)
            await durable(live)

    async def ended(self, account: AccountId, run: RunId) -> RunEnded:
        """Wait for the end of a run; a parked one raises the reason why it cannot go on."""
        return await self._memory.ended(account, run)

    async def wake(self, account: AccountId, run: RunId) -> None:
        """Let a parked run try again; raises the reason if it still cannot go on."""
        await durable(await self._memory.wake(account, run))

    async def facts(self, account: AccountId, run: RunId) -> list[Fact]:
        """What a run's history says."""
        events = await self._ledger.run(Chain(account=account, run_id=run))
        return [await read_event(self._ledger, event) for event in events]

    def watch(self, listener: Listener) -> None:
        """Hear of each fact of every run, once it is durable."""
        self.world.listeners.append(listener)

    @property
    def parked(self) -> Mapping[RunId, HaloopError]:
        """Runs that cannot go on, each with the reason."""
        return self._memory.parked

    # Gates and effects

    async def gate(self, account: AccountId, gate: GateId) -> GateView:
        """A gate as people see it."""
        return GateView(await self._decisions.gate(account, gate))

    def open_gates(self, account: AccountId) -> list[GateId]:
        """The gates of an account that wait for somebody."""
        return self.world.gates.of(account)

    async def decide(self, account: AccountId, answer: Answer) -> GateStatus:
        """Take a person's answer; AnswerRefused where it does not count. What it says is durable on return."""
        return await self._decisions.decide(account, answer)

    async def extend(self, account: AccountId, gate: GateId, *, by: PersonId, until: int) -> None:
        """Give people more time to answer; an owner's word."""
        await self._decisions.extend(account, gate, by=by, until=until)

    async def withdraw(self, account: AccountId, gate: GateId, *, by: str, reason: str) -> None:
        """Take a question back, as whoever asked for its run; the run hears it as a no, and may ask another."""
        await self._decisions.withdraw(account, gate, by=by, reason=reason)

    async def uncertain(self, account: AccountId, run: RunId) -> list[EffectIntended]:
        """The effects of a run whose outcome nobody knows, as they were intended."""
        return await self._decisions.uncertain(account, run)

    async def settle(self, account: AccountId, finding: Finding) -> None:
        """Take a person's word on how an uncertain effect ended; it takes what approving it took."""
        await self._decisions.settle(account, finding)

    async def contradict(self, account: AccountId, gate: GateId, effect: str, found: "Found[Any] | Absent") -> None:
        """Take in later evidence of the outside on how an effect ended, also after its run has."""
        await self._decisions.contradict(account, gate, effect, found)

    # The account

    async def account(self, account: AccountId) -> Account:
        """What the ledger says of an account."""
        return await self._accounts.of(account)

    async def record(self, account: AccountId, fact: Fact, *, by: str, claim: bytes | None = None) -> int:
        """Record a fact of the account's own, and take it in."""
        return await self._accounts.record(account, fact, by=by, claim=claim)

    async def revoke_grant(self, account: AccountId, grant: str, *, by: PersonId) -> None:
        """Take a grant back; nothing more begins under it, not even while this is being recorded."""
        await self._accounts.revoke_grant(account, grant, by=by)

    async def deliver(self, account: AccountId, delivery: Delivery) -> None:
        """Put something into the account's inbox; the same delivery again changes nothing."""
        await self._accounts.deliver(account, delivery)

    async def end_recovery(self, account: AccountId, *, by: PersonId) -> None:
        """Say that whatever may be forgotten has been looked at, and let go on what waited; an owner's word."""
        await self._accounts.require_owner(account, by)
        await self._ledger.end_recovery(actor=f"person:{by}")
        waiting = [run for run, error in self.parked.items() if isinstance(error, RecoveryOpen)]
        for run in waiting:
            await self.wake(self._memory.account_of(run), run)

    # Time

    def look_at_clock(self) -> None:
        """Fire what is due; whoever moves a clock by hand calls this."""
        self.world.timers.look()
        self.schedules.timers.look()

    async def trust_clock(self, account: AccountId, *, by: PersonId) -> None:
        """Say that the clock is right although it was moved; an owner's word."""
        await self._accounts.require_owner(account, by)
        await self.record(account, ClockTrusted(moved=self.world.time.moved), by=f"person:{by}")
        self.world.time.trust()
        self.look_at_clock()

    async def settled(self) -> None:
        """Wait until nothing is under way outside."""
        while not self.is_quiet:  # noqa: ASYNC110
            await asyncio.sleep(0.001)  # what is under way may begin something else

    @property
    def is_quiet(self) -> bool:
        """Whether every run only waits."""
        return not self.world.tasks and self._memory.is_quiet

    # Beginning and ending runs, for people and for other runs

    def _begin(
        self,
        run: RunId,
        account: Account,
        request: Request[Any],
        *,
        by: str,
        parent: RunId | None = None,
        follows: RunId | None = None,
    ) -> None:
        live = LiveRun(run, account, self.world)
        self._memory.keep(live)
        procedure = request.procedure
        fact = RunStarted(
            desk=self.world.desk_of(procedure),
            procedure=procedure.name,
            version=procedure.version,
            arguments=request.arguments,
            by=by,
            parent=parent,
            follows=follows,
        )
        live.start(fact, by)

    def _begin_unless_begun(
        self,
        run: RunId,
        account: Account,
        request: Request[Any],
        *,
        by: str,
        parent: RunId | None = None,
        follows: RunId | None = None,
        then: Heard,
    ) -> None:
        async def begin() -> None:
            if not self._memory.knows(run) and not await self._exists(account.id, run):
                self._begin(run, account, request, by=by, parent=parent, follows=follows)
            await self._recorded(run)

        self.world.tasks.spawn(_tell_when_done(begin, then))

    async def _recorded(self, run: RunId) -> None:
        """Wait until it is durable that a run has begun; one whose first word was refused never was."""
        live = self._memory.get(run)
        try:
            first = None if live is None else live.begun()
            if first is not None:
                await first
        except HaloopError:
            self._memory.forget(run)
            raise

    def _cancel_soon(self, account: AccountId, run: RunId, *, then: Heard) -> None:
        async def cancel() -> None:
            with suppress(RunOver):  # it ended by itself
                await self.cancel(account, run, by="kernel", reason="The run that started it was cancelled.")

        self.world.tasks.spawn(_tell_when_done(cancel, then))

    async def _cancel_parked(self, account: AccountId, run: RunId, words: list[Fact], by: str) -> None:
        """End a run whose procedure cannot be driven any more."""
        chain = Chain(account=account, run_id=run)
        for child in children_to_cancel(await self.facts(account, run)):
            with suppress(RunOver):
                await self.cancel(account, child, by="kernel", reason="The run that started it was cancelled.")
        await self._ledger.append(chain, await self._ledger.head(chain), *(fact.entry(by) for fact in words))
        for fact in words:
            (await self._accounts.of(account)).apply(fact, run=run, ts=self.world.now())
        self._memory.forget(run)

    async def _exists(self, account: AccountId, run: RunId) -> bool:
        return (await self._ledger.head(Chain(account=account, run_id=run))).run_seq > 0

    async def _close(self) -> None:
        """Let what is under way outside end; what takes too long ends as unknown."""
        self.world.is_closing = True
        self.world.timers.close()
        self.schedules.timers.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.settled()
        await self.world.tasks.end()


def _by_version(desks: Sequence[Desk]) -> Mapping[tuple[str, str, int], Procedure[..., Any]]:
    return {(desk.name, one.name, one.version): one for desk in desks for one in desk.procedures}


def _run_id(account: AccountId, key: str) -> RunId:
    return RunId(f"run_{sha256(f'haloop/run/1 {account} {key}'.encode()).hexdigest()[:32]}")


async def _tell_when_done(work: Callable[[], Coroutine[Any, Any, None]], then: Heard) -> None:
    try:
        await work()
    except HaloopError as error:
        then(error)
    else:
        then(None)
