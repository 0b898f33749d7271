"""The one checker: what must be true of a home, whatever was done to it.

A row brings the home and what the outside remembers of it: which facts were acknowledged, which checkpoints
left the house, what was erased. The checker reads the home's tables itself, with as little of the product as
it can, then asks the product's own verifier. Each invariant is a function that yields what it finds broken.

    I1   every acknowledged fact is present, in order; after them at most what was still on its way
    I2   trees, chains and checkpoints agree with each other and with every checkpoint ever seen outside
    I3   under one key at most one act, and a second request only where the outside makes one key one act
    I4   every request is what an approval allows that was good at the time, in the very bytes of its draft
    I5   an intent without an outcome is named as uncertain, never silently sent again; and what the ledger
         says of an effect in the end is what the outside has in its book
    I6   once faults stop, every run ends, or is parked with a reason
    I7   a gate closes once; what counts as an answer is given while it is open, to its newest revision; whatever
         is late, stale or foreign is refused by name
    I8   nothing that waits for a moment fires before it, or twice
    I10  when an effect begins, what was paid within a ceiling's window and what is under way stay within it
    I11  an erasure changes no hash, and leaves none of the erased bytes
    I12  after the ledger went back, no effect starts until a person has ended recovery

I9 is a row of its own: every recorded history is taken up as it was. I6 needs whoever lets the faults stop, so the
rows that drive runs state it themselves.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.checkpoint import Checkpoint, read_unverified
from haloop.kernel.errors import HaloopError, Poisoned
from haloop.kernel.fact import (
    EffectContradicted,
    EffectHappened,
    EffectIntended,
    EffectNotDone,
    EffectResent,
    EffectUncertain,
    Fact,
    GateAnswered,
    GateApproved,
    GateChanging,
    GateEscalated,
    GateExpired,
    GateExtended,
    GateOpened,
    GateRefused,
    GateRevised,
    GateWithdrawn,
    RulesSet,
    SleepBegun,
    SleepOver,
    WaitBegun,
    WaitOver,
)
from haloop.kernel.ids import AccountId
from haloop.kernel.ledger import EFFECT_INTENDED, leaf_hash, read_origin
from haloop.kernel.merkle import CompactRange
from haloop.store.signing import read_or_make_signer
from haloop.store.sqlite import SqliteLedger
from haloop.store.verify import verify_home

BALLAST = 64 * 1024
"""Small, because a row opens thousands of homes; all else about opening them is as shipped."""

_DAY = 86_400 * 1_000_000

_OPENING_SECONDS_MAX = 10.0
"""A home opens in milliseconds; one that waits for something waits forever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A fact whose author heard "ok"."""

    account: str
    run_id: str
    run_seq: int
    leaf_hash: bytes

    def line(self) -> bytes:
        """How it is written down outside the home, at the moment it was heard."""
        return f"{self.account} {self.run_id} {self.run_seq} {self.leaf_hash.hex()}\n".encode()

    @classmethod
    def read(cls, lines: bytes) -> "tuple[Acknowledged, ...]":
        """All that was heard. A last line that was cut was not heard."""
        whole, _, _ = lines.rpartition(b"\n")
        fields = [line.decode().split(" ") for line in whole.splitlines()]
        return tuple(
            cls(account=account, run_id=run_id, run_seq=int(run_seq), leaf_hash=bytes.fromhex(digest))
            for account, run_id, run_seq, digest in fields
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the outside remembers of a home."""

    acknowledged: tuple[Acknowledged, ...] = ()
    on_its_way_max: int | None = None
    """How many facts of one chain may follow its newest acknowledged one; None asks for no bound."""
    checkpoints: tuple[str, ...] = ()
    """Every signed note that left the house."""
    rolled_back: bool = False
    """Whether the ledger truly went back; otherwise it must not believe that it did."""
    leaves: "Leaves | None" = None
    """The leaves as they were before an erasure."""
    erased: tuple[bytes, ...] = ()
    """Bytes that must be in none of the home's files any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """An invariant that does not hold."""

    invariant: str
    what: str


Leaves = Mapping[int, tuple[bytes, bytes]]
"""By position, each leaf's header bytes and stored hash."""


