"""The engine in this process: it drives runs, and what it knows it reads from the ledger.

A run is in memory only while something happens to it, and a few more for as long as there is room. Parked runs
are their history and, at most, a timer. When a process starts, it looks at the newest event of each run that
has not ended: the ones that only wait get their timer back, all others are taken up where they stood.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cached_property, partial
from hashlib import sha256
from typing import Any

from haloop.engines.at import Host
from haloop.engines.at_effect import AtEffect
from haloop.engines.at_gate import AtGate
from haloop.engines.at_rest import arrival_claim
from haloop.engines.ending import children_to_cancel, last_words
from haloop.engines.granting import grants_connector, grants_desk, require_revocable, suspensions
from haloop.engines.inbox import Arrived, Inbox
from haloop.engines.live_run import LiveRun
from haloop.engines.reading import read_event, read_known, waits_until
from haloop.engines.schedules import Schedules
from haloop.engines.timekeeper import Timekeeper
from haloop.engines.timers import Timers
from haloop.engines.world import Heard, Listener, World
from haloop.kernel import canonical, values
from haloop.kernel.account import Account
from haloop.kernel.canonical import Canonical
from haloop.kernel.clock import Clock, SystemClock
from haloop.kernel.connector import Connector, Connectors
from haloop.kernel.desk import Desk
from haloop.kernel.errors import (
    AnswerRefused,
    BadInput,
    ClaimTaken,
    ForeignRun,
    HaloopError,
    NotFound,
    RecoveryOpen,
    RunOver,
)
from haloop.kernel.fact import (
    AnswerTurnedAway,
    ClockTrusted,
    EffectHappened,
    EffectIntended,
    Fact,
    GrantRevoked,
    InboxArrived,
    RunEnded,
    RunStarted,
)
from haloop.kernel.finding import Finding
from haloop.kernel.gate import Answer, Gate, GateId, GateStatus, read_decision, run_of
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.inbox import Delivery
from haloop.kernel.ledger import Chain, Ledger
from haloop.kernel.operation import Absent, Found
from haloop.kernel.passkey import Assertion, VerifySignature, challenge, check_assertion
from haloop.kernel.people import Person, Proof, Role
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
        self._verify = verify
        self._random = Randomness()
        self._live_max = live_max
        self._live: OrderedDict[RunId, LiveRun] = OrderedDict()
        self._accounts: dict[AccountId, Account] = {}
        self._account_of: dict[RunId, AccountId] = {}
        self._waking: dict[tuple[AccountId, RunId], asyncio.Future[LiveRun]] = {}
        self._late: set[asyncio.Task[None]] = set()
        self._watchers: dict[RunId, list[asyncio.Future[RunEnded | None]]] = {}
        self.parked: dict[RunId, HaloopError] = {}
        """Runs that cannot go on, each with the reason."""
        desks = [*desks, grants_desk()]
        inbox, time = Inbox(on_arrival=self._wake_soon), Timekeeper(clock)
        self.world = World(
            ledger=ledger,
            connectors=Connectors([*connectors, grants_connector(self.record)]),
            procedures=_by_version(desks),
            time=time,
            timers=Timers(time, self._wake_at),
            inbox=inbox,
            on_parked=self._on_parked,
            on_ended=self._on_ended,
            begin_run=self._begin_unless_begun,
            cancel_run=self._cancel_soon,
            record_late=self._record_late,
        )
        self.watch(self._suspend_if_exceeded)
        self.schedules = Schedules(
            self,
            procedures=[(desk.name, one) for desk in desks for one in desk.procedures],
            connectors=self.world.connectors,
            time=time,
            spawn=self.world.spawn,
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
        await engine._take_up()
        try:
            yield engine
        finally:
            await engine._close()

    # Runs

    async def start(self, account: AccountId, request: Request[Any], *, by: str, key: str | None = None) -> RunId:
        """Begin a run, and come back when it is durable. The same key begins the same run."""
        run = RunId(f"run_{self._random.draw(16).hex()}") if key is None else _run_id(account, key)
        known = await self.account(account)
        if run not in self._account_of and not await self._exists(account, run):
            self._begin(run, known, request, by=by)
        await self._recorded(run)
        return run

    async def cancel(self, account: AccountId, run: RunId, *, by: str, reason: str = "") -> None:
        """End a run as soon as nothing is under way that cannot be taken back."""
        reason = reason or "Somebody cancelled it."
        if not await self._exists(account, run):
            raise NotFound(f"There is no run {run}.")
        try:
            live = await self._wake(account, run)
        except HaloopError as error:
            await self._cancel_parked(account, run, last_words(await self.facts(account, run), reason, error), by)
        else:
            live.cancel(reason, by)
            await _durable(live)

    async def ended(self, account: AccountId, run: RunId) -> RunEnded:
        """Wait for the end of a run; a parked one raises the reason why it cannot go on."""
        while True:
            if run in self.parked:
                raise self.parked[run]
            is_here = run in self._live and self._live[run].account.id == account
            if not is_here and await self._ledger.has_ended(Chain(account=account, run_id=run)):
                return await self._last_fact(account, run)
            waiter: asyncio.Future[RunEnded | None] = asyncio.get_running_loop().create_future()
            self._watchers.setdefault(run, []).append(waiter)
            ended = await waiter
            if ended is not None:
                return ended

    async def wake(self, account: AccountId, run: RunId) -> None:
        """Let a parked run try again; raises the reason if it still cannot go on."""
        await _durable(await self._wake(account, run))

    async def facts(self, account: AccountId, run: RunId) -> list[Fact]:
        """What a run's history says."""
        events = await self._ledger.run(Chain(account=account, run_id=run))
        return [await read_event(self._ledger, event) for event in events]

    def watch(self, listener: Listener) -> None:
        """Hear of each fact of every run, once it is durable."""
        self.world.listeners.append(listener)

    # Gates

    async def gate(self, account: AccountId, gate: GateId) -> "GateView":
        """A gate as people see it."""
        return GateView(await self._gate(account, gate))

    def open_gates(self, account: AccountId) -> list[GateId]:
        """The gates of an account that wait for somebody."""
        return [gate for gate, owner in self.world.gates.items() if owner == account]

    async def decide(self, account: AccountId, answer: Answer) -> GateStatus:
        """Take a person's answer; AnswerRefused where it does not count. What it says is durable on return."""
        try:
            here = await self._gate(account, answer.gate)
            decision = read_decision(answer)
            if not here.has_heard(answer):
                asked = partial(challenge, decision, answer.batch)
                proof = self._proof(here.host.account, answer.person, answer.assertion, asked)
                here.require_good(answer, proof=proof)
                here.host.ask(lambda: here.take(answer, decision, proof=proof))
                await _durable(here.host)
        except AnswerRefused as refusal:
            await self._turn_away(account, answer, refusal)
            raise
        return here.open_gate().status

    async def extend(self, account: AccountId, gate: GateId, *, by: PersonId, until: int) -> None:
        """Give people more time to answer; an owner's word."""
        self._require_role(await self.account(account), by, frozenset({Role.OWNER}))
        here = await self._gate(account, gate)
        here.require_extendable(until)
        here.host.ask(lambda: here.extend(by, until))
        await _durable(here.host)

    async def withdraw(self, account: AccountId, gate: GateId, *, by: str, reason: str) -> None:
        """Take a question back, as whoever asked for its run; the run hears it as a no, and may ask another."""
        here = await self._gate(account, gate)
        here.require_withdrawable(by)
        here.host.ask(lambda: here.withdraw(reason, by=by))
        await _durable(here.host)

    # Effects

    async def uncertain(self, account: AccountId, run: RunId) -> list[EffectIntended]:
        """The effects of a run whose outcome nobody knows, as they were intended."""
        live = await self._wake(account, run)
        return [at.known_intent() for at in live.effects if at.is_uncertain]

    async def settle(self, account: AccountId, finding: Finding) -> None:
        """Take a person's word on how an uncertain effect ended; it takes what approving it took."""
        gate = await self._gate(account, finding.gate)
        at = _effect(gate, finding.effect)
        self._require_entitled(gate, finding)
        at.require_settleable(finding)
        gate.host.ask(lambda: at.settle(finding))
        await _durable(gate.host)

    async def contradict(self, account: AccountId, gate: GateId, effect: str, found: "Found[Any] | Absent") -> None:
        """Take in later evidence of the outside on how an effect ended, also after its run has."""
        here = await self._gate(account, gate)
        here.host.ask(lambda: _effect(here, effect).contradict(found))
        await _durable(here.host)
        await asyncio.gather(*self._late)

    def _require_entitled(self, gate: AtGate, finding: Finding) -> None:
        """The original roles and proof, and never whoever asked for the run."""
        account, open_gate, person = gate.host.account, gate.open_gate(), finding.person
        if person in open_gate.proposers or not open_gate.is_entitled(account.people.get(person)):
            raise AnswerRefused(
                "Settling takes what approving took, of somebody who did not propose it.", code="answer.not_allowed"
            )
        if self._proof(account, person, finding.assertion, finding.challenge) < open_gate.need.proof:
            raise AnswerRefused("This takes a passkey.", code="answer.proof")

    def _record_late(self, account: AccountId, run: RunId, fact: Fact, claim: bytes) -> None:
        """Record what became known of a run after its end, and tell whoever listens."""

        async def record() -> None:
            with suppress(ClaimTaken):
                await self.record(account, fact, by="kernel", claim=claim)
                self._tell_listeners(account, run, fact)

        task = self.world.spawn(record())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    # The account

    async def account(self, account: AccountId) -> Account:
        """What the ledger says of an account."""
        if account not in self._accounts:
            self._accounts[account] = await self._read_account(account)
            self._record_suspensions(self._accounts[account])
        return self._accounts[account]

    async def record(self, account: AccountId, fact: Fact, *, by: str, claim: bytes | None = None) -> int:
        """Record a fact of the account's own, and take it in."""
        known = await self.account(account)
        (index,) = await self._ledger.record(account, fact.entry(by, claim))
        known.apply(fact, run=RunId(account), ts=self.world.now(), index=index)
        return index

    async def revoke_grant(self, account: AccountId, grant: str, *, by: PersonId) -> None:
        """Take a grant back; nothing more begins under it, not even while this is being recorded."""
        known = await self.account(account)
        require_revocable(known, grant, by)
        revoked = GrantRevoked(grant=grant)
        known.apply(revoked, run=RunId(account), ts=self.world.now())
        await self.record(account, revoked, by=f"person:{by}")

    def _suspend_if_exceeded(self, account: AccountId, run: RunId, fact: Fact) -> None:  # noqa: ARG002
        if isinstance(fact, EffectHappened) and fact.exceeded:
            self._record_suspensions(self._accounts[account])

    def _record_suspensions(self, account: Account) -> None:
        """Say of each grant that stopped by itself that it did, and tell whoever listens."""

        async def record() -> None:
            for fact in suspensions(account):
                await self.record(account.id, fact, by="policy")
                self._tell_listeners(account.id, RunId(account.id), fact)

        if account.suspended_silently:
            self.world.spawn(record())

    def _tell_listeners(self, account: AccountId, run: RunId, fact: Fact) -> None:
        for listener in self.world.listeners:
            listener(account, run, fact)

    async def deliver(self, account: AccountId, delivery: Delivery) -> None:
        """Put something into the account's inbox; the same delivery again changes nothing."""
        kind = type(delivery.arrival).__name__
        fact = InboxArrived(
            source=delivery.source,
            delivery=delivery.delivery,
            arrival=kind,
            key=delivery.key,
            value=values.plain(type(delivery.arrival), delivery.arrival),
        )
        await self.account(account)
        try:
            claim = bytes.fromhex(values.digest(["haloop/delivery/1", delivery.source, delivery.delivery]))
            (index,) = await self._ledger.record(account, fact.entry(f"source:{delivery.source}", claim))
        except ClaimTaken:
            return
        self.world.inbox.put(account, kind, delivery.key, Arrived(index=index, value=fact.value))

    async def end_recovery(self, account: AccountId, *, by: PersonId) -> None:
        """Say that whatever may be forgotten has been looked at, and let go on what waited; an owner's word."""
        self._require_role(await self.account(account), by, frozenset({Role.OWNER}))
        await self._ledger.end_recovery(actor=f"person:{by}")
        waiting = [run for run, error in self.parked.items() if isinstance(error, RecoveryOpen)]
        for run in waiting:
            await self.wake(self._account_of[run], run)

    # Time

    def look_at_clock(self) -> None:
        """Fire what is due; whoever moves a clock by hand calls this."""
        self.world.timers.look()
        self.schedules.timers.look()

    async def trust_clock(self, account: AccountId, *, by: PersonId) -> None:
        """Say that the clock is right although it was moved; an owner's word."""
        self._require_role(await self.account(account), by, frozenset({Role.OWNER}))
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
        return not self.world.tasks and not self._waking and all(live.is_quiet for live in self._live.values())

    # Waking and parking

    async def _take_up(self) -> None:
        """Find every run that has not ended, and give it back its timer or its life."""
        for run in list(self._ledger.open_runs()):
            account, name = run.chain.account, run.chain.run_id
            self._account_of[name] = account
            await self.account(account)
            waits = await waits_until(self._ledger, run)
            if waits is None or self._went_back_since(waits.since):
                await self._try_to_wake(account, name)
            else:
                self.world.timers.set(name, waits.at, waits.until)
                if waits.gate is not None:
                    self.world.gates[waits.gate] = account
        if self.schedules.exist:
            for account in await self._ledger.accounts():
                await self.schedules.take_up(account)

    def _went_back_since(self, ts: int) -> bool:
        back = self._ledger.went_back
        return back is not None and ts <= back.since

    async def _wake(self, account: AccountId, run: RunId) -> LiveRun:
        """The run in memory, read from its history if it is not there."""
        live = self._live.get(run)
        if live is not None and live.account.id == account:
            self._live.move_to_end(run)
            return _able(live)
        if (account, run) in self._waking:
            return await asyncio.shield(self._waking[account, run])
        waking = self._waking[account, run] = asyncio.get_running_loop().create_future()
        try:
            live = await self._restore(account, run)
        except BaseException as error:
            waking.set_exception(error)
            waking.exception()  # whoever else waits hears it; nobody need
            raise
        else:
            waking.set_result(live)
            return live
        finally:
            del self._waking[account, run]

    async def _restore(self, account: AccountId, run: RunId) -> LiveRun:
        events = await self._ledger.run(Chain(account=account, run_id=run))
        if not events:
            raise NotFound(f"There is no run {run}.")
        history = [(await read_event(self._ledger, event), event.parts, event.header.ts) for event in events]
        live = LiveRun(run, await self.account(account), self.world)
        self.parked.pop(run, None)
        self._keep(live)
        live.restore(events[-1].head, history)
        if live.ended is not None and live.is_quiet:
            self._forget(run)  # it had ended before: it is looked at, and will not go on
        if live.fault is not None:
            await _durable(live)  # the reason stands in its history before anybody hears of it
        return _able(live)

    async def _try_to_wake(self, account: AccountId, run: RunId) -> None:
        try:
            await self._wake(account, run)
        except HaloopError as error:
            if run not in self._live and run not in self.parked:  # it could not even be read
                self._on_parked(run, error)

    def _wake_at(self, run: RunId, at: str) -> None:
        """A timer fired, or something arrived."""
        live = self._live.get(run)
        if live is not None:
            live.on_time(at)
        else:
            self.world.spawn(self._wake_for(run, at))

    def _wake_soon(self, run: RunId, at: str) -> None:
        self.world.spawn(self._wake_for(run, at))

    async def _wake_for(self, run: RunId, at: str) -> None:
        account = self._account_of.get(run)
        if account is not None:
            await self._try_to_wake(account, run)
            live = self._live.get(run)
            if live is not None and live.fault is None:
                live.on_time(at)

    def _begin(
        self,
        run: RunId,
        account: Account,
        request: Request[Any],
        *,
        by: str,
        parent: RunId | None = None,
        follows: RunId | None = None,
    ) -> LiveRun:
        live = LiveRun(run, account, self.world)
        self._keep(live)
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
        return live

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
            if run not in self._account_of and not await self._exists(account.id, run):
                self._begin(run, account, request, by=by, parent=parent, follows=follows)
            await self._recorded(run)

        self.world.spawn(_tell_when_done(begin, then))

    async def _recorded(self, run: RunId) -> None:
        """Wait until it is durable that a run has begun; one whose first word was refused never was."""
        live = self._live.get(run)
        try:
            first = None if live is None else live.begun()
            if first is not None:
                await first
        except HaloopError:
            self._forget(run)
            raise

    def _cancel_soon(self, account: AccountId, run: RunId, *, then: Heard) -> None:
        async def cancel() -> None:
            with suppress(RunOver):  # it ended by itself
                await self.cancel(account, run, by="kernel", reason="The run that started it was cancelled.")

        self.world.spawn(_tell_when_done(cancel, then))

    async def _cancel_parked(self, account: AccountId, run: RunId, words: list[Fact], by: str) -> None:
        """End a run whose procedure cannot be driven any more."""
        chain = Chain(account=account, run_id=run)
        for child in children_to_cancel(await self.facts(account, run)):
            with suppress(RunOver):
                await self.cancel(account, child, by="kernel", reason="The run that started it was cancelled.")
        await self._ledger.append(chain, await self._ledger.head(chain), *(fact.entry(by) for fact in words))
        for fact in words:
            (await self.account(account)).apply(fact, run=run, ts=self.world.now())
        self._forget(run)

    def _keep(self, live: LiveRun) -> None:
        if len(self._live) >= self._live_max:
            self._let_go()
        self._account_of[live.id] = live.account.id
        self._live[live.id] = live

    def _let_go(self) -> None:
        """Let the runs leave memory that have waited longest."""
        for run in list(self._live)[: max(1, self._live_max // 8)]:
            if self._live[run].is_quiet:
                self._live.pop(run).leave()

    def _on_parked(self, run: RunId, error: HaloopError) -> None:
        self._live.pop(run, None)
        self.parked[run] = error.with_traceback(None)  # a traceback would keep all of the run in memory
        self._tell(run, None)

    def _on_ended(self, run: RunId, fact: RunEnded) -> None:
        self._forget(run)
        self._tell(run, fact)

    def _forget(self, run: RunId) -> None:
        """A run is over."""
        for known in (self._live, self._account_of, self.parked):
            known.pop(run, None)

    def _tell(self, run: RunId, ended: RunEnded | None) -> None:
        for waiter in self._watchers.pop(run, ()):
            if not waiter.done():
                waiter.set_result(ended)

    async def _close(self) -> None:
        """Let what is under way outside end; what takes too long ends as unknown."""
        self.world.is_closing = True
        self.world.timers.close()
        self.schedules.timers.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.settled()
        for task in list(self.world.tasks):
            task.cancel()
        await asyncio.gather(*self.world.tasks, return_exceptions=True)

    # Looking things up

    async def _gate(self, account: AccountId, gate: GateId) -> AtGate:
        try:
            live = await self._wake(account, run_of(gate))
        except (ForeignRun, NotFound) as error:
            if error.code not in (ForeignRun.code, NotFound.code):
                raise  # it is there, and something it needs is not
            raise AnswerRefused("There is no such gate in this account.", code="answer.foreign") from error
        except BadInput as error:
            raise AnswerRefused(error.sentence, code="answer.malformed") from error
        here = live.gate_at(gate)
        if here is None:
            raise AnswerRefused("There is no such gate.", code="answer.foreign")
        return here

    def _proof(self, account: Account, person: PersonId, assertion: bytes | None, asked: Callable[[], bytes]) -> Proof:
        """What somebody's word proves: a passkey's counts only if it was given for this very question."""
        if assertion is None:
            return Proof.TOKEN
        try:
            signed = Assertion.decode(assertion)
        except BadInput as error:
            raise AnswerRefused(error.sentence, code=error.code) from error
        credential = account.credentials.get(signed.credential)
        if credential is None or credential.person != person:
            raise AnswerRefused("This passkey is not one of theirs.", code="answer.credential")
        try:
            check_assertion(signed, asked(), credential.key, self._verify)
        except BadInput as error:
            raise AnswerRefused(error.sentence, code=error.code) from error
        return Proof.PASSKEY

    async def _turn_away(self, account: AccountId, answer: Answer, refusal: AnswerRefused) -> None:
        """No answer is lost, also none that did not count."""
        fact = AnswerTurnedAway(
            gate=_printable(answer.gate),
            revision=answer.revision,
            person=_printable(answer.person),
            verdict=str(answer.verdict),
            code=refusal.code,
            sentence=_printable(refusal.sentence),
        )
        known = (await self.account(account)).people.get(answer.person)
        await self._ledger.record(account, fact.entry(known.actor if known else "somebody"))

    def _require_role(self, account: Account, person: PersonId, roles: frozenset[Role]) -> Person:
        known = account.people.get(person)
        if known is None or not known.roles & roles:
            raise AnswerRefused("That takes another role.", code="answer.not_allowed")
        return known

    async def _exists(self, account: AccountId, run: RunId) -> bool:
        return (await self._ledger.head(Chain(account=account, run_id=run))).run_seq > 0

    async def _last_fact(self, account: AccountId, run: RunId) -> RunEnded:
        events = await self._ledger.run(Chain(account=account, run_id=run))
        for event in reversed(events):
            fact = await read_event(self._ledger, event)
            if isinstance(fact, RunEnded):
                return fact
        raise NotFound(f"{run} has not ended.")

    async def _read_account(self, account: AccountId) -> Account:
        known = Account(id=account)
        own = await self._ledger.run(Chain.of_account(account))
        events = sorted([*own, *await self._ledger.effects(account)], key=lambda event: event.index)
        back = self._ledger.went_back
        for event in events:
            if back is not None and event.header.ts > back.since:
                known.go_back(back.at)
                back = None
            fact = await read_known(self._ledger, event)
            if fact is None:
                continue
            known.apply(fact, run=event.header.run_id, ts=event.header.ts, index=event.index)
            if isinstance(fact, InboxArrived):
                await self._put_back(account, fact, event.index)
        if back is not None:
            known.go_back(back.at)
        for run in known.runs():
            if await self._ledger.has_ended(Chain(account=account, run_id=run)):
                known.let_go(run)
        return known

    async def _put_back(self, account: AccountId, fact: InboxArrived, index: int) -> None:
        if not await self._ledger.is_claimed(account, arrival_claim(account, index)):
            self.world.inbox.put(account, fact.arrival, fact.key, Arrived(index=index, value=fact.value))


class GateView:
    """A gate as a surface shows it: where it stands, the card, and what an answer must name."""

    def __init__(self, at: AtGate) -> None:
        self.gate: Gate = at.open_gate()
        self.draft = at.draft
        self._card = at.card

    @cached_property
    def card(self) -> Canonical:
        """What people are shown."""
        return canonical.decode(self._card)


def _by_version(desks: Sequence[Desk]) -> Mapping[tuple[str, str, int], Procedure[..., Any]]:
    return {(desk.name, one.name, one.version): one for desk in desks for one in desk.procedures}


def _run_id(account: AccountId, key: str) -> RunId:
    return RunId(f"run_{sha256(f'haloop/run/1 {account} {key}'.encode()).hexdigest()[:32]}")


def _effect(gate: AtGate, name: str) -> AtEffect:
    for at in gate.host.effects:
        if at.gate is gate and at.name == name:
            found: AtEffect = at
            return found
    raise NotFound(f"{name!r} of this gate has not been begun.", code="effect.unknown")


def _printable(text: str) -> str:
    """What somebody sent, short and without what no canonical text can hold."""
    return text[:200].encode(errors="replace").decode()


def _able(live: LiveRun) -> LiveRun:
    """A run that can go on, or the reason why it cannot."""
    if live.fault is not None:
        raise live.fault
    return live


async def _tell_when_done(work: Callable[[], Coroutine[Any, Any, None]], then: Heard) -> None:
    try:
        await work()
    except HaloopError as error:
        then(error)
    else:
        then(None)


async def _durable(live: Host) -> None:
    pending = live.durable()
    if pending is not None:
        await pending
