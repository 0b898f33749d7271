"""What an account's events say that people are to be told at once.

A gate is looked at as it stands, whatever its newest fact: whoever may answer it and has not is to be told of this
revision, and once more before it expires; nobody is told of a gate that is closed, but a device that still shows it
is told that it waits no more. What failed is told to whoever asked for it and to the owners. The name of a notice is
made of what it is about and whom it is for, so that reading the same events again finds the same notices, not new ones.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256

from haloop.engines.reading import read_known
from haloop.kernel import canonical
from haloop.kernel.errors import HaloopError
from haloop.kernel.fact import (
    CredentialEnrolled,
    EffectContradicted,
    EffectHappened,
    EffectNotDone,
    EffectUncertain,
    Fact,
    GateApproved,
    GateExpired,
    GateOpened,
    GateRefused,
    GateWithdrawn,
    GrantSuspended,
    PersonRemoved,
    RulesSet,
    RunEnded,
    RunParked,
    RunStarted,
)
from haloop.kernel.gate import Gate, GateId, GateStatus, run_of
from haloop.kernel.gate_history import after, opened
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.ledger import PAYLOAD_ERASED, Chain, Event, Ledger
from haloop.kernel.notice import BREAKS_QUIET, NoticeKind, Preferences, warned_at
from haloop.kernel.people import Person, Role
from haloop.store.erasure import PART_NAME, Erasure
from haloop.store.notices import Known, KnownDevice, Owed

LOOKED_FOR = timedelta(minutes=2)
"""An outcome that nobody knows is often found within this time; then nobody is troubled."""

_ENDED_WELL = frozenset({"done", "refused", "cancelled", "succeeded"})
_GATE = "gate."
_CLOSED = frozenset(one.kind for one in (GateApproved, GateExpired, GateRefused, GateWithdrawn))
_FAILURES = frozenset(
    one.kind
    for one in (
        *(RunParked, RunEnded, EffectUncertain, EffectHappened, EffectNotDone, EffectContradicted, GrantSuspended),
        *(CredentialEnrolled, RulesSet),
    )
)
_PARTINGS = frozenset({PersonRemoved.kind, PAYLOAD_ERASED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachable:
    """Somebody who wants to be told, and where."""

    known: Known
    devices: Sequence[KnownDevice] = ()

    @property
    def preferences(self) -> Preferences:
        return self.known.preferences

    def ways(self, kind: NoticeKind) -> Iterator[str]:
        """By mail, which has no name, and to each device; mail that was sent is not taken back."""
        if self.preferences.mail and kind is not NoticeKind.OVER:
            yield ""
        if self.preferences.push:
            yield from (one.id for one in self.devices)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """Something to be told to several people."""

    name: Sequence[canonical.Canonical]
    """What it is, so that the same is never told twice."""
    kind: NoticeKind
    link: str
    about: str
    not_before: int
    until: int | None = None


@dataclass(slots=True, kw_only=True)
class Found:
    """What a page of events asks for."""

    wanted: dict[str, Sequence[Owed]] = field(default_factory=dict)
    """What is owed about each thing now; nothing where that is over."""
    parted: list[PersonId] = field(default_factory=list)
    """Who is gone, and everything about them with them."""


class Owing:
    """Reads an account's events."""

    def __init__(self, ledger: Ledger, account: AccountId) -> None:
        self._ledger = ledger
        self._account = account

    async def find(
        self,
        events: Iterable[Event],
        people: Mapping[PersonId, Person],
        reachable: Mapping[PersonId, Reachable],
        now: int,
    ) -> Found:
        """What these events ask for, of the people there are now."""
        found, gates = Found(), dict[GateId, bool]()
        for event in events:
            kind = event.header.kind
            if kind.startswith(_GATE):
                fact = await read_known(self._ledger, event)
                gates[GateId(getattr(fact, "gate", ""))] = kind not in _CLOSED
            elif kind in _PARTINGS:
                found.parted += await self._parted(event)
            elif kind in _FAILURES:
                await self._look(found, event, people, reachable, now)
        for gate, may_wait in gates.items():
            known = await self._gate(gate) if gate and may_wait else None
            found.wanted[gate] = self._about_gate(gate, known, people, reachable, now)
        return found

    async def still_waits(self, gate: GateId, person: Person | None) -> bool:
        """Whether a gate still waits for this person."""
        known = await self._gate(gate)
        return known is not None and _waits_for(known, person)

    async def revision(self, gate: GateId) -> int | None:
        """Which revision of a gate's draft is the newest; none where it was erased or cannot be read."""
        known = await self._gate(gate)
        return known.revision if known else None

    def _about_gate(
        self,
        gate: GateId,
        known: Gate | None,
        people: Mapping[PersonId, Person],
        reachable: Mapping[PersonId, Reachable],
        now: int,
    ) -> list[Owed]:
        """Whoever is asked is told that it waits, and everybody else's devices that it does not."""
        if known is not None and known.status is GateStatus.REVISING:
            return []  # it waits again in a moment
        asked = {name for name in reachable if known is not None and _waits_for(known, people.get(name))}
        over = [one for name, one in reachable.items() if name not in asked]
        waits = self._waits(known, [reachable[name] for name in asked], now) if known is not None else ()
        return [*self._no_more(gate, over, now), *waits]

    def _no_more(self, gate: GateId, people: Iterable[Reachable], now: int) -> Iterator[Owed]:
        told = _Told(name=[gate, "over"], kind=NoticeKind.OVER, link=gate, about=gate, not_before=now)
        return self._owed(told, people, now)

    def _waits(self, known: Gate, people: Sequence[Reachable], now: int) -> Iterator[Owed]:
        gate = known.id
        waits = _Told(
            name=[gate, known.revision, "waits"],
            kind=NoticeKind.WAITS,
            link=gate,
            about=gate,
            not_before=now,
            until=known.expires_at,
        )
        warning = warned_at(known.opened_at, known.expires_at)
        name: Sequence[canonical.Canonical] = [gate, known.revision, "expires", known.expires_at]
        expires = replace(waits, name=name, kind=NoticeKind.EXPIRES, not_before=warning)
        return (owed for told in (waits, expires) for owed in self._owed(told, people, now))

    async def _gate(self, gate: GateId) -> Gate | None:
        """A gate as its facts have made it; none where they were erased or cannot be read."""
        known: Gate | None = None
        for event in await self._ledger.run(Chain(account=self._account, run_id=run_of(gate))):
            fact = await read_known(self._ledger, event) if event.header.kind.startswith(_GATE) else None
            if fact is None or getattr(fact, "gate", "") != gate:
                continue
            if isinstance(fact, GateOpened):
                known = replace(opened(fact), opened_at=event.header.ts)
            elif known is not None:
                known = after(known, fact)
        return known

    async def _look(
        self,
        found: Found,
        event: Event,
        people: Mapping[PersonId, Person],
        reachable: Mapping[PersonId, Reachable],
        now: int,
    ) -> None:
        """Whether an event says that something went wrong, or that what was unknown is known."""
        fact = await read_known(self._ledger, event)
        if fact is None:
            return
        run = _run(event, fact)
        over = _over(fact, run)
        if over:
            found.wanted[over] = ()
        told = _failed(event, fact, run)
        if told is not None:
            heard = await self._asker(run) if run else None
            concerned = [
                one
                for name, one in reachable.items()
                if name in people and (name == heard or Role.OWNER in people[name].roles)
            ]
            found.wanted[told.about] = list(self._owed(told, concerned, now))

    async def _asker(self, run: RunId) -> PersonId | None:
        """The person who asked for the run that began it all, if it was one."""
        events = await self._ledger.run(Chain(account=self._account, run_id=run))
        first = await read_known(self._ledger, events[0]) if events else None
        kind, _, name = first.asked_by.partition(":") if isinstance(first, RunStarted) else ("", "", "")
        return PersonId(name) if kind == "person" else None

    async def _parted(self, event: Event) -> list[PersonId]:
        """Who was taken out of the account, or was erased."""
        if event.header.kind == PAYLOAD_ERASED:
            subject = Erasure.read(await self._ledger.body(event, PART_NAME)).subject
            return [] if subject is None else [subject]
        fact = await read_known(self._ledger, event)
        return [PersonId(fact.person)] if isinstance(fact, PersonRemoved) else []

    def _owed(self, told: _Told, people: Iterable[Reachable], now: int) -> Iterator[Owed]:
        for one in people:
            name = notice_id(self._account, one.known.person, told.name)
            soon = max(now, told.not_before)
            due = soon if told.kind in BREAKS_QUIET else one.preferences.told_at(soon, told.until)
            for device in one.ways(told.kind):
                yield Owed(
                    id=name,
                    device=device,
                    account=self._account,
                    person=one.known.person,
                    kind=told.kind,
                    link=told.link,
                    about=told.about,
                    not_before=told.not_before,
                    until=told.until,
                    due=due,
                )


