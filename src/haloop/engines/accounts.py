"""The accounts as the ledger has them: read once, then kept true by each fact that is recorded."""

import asyncio
from contextlib import suppress

from haloop.engines.at_rest import arrival_claim
from haloop.engines.granting import require_revocable, suspensions
from haloop.engines.inbox import Arrived, Inbox
from haloop.engines.listeners import Listeners
from haloop.engines.reading import read_known
from haloop.engines.tasks import Tasks
from haloop.engines.timekeeper import Timekeeper
from haloop.kernel import values
from haloop.kernel.account import Account
from haloop.kernel.errors import AnswerRefused, BadEntry, BadInput, ClaimTaken
from haloop.kernel.fact import (
    AccountFact,
    AgentsResumed,
    AgentsStopped,
    EffectHappened,
    Fact,
    GrantRevoked,
    InboxArrived,
)
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.inbox import Delivery
from haloop.kernel.ledger import Chain, Ledger
from haloop.kernel.people import Role


class Accounts:
    """Everything an engine knows of accounts beside their runs."""

    def __init__(self, ledger: Ledger, *, time: Timekeeper, inbox: Inbox, tasks: Tasks, listeners: Listeners) -> None:
        self._ledger = ledger
        self._time = time
        self._inbox = inbox
        self._tasks = tasks
        self._listeners = listeners
        self._known: dict[AccountId, Account] = {}
        self._late: set[asyncio.Task[None]] = set()

    async def of(self, account: AccountId) -> Account:
        """What the ledger says of an account."""
        if account not in self._known:
            self._known[account] = await self._read(account)
            self._record_suspensions(self._known[account])
        return self._known[account]

    async def record(self, account: AccountId, fact: Fact, *, by: str, claim: bytes | None = None) -> int:
        """Record a fact of the account's own, and take it in."""
        if not isinstance(fact, AccountFact):
            raise BadEntry(f"{fact.kind} is a fact of a run, which says it itself.", code="fact.of_a_run")
        _require_appliable(account, fact)
        return await self._record(account, fact, by=by, claim=claim)

    async def _record(
        self, account: AccountId, fact: Fact, *, by: str, claim: bytes | None = None, about: RunId | None = None
    ) -> int:
        known = await self.of(account)
        (index,) = await self._ledger.record(account, fact.entry(by, claim))
        known.apply(fact, run=RunId(account), ts=self._time.now(), index=index)
        self._listeners.tell(account, about or RunId(account), fact)
        return index

    async def require_owner(self, account: AccountId, person: PersonId) -> None:
        """Some things are an owner's word."""
        known = (await self.of(account)).people.get(person)
        if known is None or Role.OWNER not in known.roles:
            raise AnswerRefused("That takes another role.", code="answer.not_allowed")

    async def revoke_grant(self, account: AccountId, grant: str, *, by: PersonId) -> None:
        """Take a grant back; nothing more begins under it, not even while this is being recorded."""
        known = await self.of(account)
        require_revocable(known, grant, by)
        revoked = GrantRevoked(grant=grant)
        known.apply(revoked, run=RunId(account), ts=self._time.now())
        await self.record(account, revoked, by=f"person:{by}")

    async def stop_agents(self, account: AccountId, *, by: PersonId, reason: str) -> None:
        """Stop every agent at once; nothing begins or goes on any more, not even while this is being recorded."""
        await self.require_owner(account, by)
        known = await self.of(account)
        stopped = AgentsStopped(reason=reason, stopped_at=self._time.now())
        known.apply(stopped, run=RunId(account), ts=stopped.stopped_at)
        self._listeners.tell_stopped(account)
        await self.record(account, stopped, by=f"person:{by}")

    async def resume_agents(self, account: AccountId, *, by: PersonId) -> None:
        """Let work begin again. What the stop took away stays away: tokens, approvals, grants."""
        await self.require_owner(account, by)
        known = await self.of(account)
        if known.is_stopped:
            await self.record(account, AgentsResumed(stopped_at=known.stopped_at), by=f"person:{by}")

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
        await self.of(account)
        try:
            claim = bytes.fromhex(values.digest(["haloop/delivery/1", delivery.source, delivery.delivery]))
            (index,) = await self._ledger.record(account, fact.entry(f"source:{delivery.source}", claim))
        except ClaimTaken:
            return
        self._inbox.put(account, kind, delivery.key, Arrived(index=index, value=fact.value))

    def record_late(self, account: AccountId, run: RunId, fact: Fact, claim: bytes) -> None:
        """Record what became known of a run after its end, and tell whoever listens."""

        async def record() -> None:
            with suppress(ClaimTaken):
                await self._record(account, fact, by="kernel", claim=claim, about=run)

        task = self._tasks.spawn(record())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def late_facts_recorded(self) -> None:
        """Wait for what is being recorded about runs that have ended."""
        await asyncio.gather(*self._late)

    def suspend_if_exceeded(self, account: AccountId, run: RunId, fact: Fact) -> None:  # noqa: ARG002
        """A listener: once something cost more than was approved, say of each grant that it rests."""
        if isinstance(fact, EffectHappened) and fact.exceeded:
            self._record_suspensions(self._known[account])

    def _record_suspensions(self, account: Account) -> None:
        """Say of each grant that stopped by itself that it did, and tell whoever listens."""

        async def record() -> None:
            for fact in suspensions(account):
                await self.record(account.id, fact, by="policy")

        if account.suspended_silently:
            self._tasks.spawn(record())

    async def _read(self, account: AccountId) -> Account:
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
            self._inbox.put(account, fact.arrival, fact.key, Arrived(index=index, value=fact.value))


def _require_appliable(account: AccountId, fact: Fact) -> None:
    """What could not be taken in could not be read again either, and would keep the account closed for good."""
    try:
        Account(id=account).apply(fact, run=RunId(account), ts=0)
    except (BadInput, ValueError, KeyError, TypeError) as error:
        raise BadEntry(f"This {fact.kind} cannot be read: {error}", code="fact.bad") from error
