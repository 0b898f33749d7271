"""The engine in this process: it drives runs, and what it knows it reads from the ledger.

Its parts are `memory` (which runs are in memory), `decisions` (what people say), `accounts` (people, rules,
grants, arrivals), `schedules` and `timers`. What happens inside one run is `live_run`, and what stands at each
of its positions is `at_step`, `at_gate`, `at_effect` and `at_rest`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from typing import Any, NoReturn

from haloop.engines.accounts import Accounts
from haloop.engines.at import durable
from haloop.engines.decisions import Decisions, GateView
from haloop.engines.granting import grants_connector, grants_desk
from haloop.engines.inbox import Inbox
from haloop.engines.listeners import Listener, Listeners, Stopper
from haloop.engines.live_run import LiveRun
from haloop.engines.memory import Memory
from haloop.engines.reading import read_event
from haloop.engines.schedules import Schedules
from haloop.engines.tasks import Tasks
from haloop.engines.timekeeper import Timekeeper
from haloop.engines.timers import Timers
from haloop.engines.world import Heard, World
from haloop.kernel import canonical
from haloop.kernel.account import Account
from haloop.kernel.clock import Clock, SystemClock
from haloop.kernel.connector import Connector, Connectors
from haloop.kernel.desk import Desk
from haloop.kernel.errors import AllStopped, HaloopError, NotFound, RecoveryOpen, Refused, RunOver
from haloop.kernel.fact import ArtifactAdded, EffectIntended, Fact, RunEnded, RunStarted, SpendingKept
from haloop.kernel.finding import Finding
from haloop.kernel.gate import Answer, GateId, GateStatus
from haloop.kernel.hearing import Said
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.inbox import Delivery
from haloop.kernel.ledger import Chain, Ledger
from haloop.kernel.operation import Absent, Found
from haloop.kernel.passkey import Site, VerifySignature
from haloop.kernel.people import Proof
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
        self._forgetters: list[Callable[[AccountId, RunId], None]] = []
        self._beginning: dict[RunId, asyncio.Task[None]] = {}
        """Runs that other runs are just beginning."""
        desks = [*desks, grants_desk()]
        time, tasks, listeners = Timekeeper(clock, moved=ledger.clock_moved), Tasks(), Listeners()
        inbox = Inbox(on_arrival=lambda run, at: self._memory.wake_soon(run, at))  # noqa: PLW0108  # it comes last
        self._accounts = Accounts(ledger, time=time, inbox=inbox, tasks=tasks, listeners=listeners)
        self.world = World(
            ledger=ledger,
            connectors=Connectors([*connectors, grants_connector(self._accounts.record)]),
            procedures=_by_version(desks),
            time=time,
            opened_at=time.now(),
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
        self._decisions = Decisions(ledger, accounts=self._accounts, memory=self._memory, verify=verify)
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

    async def start(
        self, account: AccountId, request: Request[Any], *, by: str, key: str | None = None, said: Said | None = None
    ) -> RunId:
        """Begin a run, and come back when it is durable. The same key begins the same run."""
        run = RunId(f"run_{self._random.draw(16).hex()}") if key is None else _run_id(account, "run", key)
        await self._start_as(run, account, request, by=by, said=said)
        return run

    async def begun_under(self, account: AccountId, key: str) -> RunId | None:
        """The run that `start` began under a key, once it is durable; none where there is none."""
        run = _run_id(account, "run", key)
        await self._recorded(run, self._memory.get(run))
        return run if await self._exists(account, run) else None

    async def start_scheduled(self, account: AccountId, request: Request[Any], *, by: str, key: str) -> RunId:
        """Begin a schedule's run; no key that anybody else gives names the same."""
        run = _run_id(account, "scheduled", key)
        await self._start_as(run, account, request, by=by)
        return run

    async def cancel(self, account: AccountId, run: RunId, *, by: str, reason: str = "") -> None:
        """End a run as soon as nothing is under way that cannot be taken back."""
        reason = reason or "Somebody cancelled it."
        if run in self._beginning:
            await asyncio.wait([self._beginning[run]])
        if not await self._exists(account, run):
            raise NotFound(f"There is no run {run}.")
        try:
            live = await self._memory.wake(account, run)
        except HaloopError as fault:
            await self._cancel_stuck(account, run, reason, by=by, fault=fault)
        else:
            live.cancel(reason, by)
            await durable(live)

    async def add_artifact(self, account: AccountId, run: RunId, fact: ArtifactAdded, *, by: str) -> None:
        """Record that somebody gave a file to a run that has not ended; its bytes are durable already."""
        live = await self._memory.wake(account, run)
        live.add_artifact(fact, by)
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
        self.world.listeners.add(listener)

    def watch_stops(self, stopper: Stopper) -> None:
        """Hear at once that an owner stops an account's agents, whether that can be recorded or not."""
        self.world.listeners.add_stopper(stopper)

    def watch_erasures(self, forget: Callable[[AccountId, RunId], None]) -> None:
        """Hear of each run that is erased; whoever keeps words of runs in memory forgets them then."""
        self._forgetters.append(forget)

    def unwatch(self, listener: Listener) -> None:
        """Hear no more."""
        self.world.listeners.remove(listener)

    def unwatch_stops(self, stopper: Stopper) -> None:
        """End nothing more."""
        self.world.listeners.remove_stopper(stopper)

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

    async def decide(
        self, account: AccountId, answer: Answer, *, site: Site | None = None, at_least: Proof = Proof.TOKEN
    ) -> GateStatus:
        """Take a person's answer; AnswerRefused where it does not count. What it says is durable on return."""
        return await self._decisions.decide(account, answer, site=site, at_least=at_least)

    async def turn_agent_away(self, account: AccountId, gate: GateId, verdict: str, *, agent: str) -> NoReturn:
        """An agent tried to decide: that stands in the ledger, and it is refused."""
        await self._decisions.turn_agent_away(account, gate, verdict, agent=agent)

    async def extend(self, account: AccountId, gate: GateId, *, by: PersonId, until: int) -> None:
        """Give people more time to answer; an owner's word."""
        await self._decisions.extend(account, gate, by=by, until=until)

    async def withdraw(self, account: AccountId, gate: GateId, *, by: str, reason: str) -> None:
        """Take a question back, as whoever asked for its run; the run hears it as a no, and may ask another."""
        await self._decisions.withdraw(account, gate, by=by, reason=reason)

    async def uncertain(self, account: AccountId, run: RunId) -> list[EffectIntended]:
        """The effects of a run whose outcome nobody knows, as they were intended."""
        return await self._decisions.uncertain(account, run)

    async def settle(
        self, account: AccountId, finding: Finding, *, site: Site | None = None, at_least: Proof = Proof.TOKEN
    ) -> None:
        """Take a person's word on how an uncertain effect ended; it takes what approving it took."""
        await self._decisions.settle(account, finding, site=site, at_least=at_least)

    async def contradict(self, account: AccountId, gate: GateId, effect: str, found: "Found[Any] | Absent") -> None:
        """Take in later evidence of the outside on how an effect ended, also after its run has."""
        await self._decisions.contradict(account, gate, effect, found)

    async def erase(self, account: AccountId, run: RunId, *, by: PersonId, why: str) -> None:
        """Make what a run said unreadable for good, once it has ended; an owner's word. What it spent stays counted."""
        await self._accounts.require_owner(account, by)
        chain, spent = Chain(account=account, run_id=run), (await self._accounts.of(account)).spent_by(run)
        has_ended = await self._ledger.has_ended(chain)
        if spent and has_ended:
            kept = SpendingKept(run=run, payments=[payment.as_kept() for payment in spent])
            await self.record(account, kept, by=f"person:{by}")
        if has_ended:
            self._tell_erased(account, run)  # nobody finds it any more, however long the rest takes
        try:
            await self._ledger.erase_run(chain, actor=f"person:{by}", why=why)
        finally:
            if has_ended:
                self._tell_erased(account, run)  # and whoever read it in between forgets it again

    def _tell_erased(self, account: AccountId, run: RunId) -> None:
        for forget in self._forgetters:
            forget(account, run)

    # The account

    async def account(self, account: AccountId) -> Account:
        """What the ledger says of an account."""
        return await self._accounts.of(account)

    async def require_owner(self, account: AccountId, person: PersonId) -> None:
        """Raise where this is not an owner of the account."""
        await self._accounts.require_owner(account, person)

    def account_of(self, run: RunId) -> AccountId:
        """Whose a run is that has not ended."""
        return self._memory.account_of(run)

    async def record(self, account: AccountId, fact: Fact, *, by: str, claim: bytes | None = None) -> int:
        """Record a fact of the account's own, and take it in."""
        return await self._accounts.record(account, fact, by=by, claim=claim)

    async def revoke_grant(self, account: AccountId, grant: str, *, by: PersonId) -> None:
        """Take a grant back; nothing more begins under it, not even while this is being recorded."""
        await self._accounts.revoke_grant(account, grant, by=by)

    async def stop_agents(self, account: AccountId, *, by: PersonId, reason: str) -> None:
        """Stop every agent at once: tokens, approvals and grants count no more, and nothing begins; an owner's word."""
        await self._accounts.stop_agents(account, by=by, reason=reason)

    async def resume_agents(self, account: AccountId, *, by: PersonId) -> None:
        """Let work begin again, and let go on what waited for that; an owner's word."""
        await self._accounts.resume_agents(account, by=by)
        for run, error in tuple(self.parked.items()):
            if isinstance(error, AllStopped) and self._memory.account_of(run) == account:
                with suppress(HaloopError):  # what stops it now is its own affair, and stands in its history
                    await self.wake(account, run)

    async def deliver(self, account: AccountId, delivery: Delivery) -> None:
        """Put something into the account's inbox; the same delivery again changes nothing."""
        await self._accounts.deliver(account, delivery)

    async def end_recovery(self, account: AccountId, *, by: PersonId) -> None:
        """Say that whatever may be forgotten has been looked at, and let go on what waited; an owner's word."""
        await self._accounts.require_owner(account, by)
        await self._require_reconciled()
        await self._ledger.end_recovery(actor=f"person:{by}")
        waiting = [run for run, error in self.parked.items() if isinstance(error, RecoveryOpen)]
        for run in waiting:
            await self.wake(self._memory.account_of(run), run)

    async def _require_reconciled(self) -> None:
        """Nothing irreversible starts before it is known how each effect ended that had begun."""
        for account in await self._ledger.accounts():
            unclear = (await self._accounts.of(account)).unclear()
            if unclear:
                raise Refused(
                    f"It is not known how {len(unclear)} effects ended, the first at {unclear[0]}.",
                    code="recovery.unclear",
                    next_step="Find out, and settle each of them; then end recovery mode.",
                )

    # Time

    def look_at_clock(self) -> None:
        """Fire what is due; whoever moves a clock by hand calls this."""
        self.world.timers.look()
        self.schedules.timers.look()

    async def trust_clock(self, account: AccountId, *, by: PersonId) -> None:
        """Say that the clock is right although it was moved; an owner's word."""
        await self._accounts.require_owner(account, by)
        await self._ledger.trust_clock(self.world.time.moved, actor=f"person:{by}")
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

    async def _start_as(
        self, run: RunId, account: AccountId, request: Request[Any], *, by: str, said: Said | None = None
    ) -> None:
        known = await self._accounts.of(account)
        if self._memory.knows(run) or await self._exists(account, run):
            await self._require_same(account, run, request)
            live = self._memory.get(run)
        else:
            live = self._begin(run, known, request, by=by, asked_by=by, said=said)
        await self._recorded(run, live)

    async def _require_same(self, account: AccountId, run: RunId, request: Request[Any]) -> None:
        """A key stands for one request: whoever comes with another is told, not handed somebody else's run."""
        live = self._memory.get(run)
        begun = live.started if live is not None else next(iter(await self.facts(account, run)), None)
        procedure = request.procedure
        wanted = (self.world.desk_of(procedure), procedure.name, procedure.version, request.arguments)
        if isinstance(begun, RunStarted) and (begun.desk, begun.procedure, begun.version, begun.arguments) != wanted:
            raise Refused("This key was used for another request.", code="run.key_taken", next_step="Use a new key.")

    def _begin(
        self,
        run: RunId,
        account: Account,
        request: Request[Any],
        *,
        by: str,
        asked_by: str,
        parent: RunId | None = None,
        follows: RunId | None = None,
        said: Said | None = None,
    ) -> LiveRun:
        live = LiveRun(run, account, self.world)
        self._memory.keep(live)
        procedure = request.procedure
        fact = RunStarted(
            desk=self.world.desk_of(procedure),
            procedure=procedure.name,
            version=procedure.version,
            arguments=request.arguments,
            by=by,
            asked_by=asked_by,
            parent=parent,
            follows=follows,
            said=None if said is None else said.as_canonical(),
        )
        live.start(fact, by)
        return live

    def _begin_unless_begun(
        self,
        run: RunId,
        account: Account,
        request: Request[Any],
        *,
        by: str,
        asked_by: str,
        parent: RunId | None = None,
        follows: RunId | None = None,
        then: Heard,
    ) -> None:
        async def begin() -> None:
            live = self._memory.get(run)
            if not self._memory.knows(run) and not await self._exists(account.id, run):
                live = self._begin(run, account, request, by=by, asked_by=asked_by, parent=parent, follows=follows)
            await self._recorded(run, live)

        beginning = self._beginning[run] = self.world.tasks.spawn(_tell_when_done(begin, then))
        beginning.add_done_callback(lambda _: self._beginning.pop(run, None))

    async def _recorded(self, run: RunId, live: LiveRun | None) -> None:
        """Wait until it is durable that a run has begun; one whose first word was refused never was."""
        try:
            first = None if live is None else live.begun()
            if first is not None:
                await first
        except HaloopError:
            self._memory.forget(run)
            raise

    def _cancel_soon(self, account: AccountId, run: RunId, *, then: Heard) -> None:
        async def cancel() -> None:
            with suppress(RunOver, NotFound):  # it ended by itself, or never began and now never will
                await self.cancel(account, run, by="kernel", reason="The run that started it was cancelled.")

        self.world.tasks.spawn(_tell_when_done(cancel, then))

    async def _cancel_stuck(self, account: AccountId, run: RunId, reason: str, *, by: str, fault: HaloopError) -> None:
        """End a run whose procedure cannot be driven any more."""
        stuck = await self._memory.stuck(account, run)
        stuck.require_cancellable(fault)
        for child in stuck.children():
            with suppress(RunOver, NotFound):
                await self.cancel(account, child, by="kernel", reason="The run that started it was cancelled.")
        await stuck.cancel(reason, by=by)
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


def _run_id(account: AccountId, kind: str, key: str) -> RunId:
    return RunId(f"run_{sha256(canonical.encode([f'haloop/{kind}/1', account, key])).hexdigest()[:32]}")


async def _tell_when_done(work: Callable[[], Coroutine[Any, Any, None]], then: Heard) -> None:
    try:
        await work()
    except HaloopError as error:
        then(error)
    else:
        then(None)
