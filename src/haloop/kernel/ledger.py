"""The life of an entry.

Somebody has a fact to record: an Entry, made of a kind, an actor and named parts. It is appended to a
Chain, which is a run (or an account's own chain, for facts that belong to no run), right after the
chain's Head, which the writer must name: whoever has not seen the newest fact cannot add to it. Time is
stamped, each part gets its salt and its hash, and the Header is written as canonical bytes. These bytes
are the leaf: hashed, they become the next link of the chain and one leaf of the account's Merkle tree.
Only when the leaf, the bodies and the new tree are durable together is the entry an Event, and only then
does its author hear so. Nothing here does input or output: a store keeps these records, a verifier reads
them, and both use the same few functions.
"""

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple, Protocol

from haloop.kernel import canonical
from haloop.kernel.errors import BadEntry, HaloopError, NotCanonical
from haloop.kernel.ids import AccountId, RunId, account_id, run_id
from haloop.kernel.part import Part, digest_from_hex

FORMAT_VERSION = 1
DIGEST_BYTES = 32

ORIGIN_HOST = "haloop.local"

ACCOUNT_OPENED = "account.opened"
RUN_ENDED = "run.ended"
EFFECT_INTENDED = "effect.intended"
ARTIFACT_ADDED = "artifact.added"
PAYLOAD_ERASED = "payload.erased"
OUTCOMES = frozenset(
    {
        "effect.happened",
        "effect.not_done",
        "effect.uncertain",
        "effect.contradicted",
        "run.stopped",
        "run.parked",
        "clock.jumped",
        "epoch.started",
        "recovery.entered",
    }
)
"""What may still be written when the disk is full: how things that already left the house ended."""

LAST_WORDS = frozenset({RUN_ENDED, "run.cancelling", "gate.withdrawn"})
"""What a run of any length may still say, besides how its effects ended."""

RUN_EVENTS_MAX = 2_000
"""A longer run continues as a successor; outcomes and the end may always be said."""