def check(home: Path, known: Known, *, verified: bool = True) -> list[Broken]:
    """Everything that is broken in a home that nobody has open."""
    try:
        with closing(_open(home)) as connection:
            found = [
                Broken(invariant=invariant, what=what)
                for invariant, judge in _INVARIANTS
                for what in judge(connection, home, known)
            ]
    except apsw.Error as error:
        return [Broken(invariant="I2", what=f"the ledger cannot be read: {type(error).__name__}: {error}")]
    return found + (list(verifier_finds(home)) if verified else [])


def restart(home: Path, witness: Path) -> list[Broken]:
    """Open a home the shipped way, let it take one more fact, close it; what kept it from that is broken."""
    deaths: list[Poisoned] = []
    try:
        asyncio.run(asyncio.wait_for(_take_one_fact(home, witness, deaths.append), _OPENING_SECONDS_MAX))
    except TimeoutError:
        return [Broken(invariant="I2", what=f"the home does not open within {_OPENING_SECONDS_MAX:.0f} seconds")]
    except (HaloopError, apsw.Error, OSError) as error:
        return [Broken(invariant="I2", what=f"the home does not open: {type(error).__name__}: {error}")]
    return [Broken(invariant="I2", what=f"the home dies at once: {death.sentence}") for death in deaths]


def verifier_finds(home: Path) -> Iterator[Broken]:
    """What the product's own verifier says."""
    try:
        report = verify_home(home)
    except HaloopError as error:
        yield Broken(invariant="I2", what=f"verify cannot read the home: {error.code}: {error.sentence}")
        return
    for problem in report.problems:
        yield Broken(invariant="I2", what=f"verify: {problem}")


def read_leaves(home: Path) -> Leaves:
    """All leaves of a home, to be compared later."""
    with closing(_open(home)) as connection:
        return _leaves(connection)


# The invariants


def _nothing_acknowledged_is_lost(connection: apsw.Connection, _home: Path, known: Known) -> Iterator[str]:
    chains = _chains(connection)
    newest: dict[str, int] = {}
    for fact in known.acknowledged:
        chain = chains.get(fact.run_id, {})
        if fact.run_seq not in chain:
            yield f"{fact.run_id} lost its acknowledged event {fact.run_seq}; it ends at {len(chain)}"
        elif chain[fact.run_seq] != (fact.account, fact.leaf_hash):
            yield f"event {fact.run_seq} of {fact.run_id} is another than was acknowledged"
        newest[fact.run_id] = max(fact.run_seq, newest.get(fact.run_id, 0))
    for run_id, chain in chains.items():
        if sorted(chain) != list(range(1, len(chain) + 1)):
            yield f"{run_id} has gaps: {sorted(chain)}"
        further = len(chain) - newest.get(run_id, 0)
        if known.on_its_way_max is not None and not run_id.startswith("sys_") and further > known.on_its_way_max:
            yield f"{run_id} has {further} events after its newest acknowledged one"


def _checkpoints_agree(connection: apsw.Connection, _home: Path, known: Known) -> Iterator[str]:
    stored = [note for (note,) in connection.execute("SELECT note FROM checkpoint")]
    all_seen = [read_unverified(note) for note in {*stored, *known.checkpoints}]
    ordered = sorted(all_seen, key=lambda each: (each.origin, each.size))
    for one, other in pairwise(ordered):
        if (one.origin, one.size) == (other.origin, other.size) and one.root != other.root:
            yield f"two checkpoints of {one.origin} at {one.size} events contradict each other"
    epochs = dict(_epochs(connection))
    for seen in all_seen:
        account, epoch = read_origin(seen.origin)
        if epoch == epochs.get(account, epoch) and not _begins_with(connection, account, seen):
            yield f"{account} does not begin with the {seen.size} events that a checkpoint outside saw"


def _believes_its_past(connection: apsw.Connection, _home: Path, known: Known) -> Iterator[str]:
    entered = connection.execute("SELECT 1 FROM event WHERE kind = 'recovery.entered'").fetchall()
    if entered and not known.rolled_back:
        yield "the ledger entered recovery mode, though nothing was rolled back"
    if known.rolled_back and not entered:
        yield "the ledger went back and did not notice"