def notice_id(account: AccountId, person: PersonId, name: Sequence[canonical.Canonical]) -> str:
    """The name of what one person is told once."""
    return sha256(canonical.encode(["haloop/notice/1", account, person, list(name)])).hexdigest()[:32]


def _waits_for(gate: Gate, person: Person | None) -> bool:
    """Whether this person may answer, and has not."""
    is_answered = any(person is not None and one.person == person.id for one in gate.yeses())
    return gate.status is GateStatus.OPEN and gate.is_entitled(person) and not is_answered


def _run(event: Event, fact: Fact) -> RunId | None:
    """The run that a fact is about; what became known after its end stands in the account's own chain."""
    if str(event.header.run_id) != str(event.header.account):
        return event.header.run_id
    try:
        return run_of(GateId(getattr(fact, "gate", "")))
    except HaloopError:
        return None


def _over(fact: Fact, run: RunId | None) -> str:
    """What nobody needs to be told any more."""
    match fact:
        case EffectHappened() | EffectNotDone():
            return _effect(fact)
        case RunEnded() if run:
            return run
    return ""


def _failed(event: Event, fact: Fact, run: RunId | None) -> _Told | None:
    """What is to be told of a fact, if it says that something went wrong."""
    told = _Told(
        name=[], kind=NoticeKind.FAILED, link=run or "", about=f"event {event.index}", not_before=event.header.ts
    )
    match fact:
        case RunParked() if run:
            return replace(told, name=["parked", run, fact.code], about=run)
        case RunEnded() if run and fact.code not in _ENDED_WELL:
            return replace(told, name=["ended", run], about=run)
        case EffectUncertain():
            until_known = event.header.ts + LOOKED_FOR // timedelta(microseconds=1)
            return replace(told, name=["uncertain", _effect(fact)], about=_effect(fact), not_before=until_known)
        case EffectHappened(exceeded=True):
            return replace(told, name=["exceeded", _effect(fact)])
        case EffectContradicted():
            return replace(told, name=["contradicted", event.index])
        case GrantSuspended():
            return replace(told, name=["suspended", event.index])
        case CredentialEnrolled() if fact.recovery_code:
            return replace(told, name=["recovered", event.index], kind=NoticeKind.RECOVERED)
        case RulesSet(is_looser=True):
            return replace(told, name=["loosened", event.index], kind=NoticeKind.LOOSENED)
    return None


def _effect(fact: EffectUncertain | EffectHappened | EffectNotDone) -> str:
    return f"effect {fact.gate} {fact.effect}"