_LEAF_PREFIX = b"\x00" + bytes([FORMAT_VERSION])
_KIND = re.compile(r"[a-z][a-z_]{0,31}\.[a-z][a-z_]{0,31}")
_ACTOR = re.compile(r"[a-z][a-z0-9_.:/@-]{0,127}")
_HEADER_KEYS = frozenset({"account", "actor", "kind", "payload", "prev", "run_id", "run_seq", "ts"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One line of facts: a run of an account, or the account's own."""

    account: AccountId
    run_id: RunId

    @classmethod
    def of_account(cls, account: AccountId) -> "Chain":
        """The chain for facts that belong to no run."""
        return cls(account=account, run_id=RunId(account))

    @property
    def is_own(self) -> bool:
        """Whether this is the account's own chain, not a run."""
        return self.run_id == str(self.account)

    def __post_init__(self) -> None:
        account_id(self.account)
        if not self.is_own and not run_id(self.run_id).startswith("run_"):
            raise BadEntry("An account's own chain is named after that account, never after another.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a chain stands: its newest event."""

    run_seq: int
    hash: bytes


START = Head(run_seq=0, hash=bytes(DIGEST_BYTES))
"""The head of a chain without events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A fact to record."""

    kind: str
    """`noun.fact`, in the past tense: `gate.approved`."""
    actor: str
    """Who made it so: `person:per_…`, `agent:…`, `kernel`."""
    parts: tuple[Part, ...] = ()
    claim: bytes | None = None
    """Set where this may happen once in the account's life; the second entry with this value is refused."""

    def __post_init__(self) -> None:
        _check_word(_KIND, self.kind, "a kind of fact (noun.fact)")
        _check_word(_ACTOR, self.actor, "an actor")
        if self.claim is not None and len(self.claim) != DIGEST_BYTES:
            raise BadEntry(f"A claim is a SHA-256 value of {DIGEST_BYTES} bytes.")
        if len({part.name for part in self.parts}) != len(self.parts):
            raise BadEntry("Two parts of one entry have the same name.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the leaf says. Everything else about an event is a copy of this or hangs from `payload`."""

    account: AccountId
    actor: str
    kind: str
    payload: bytes
    """The commitment to the parts."""
    prev: bytes
    """The leaf hash of the chain's event before this one; zeros for the first."""
    run_id: RunId
    run_seq: int
    """Counts from 1 within the chain."""
    ts: int
    """Microseconds since 1970, UTC; never less than the leaf before it in the tree."""
    claim: bytes | None = None

    def encode(self) -> bytes:
        """The header's canonical bytes."""
        chain = Chain(account=self.account, run_id=self.run_id)
        head = Head(run_seq=self.run_seq - 1, hash=self.prev)
        return encode_header(
            chain, head, kind=self.kind, actor=self.actor, ts=self.ts, payload=self.payload, claim=self.claim
        )

    @classmethod
    def decode(cls, raw: bytes) -> "Header":
        """Read a header; anything that `encode` would not have written is refused."""
        fields = canonical.decode(raw)
        if not isinstance(fields, dict) or fields.keys() - {"claim"} != _HEADER_KEYS:
            raise BadEntry("The header does not have exactly the fields of a header.")
        try:
            return cls._of(fields)
        except (TypeError, NotCanonical) as error:
            raise BadEntry(f"The header has a field of the wrong kind: {error}") from error

    @classmethod
    def _of(cls, fields: Mapping[str, canonical.Canonical]) -> "Header":
        run_seq, ts = fields["run_seq"], fields["ts"]
        if type(run_seq) is not int or type(ts) is not int or run_seq < 1 or ts < 0:
            raise BadEntry("A header counts run_seq from 1 and ts from 1970.")
        chain = Chain(account=account_id(_text(fields, "account")), run_id=run_id(_text(fields, "run_id")))
        return cls(
            account=chain.account,
            actor=_check_word(_ACTOR, _text(fields, "actor"), "an actor"),
            kind=_check_word(_KIND, _text(fields, "kind"), "a kind of fact (noun.fact)"),
            payload=digest_from_hex(fields["payload"]),
            prev=digest_from_hex(fields["prev"]),
            run_id=chain.run_id,
            run_seq=run_seq,
            ts=ts,
            claim=digest_from_hex(fields["claim"]) if "claim" in fields else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact as recorded: its place in the account's tree, its header, and the hashes of its parts."""

    index: int
    """The leaf's index in the account's tree, from 0."""
    header: Header
    parts: Mapping[str, bytes]
    leaf_hash: bytes = field(repr=False)

    @property
    def head(self) -> Head:
        """The head of the chain just after this event."""
        return Head(run_seq=self.header.run_seq, hash=self.leaf_hash)


class ListedRun(NamedTuple):
    """A run as a list has it: what began it, and the newest that it says."""

    first: Event
    newest: str
    """Of which kind that is."""
    newest_ts: int


class Pending(Protocol):
    """An append on its way. Await it to know that it is durable."""

    @property
    def head(self) -> Head:
        """Where the chain will stand; the next append may name it at once."""
        ...

    @property
    def ts(self) -> int:
        """When these facts are, microseconds since 1970."""
        ...

    @property
    def indexes(self) -> tuple[int, ...]:
        """The leaf indexes, once durable."""
        ...

    def part_hashes(self, number: int) -> Mapping[str, bytes]:
        """The hashes of one entry's parts."""
        ...

    def then(self, listener: Callable[[HaloopError | None], None]) -> None:
        """Call back once these are durable, or with the reason why they are not."""
        ...

    def __await__(self) -> Generator[object, None, tuple[int, ...]]:
        """The leaf indexes, once durable; raises the conflict or fault otherwise."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run that has not ended, as far as anybody can tell without its keys."""

    chain: Chain
    kinds: tuple[str, ...]
    """What it has recorded, oldest first."""
    index: int
    """Where its newest event stands."""
    ts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WentBack:
    """A ledger that was restored or rolled back: what it may have forgotten, and when that was noticed."""

    since: int
    """Whatever happened after this moment may be forgotten, and what was approved before it is void."""
    at: int
    """When it was noticed; both in microseconds since 1970."""


class Ledger(Protocol):
    """What an engine needs of a store. SQLite implements it; one conformance suite holds every store to it."""

    @property
    def went_back(self) -> WentBack | None:
        """When this ledger last went back to an earlier state, if it ever did."""
        ...

    @property
    def clock_moved(self) -> int:
        """By how many microseconds the clock was wrong at this start, as far as earlier ones can tell."""
        ...

    async def trust_clock(self, moved: int, *, actor: str) -> None:
        """Somebody says that the clock is right, although it was moved by so many microseconds."""
        ...

    async def end_recovery(self, *, actor: str) -> None:
        """Somebody has looked at what may have happened since the ledger went back."""
        ...

    async def runs(
        self, account: AccountId, *, before: int | None = None, limit: int = 50, waiting: bool = False
    ) -> Sequence[ListedRun]:
        """A page of an account's runs, the newest first.

        `before` names the first event of the last run of the page before; `waiting` leaves out what has ended.
        """
        ...

    async def erase_run(self, chain: Chain, *, actor: str, why: str) -> None:
        """Make what a run said unreadable for good."""
        ...

    async def head(self, chain: Chain) -> Head: ...

    def append(self, chain: Chain, after: Head, *entries: Entry) -> Pending:
        """Record facts after `after`: all of them or none, in order, seen by nobody until durable."""
        ...

    async def run(self, chain: Chain) -> Sequence[Event]:
        """All events of one chain, oldest first."""
        ...

    async def events(self, account: AccountId, *, start: int = 0, limit: int = 1000) -> Sequence[Event]:
        """A page of an account's events in the order of its tree."""
        ...

    async def body(self, event: Event, name: str) -> bytes:
        """What one part says; raises Erased where it is gone on purpose."""
        ...

    async def record(self, account: AccountId, *entries: Entry) -> tuple[int, ...]:
        """Record facts that belong to no run."""
        ...

    async def event(self, account: AccountId, index: int) -> Event:
        """One event by its leaf index."""
        ...

    def open_runs(self) -> Iterator[OpenRun]:
        """All runs that have not ended."""
        ...

    async def has_ended(self, chain: Chain) -> bool:
        """Whether a run's last fact has been recorded."""
        ...

    async def is_claimed(self, account: AccountId, claim: bytes) -> bool:
        """Whether what may happen once in the account's life has happened."""
        ...

    async def accounts(self) -> Sequence[AccountId]:
        """Whose facts these are."""
        ...

    async def effects(self, account: AccountId) -> Sequence[Event]:
        """All events about an account's effects, oldest first."""
        ...


def origin(account: AccountId, epoch: int) -> str:
    """The name a tree's checkpoints are signed under.

    A ledger that went back (a restored backup) grows into another tree than the one it may have signed
    before. Its epoch rises, so that no two checkpoints of one name ever contradict each other.
    """
    return f"{ORIGIN_HOST}/{account}" if epoch == 1 else f"{ORIGIN_HOST}/{account}/{epoch}"


def read_origin(text: str) -> tuple[AccountId, int]:
    """The account and epoch a checkpoint's origin names."""
    host, _, rest = text.partition("/")
    account, slash, number = rest.partition("/")
    epoch = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 1
    if host != ORIGIN_HOST or (slash and (epoch < 2 or str(epoch) != number)):
        raise BadEntry(f"{text[:80]!r} is not the origin of a Haloop ledger.")
    return account_id(account), epoch


def encode_header(
    chain: Chain, after: Head, *, kind: str, actor: str, ts: int, payload: bytes, claim: bytes | None
) -> bytes:
    """The canonical bytes of the header of the event after `after`.

    The alphabets of all values were checked where they came in, so nothing needs escaping.
    """
    claimed = "" if claim is None else f'"claim":"{claim.hex()}",'
    return (
        f'{{"account":"{chain.account}","actor":"{actor}",{claimed}"kind":"{kind}",'
        f'"payload":"{payload.hex()}","prev":"{after.hash.hex()}",'
        f'"run_id":"{chain.run_id}","run_seq":{after.run_seq + 1},"ts":{ts}}}'
    ).encode()


def leaf_hash(header: bytes) -> bytes:
    """The RFC 6962 hash of the leaf: a version byte and the length-prefixed header."""
    return sha256(b"".join((_LEAF_PREFIX, len(header).to_bytes(4, "big"), header))).digest()


def _text(fields: Mapping[str, canonical.Canonical], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise BadEntry(f"The header's {name} is not text.")
    return value


@lru_cache(maxsize=4096)
def _check_word(pattern: re.Pattern[str], word: str, what: str) -> str:
    if pattern.fullmatch(word) is None:
        raise BadEntry(f"{word[:80]!r} is not {what}.")
    return word