def _erasure_changes_no_hash(connection: apsw.Connection, home: Path, known: Known) -> Iterator[str]:
    if known.leaves is not None:
        now = _leaves(connection)
        for at, before in known.leaves.items():
            if now.get(at) != before:
                yield f"the leaf at {at} is not what it was before the erasure"
    for path in sorted(home.iterdir()) if known.erased else ():
        content = path.read_bytes()
        for secret in known.erased:
            if secret in content:
                yield f"{len(secret)} erased bytes are still in {path.name}"


def _no_effect_in_recovery(connection: apsw.Connection, _home: Path, _known: Known) -> Iterator[str]:
    """Within one home time never goes back, so times order facts of different accounts."""
    moments = connection.execute(
        "SELECT ts, kind FROM event WHERE kind IN ('recovery.entered', 'recovery.ended', ?) ORDER BY ts, kind DESC",
        (EFFECT_INTENDED,),
    )
    recovering = False
    for ts, kind in moments:
        if kind != EFFECT_INTENDED:
            recovering = kind == "recovery.entered"
        elif recovering:
            yield f"an effect was intended at {ts}, in recovery mode"


Judge = Callable[[apsw.Connection, Path, Known], Iterator[str]]
_INVARIANTS: tuple[tuple[str, Judge], ...] = (
    ("I1", _nothing_acknowledged_is_lost),
    ("I2", _checkpoints_agree),
    ("I2", _believes_its_past),
    ("I11", _erasure_changes_no_hash),
    ("I12", _no_effect_in_recovery),
)


# Effects, judged by the outside's own book


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A fact of a run, and when it was recorded."""

    fact: Fact
    ts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What the outside has in its book under one key."""

    requested: tuple[Canonical, ...] = ()
    """The argument of each request that was sent, in order."""
    done: int = 0


def effects_broken(history: Sequence[Noted], book: Mapping[str, Deed]) -> Iterator[Broken]:
    """What is broken about the effects of one run, whether it has ended or not."""
    intents = {noted.fact.key: noted for noted in history if isinstance(noted.fact, EffectIntended)}
    for key in book.keys() - intents.keys():
        yield Broken(invariant="I4", what=f"{len(book[key].requested)} requests were sent that nobody intended")
    for key, noted in intents.items():
        if isinstance(noted.fact, EffectIntended):
            yield from _deed_broken(noted.fact, noted.ts, history, book.get(key, Deed()))


def _deed_broken(intent: EffectIntended, ts: int, history: Sequence[Noted], deed: Deed) -> Iterator[Broken]:
    about = [noted.fact for noted in history if getattr(noted.fact, "effect", None) == intent.effect]
    resent = [fact for fact in about if isinstance(fact, EffectResent)]
    outcomes = [fact for fact in about if isinstance(fact, EffectHappened | EffectNotDone)]
    is_key_an_act = intent.recovery["kind"] == "idempotent"
    is_contradicted = any(isinstance(fact, EffectContradicted) for fact in about)
    if deed.done > 1:
        yield Broken(invariant="I3", what=f"{intent.effect} was done {deed.done} times")
    if len(deed.requested) > 1 and not is_key_an_act:
        yield Broken(invariant="I3", what=f"{intent.effect} was sent {len(deed.requested)} times")
    if sum(1 for fact in about if isinstance(fact, EffectIntended)) > 1:
        yield Broken(invariant="I3", what=f"{intent.effect} was intended twice")
    yield from (Broken(invariant="I4", what=what) for what in _not_approved(intent, ts, history, deed))
    if len(deed.requested) > 1 + len(resent):
        yield Broken(invariant="I5", what=f"{intent.effect} was sent again and nothing says so")
    if not outcomes and not any(isinstance(fact, EffectUncertain) for fact in about):
        yield Broken(invariant="I5", what=f"nothing says what became of {intent.effect}")
    if len(outcomes) > 1:
        yield Broken(invariant="I5", what=f"{intent.effect} ended {len(outcomes)} times")
    for outcome in outcomes:
        if (isinstance(outcome, EffectHappened) != is_contradicted) != bool(deed.done):
            said = f"{outcome.kind}, contradicted" if is_contradicted else outcome.kind
            yield Broken(invariant="I5", what=f"the ledger says {said}, the book says {deed.done}")


