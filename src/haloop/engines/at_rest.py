"""The calls that wait for time or for others: sleeping, an arrival, another run, a fact to keep."""

from hashlib import sha256
from typing import Any

from haloop.engines.at import At, Host
from haloop.engines.inbox import Arrived
from haloop.kernel import values
from haloop.kernel.drive import Position
from haloop.kernel.fact import ChildStarted, Fact, RunRecorded, SleepBegun, SleepOver, WaitBegun, WaitOver
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.inbox import TimedOut
from haloop.kernel.run import RecordCall, SleepCall, StartCall, WaitCall

_SECOND = 1_000_000


class AtSleep(At):
    """A while that passes."""

    def __init__(self, at: Position, host: Host, call: SleepCall[Any]) -> None:
        self._length = int(call.length.total_seconds() * _SECOND)
        super().__init__(at, host, "sleep", self._length)
        self._until: int | None = None

    def apply(self, fact: Fact) -> None:
        match fact:
            case SleepBegun():
                self.require_same("sleep", fact.args)
                self._until = fact.until
            case SleepOver():
                self.answer(None)
            case _:
                super().apply(fact)

    def go_on(self) -> None:
        if self._until is None:
            until = self.host.world.now() + self._length
            self.host.note(SleepBegun(at=self.at, args=self.args, until=until))
        if self._until is not None and self._until <= self.host.world.now():
            self.host.note(SleepOver(at=self.at))
        elif self._until is not None:
            self.host.world.timers.set(self.host.id, self.at, self._until)


class AtWait(At):
    """Something that is to arrive."""

    def __init__(self, at: Position, host: Host, call: WaitCall[Any]) -> None:
        self._call = call
        self._kind = call.arrival.__name__
        self._length = int(call.within.total_seconds() * _SECOND)
        super().__init__(at, host, f"wait {self._kind}", [call.key, self._length])
        self._until: int | None = None

    def apply(self, fact: Fact) -> None:
        match fact:
            case WaitBegun():
                self.require_same(f"wait {fact.arrival}", fact.args)
                self._until = fact.until
            case WaitOver():
                self._leave()
                if fact.index is None:
                    self.answer(TimedOut(after=self._until or 0))
                else:
                    self.answer(values.typed(self._call.arrival, fact.value))
            case _:
                super().apply(fact)

    def go_on(self) -> None:
        world, account = self.host.world, self.host.account.id
        if self._until is None:
            until = world.now() + self._length
            self.host.note(WaitBegun(at=self.at, args=self.args, arrival=self._kind, key=self._call.key, until=until))
        arrived = world.inbox.oldest(account, self._kind, self._call.key)
        if arrived is not None:
            world.inbox.take(account, self._kind, self._call.key, arrived.index)
            over = WaitOver(at=self.at, index=arrived.index, value=arrived.value)
            self.host.note(over, claim=arrival_claim(account, arrived.index))
        elif self._until is not None and self._until <= world.now():
            self.host.note(WaitOver(at=self.at, index=None))
        elif self._until is not None:
            world.inbox.wait(account, self._kind, self._call.key, (self.host.id, self.at))
            world.timers.set(self.host.id, self.at, self._until)

    def drop(self) -> None:
        super().drop()
        self._leave()

    def lost(self, fact: Fact) -> None:
        if isinstance(fact, WaitOver) and fact.index is not None:
            arrived = Arrived(index=fact.index, value=fact.value)
            self.host.world.inbox.put_back(self.host.account.id, self._kind, self._call.key, arrived)

    def _leave(self) -> None:
        self.host.world.inbox.leave(self.host.account.id, self._kind, self._call.key, (self.host.id, self.at))


class AtStart(At):
    """Another run that is begun."""

    def __init__(self, at: Position, host: Host, call: StartCall[Any]) -> None:
        self._call = call
        name = call.request.procedure.name
        super().__init__(at, host, f"start {name}", [call.request.arguments, call.key, call.detached])
        self._child = child_id(host.id, call.key)

    def apply(self, fact: Fact) -> None:
        match fact:
            case ChildStarted():
                self.require_same(f"start {fact.procedure}", fact.args)
                self.answer(RunId(fact.run))
            case _:
                super().apply(fact)

    def go_on(self) -> None:
        procedure = self._call.request.procedure
        fact = ChildStarted(
            at=self.at,
            args=self.args,
            run=self._child,
            desk=self.host.world.desk_of(procedure),
            procedure=procedure.name,
            version=procedure.version,
            arguments=self._call.request.arguments,
            detached=self._call.detached,
        )
        self.host.note(fact)


class AtRecord(At):
    """A fact to keep."""

    def __init__(self, at: Position, host: Host, call: RecordCall[Any]) -> None:
        self._what = type(call.value).__name__
        self._value = values.plain(type(call.value), call.value)
        super().__init__(at, host, f"record {self._what}", self._value)

    def apply(self, fact: Fact) -> None:
        match fact:
            case RunRecorded():
                self.require_same(f"record {fact.what}", fact.args)
                self.answer(None)
            case _:
                super().apply(fact)

    def go_on(self) -> None:
        self.host.note(RunRecorded(at=self.at, args=self.args, what=self._what, value=self._value))


def arrival_claim(account: AccountId, index: int) -> bytes:
    """What makes an arrival be taken by one run, once."""
    return sha256(f"haloop/arrival/1 {account} {index}".encode()).digest()


def child_id(parent: RunId, key: str) -> RunId:
    """The run that a run starts under a key: the same each time."""
    return RunId(f"run_{sha256(f'haloop/child/1 {parent} {key}'.encode()).hexdigest()[:32]}")