def _not_approved(intent: EffectIntended, ts: int, history: Sequence[Noted], deed: Deed) -> Iterator[str]:
    """What was sent without being in the bytes of an approved draft."""
    approvals = [noted.fact for noted in history if isinstance(noted.fact, GateApproved)]
    good = [one for one in approvals if (one.gate, one.revision) == (intent.gate, intent.revision)]
    if not good or ts >= good[0].valid_until:
        yield f"{intent.effect} was intended without an approval that was still good"
    drafts = [noted.fact for noted in history if isinstance(noted.fact, GateOpened | GateRevised)]
    shown = [one.draft for one in drafts if (one.gate, one.revision) == (intent.gate, intent.revision)]
    allowed = [_approved_argument(draft, intent.effect) for draft in shown]
    if any(argument not in allowed for argument in deed.requested):
        yield f"{intent.effect} was sent with another argument than was approved"


def _approved_argument(draft: bytes, effect: str) -> Canonical:
    match canonical.decode(draft):
        case {"effects": dict(effects)}:
            planned = effects.get(effect)
            return planned["argument"] if isinstance(planned, dict) else None
    return None


# Gates, timers and budgets, judged by the history alone


def gates_broken(history: Sequence[Noted]) -> Iterator[Broken]:
    """What is broken about the gates of one run."""
    for gate in {noted.fact.gate for noted in history if isinstance(noted.fact, GateOpened)}:
        about = [noted.fact for noted in history if getattr(noted.fact, "gate", None) == gate]
        yield from (Broken(invariant="I7", what=f"{gate}: {what}") for what in _gate_broken(about))


def _gate_broken(about: Sequence[Fact]) -> Iterator[str]:
    revision, need, is_closed = 0, 1, False
    said_yes = set[str]()
    for fact in about:
        if isinstance(fact, _OF_GATES) and is_closed:
            yield f"{fact.kind} after it was closed"
        if isinstance(fact, GateOpened | GateRevised):
            if fact.revision != revision + 1:
                yield f"revision {fact.revision} follows revision {revision}"
            revision, need, said_yes = fact.revision, fact.need["count"], set()
        if isinstance(fact, _ANSWERS) and fact.revision != revision:
            yield f"{fact.kind} counts for revision {fact.revision} at revision {revision}"
        if isinstance(fact, GateAnswered | GateApproved) and fact.person is not None:
            said_yes.add(fact.person)
        if isinstance(fact, GateApproved) and fact.grant is None and len(said_yes) < need:
            yield f"approved by {len(said_yes)} where it takes {need}"
        is_closed = is_closed or isinstance(fact, GateApproved | GateRefused | GateExpired | GateWithdrawn)


_ANSWERS = (GateAnswered, GateApproved, GateRefused, GateChanging)
_OF_GATES = (*_ANSWERS, GateOpened, GateRevised, GateExpired, GateWithdrawn, GateEscalated, GateExtended)


def timers_broken(history: Sequence[Noted]) -> Iterator[Broken]:
    """What fired early or twice in one run."""
    due: dict[str, int] = {}
    for fact, ts in ((noted.fact, noted.ts) for noted in history):
        match fact:
            case GateOpened() | GateExtended():
                due[f"gate {fact.at}"] = fact.expires_at
                if isinstance(fact, GateOpened) and fact.need["escalation"] is not None:
                    due[f"escalation {fact.at}"] = ts + fact.need["escalation"]["after"] * 1_000_000
            case SleepBegun() | WaitBegun():
                due[f"rest {fact.at}"] = fact.until
            case GateExpired():
                yield from _fired(due, f"gate {fact.at}", ts)
            case GateEscalated():
                yield from _fired(due, f"escalation {fact.at}", ts)
            case SleepOver() | WaitOver(index=None):
                yield from _fired(due, f"rest {fact.at}", ts)


def _fired(due: dict[str, int], what: str, ts: int) -> Iterator[Broken]:
    moment = due.pop(what, None)
    if moment is None:
        yield Broken(invariant="I8", what=f"{what} fired, and nothing waited for that")
    elif ts < moment:
        yield Broken(invariant="I8", what=f"{what} fired {moment - ts} microseconds early")


def budget_broken(history: Sequence[Noted]) -> Iterator[Broken]:
    """What began in one account that its ceilings do not allow; all of its facts, in the order of its tree."""
    ceilings: list[tuple[str, int, int]] = []
    under_way: dict[tuple[str, str], Mapping[str, Any]] = {}
    paid: list[tuple[int, Mapping[str, Any]]] = []
    for fact, ts in ((noted.fact, noted.ts) for noted in history):
        match fact:
            case RulesSet():
                ceilings = [(one["amount"]["currency"], one["amount"]["minor"], one["days"]) for one in fact.ceilings]
            case EffectIntended(cost_max=dict()):
                under_way[fact.gate, fact.effect] = fact.cost_max
                for currency, minor, days in ceilings if fact.cost_max["minor"] else ():
                    recent = [amount for at, amount in paid if at >= ts - days * _DAY]
                    spent = _sum([*under_way.values(), *recent], currency)
                    if spent > minor:
                        yield Broken(invariant="I10", what=f"{fact.effect} makes it {spent} of {minor} in {days} days")
            case EffectHappened():
                charged = fact.charged or under_way.get((fact.gate, fact.effect))
                paid += [(ts, charged)] if charged else []
                under_way.pop((fact.gate, fact.effect), None)
            case EffectNotDone():
                under_way.pop((fact.gate, fact.effect), None)
            case EffectContradicted():
                under_way.update({(fact.gate, name): amount for name, amount in fact.holds.items()})


def _sum(amounts: Iterable[Mapping[str, Any]], currency: str) -> int:
    return sum(max(amount["minor"], 0) for amount in amounts if amount["currency"] == currency)


# Reading the tables


def _open(home: Path) -> apsw.Connection:
    return apsw.Connection(os.fspath(home / "ledger.db"), flags=apsw.SQLITE_OPEN_READWRITE)


def _chains(connection: apsw.Connection) -> dict[str, dict[int, tuple[str, bytes]]]:
    """Each chain's events by their number: whose they are, and the hash of their very bytes."""
    chains: dict[str, dict[int, tuple[str, bytes]]] = {}
    rows = connection.execute(
        "SELECT run_id, account, run_seq, header FROM event JOIN run USING (run) JOIN tree USING (tree)"
    )
    for run_id, account, run_seq, header in rows:
        chains.setdefault(run_id, {})[run_seq] = (account, leaf_hash(header))
    return chains


def _leaves(connection: apsw.Connection) -> Leaves:
    rows = connection.execute("SELECT position, header, leaf_hash FROM event")
    return {at: (header, stored) for at, header, stored in rows}


def _epochs(connection: apsw.Connection) -> Iterator[tuple[str, int]]:
    """Under which epoch each tree was signed last."""
    yield from connection.execute("SELECT account, max(epoch) FROM checkpoint JOIN tree USING (tree) GROUP BY account")


def _begins_with(connection: apsw.Connection, account: AccountId, seen: Checkpoint) -> bool:
    """Whether the first leaves of a tree, hashed anew from their bytes, give the root that was seen."""
    grown = CompactRange()
    headers = connection.execute(
        "SELECT header FROM event JOIN run USING (run) JOIN tree USING (tree) WHERE account = ?"
        " ORDER BY position LIMIT ?",
        (account, seen.size),
    )
    for (header,) in headers:
        grown.append(leaf_hash(header))
    return grown.size == seen.size and grown.root() == seen.root


async def _take_one_fact(home: Path, witness: Path, on_death: Callable[[Poisoned], None]) -> None:
    signer = read_or_make_signer(home / "secrets")
    async with SqliteLedger.opened(
        home, signer=signer, witness_folder=witness, ballast=BALLAST, on_death=on_death
    ) as ledger:
        await ledger.open_account()
