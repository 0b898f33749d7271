"""From an entry to a submission: the key is found, the parts are locked, the header is written.

This runs on the caller's thread, before the writer sees anything, so that the writer's own work is short.
What it needs to know of a chain is only its key; whether the append is next, the writer decides.
"""

from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from haloop.kernel.errors import Erased, KeyMissing, OutOfSequence
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.ledger import Chain, Entry, Head, encode_header, leaf_hash
from haloop.kernel.part import Part, commitment, encode_hashes
from haloop.kernel.randomness import Randomness
from haloop.store.bodies import LockedPart, lock
from haloop.store.keys import KeyRing
from haloop.store.reader import Reader
from haloop.store.submission import Leaf, Submission

_CHAINS_MAX = 20_000


class Intake:
    """Makes submissions ready."""

    def __init__(self, reader: Reader, keys: KeyRing) -> None:
        self._reader = reader
        self._keys = keys
        self._random = Randomness()
        self._person_keys: dict[tuple[AccountId, PersonId], int] = {}
        self._retired: set[int] = set()
        self._keys_by_head: dict[bytes, int] = {}  # a head names its chain's history, so a wrong guess finds nothing

    def prepare(self, chain: Chain, after: Head, entries: Sequence[Entry], ts: int) -> Submission:
        """Lock and hash what is to be said, in the order it will stand in the chain."""
        key_id = self._chain_key(chain, after)
        cipher = self._cipher(chain.run_id, key_id)  # also where nothing is said: an erased run takes no more facts
        subjects: dict[PersonId, int] = {}
        leaves, head = [], after
        for entry in entries:
            parts = self._lock(chain, key_id, cipher, entry, subjects)
            leaf = _leaf(chain, head, entry, parts, ts)
            leaves.append(leaf)
            head = Head(run_seq=leaf.run_seq, hash=leaf.hash)
        self._remember(head, key_id)
        return Submission(
            chain,
            after,
            tuple(leaves),
            head=head,
            key_id=key_id,
            subjects=tuple([(key, person) for person, key in subjects.items()]),
        )

    def person_keys(self, account: AccountId, person: PersonId) -> list[int]:
        """All keys ever made for a person in an account, those of words still on their way included."""
        stored = self._reader.subject_keys(self._reader.number(account), person)
        newest = self._person_keys.get((account, person))
        return stored if newest is None or newest in stored else [*stored, newest]

    def retire(self, keys: Iterable[int]) -> None:
        """Lock nothing more with these: what is said from now on comes after their erasure."""
        self._retired.update(keys)

    def _chain_key(self, chain: Chain, after: Head) -> int:
        """The chain's key: a new one for its first event, durable before anything is locked with it."""
        if not after.run_seq:
            return self._keys.take()
        known = self._keys_by_head.pop(after.hash, None)
        return self._stored_key(chain) if known is None else known

    def _remember(self, head: Head, key_id: int) -> None:
        self._keys_by_head[head.hash] = key_id
        if len(self._keys_by_head) > _CHAINS_MAX:
            del self._keys_by_head[next(iter(self._keys_by_head))]

    def _stored_key(self, chain: Chain) -> int:
        run = self._reader.run(chain.run_id)
        if run is None:
            raise OutOfSequence(f"{chain.run_id} has no events yet; its first append comes after the start.")
        return run.key_id

    def _lock(
        self, chain: Chain, key_id: int, cipher: AESGCM, entry: Entry, subjects: dict[PersonId, int]
    ) -> tuple[LockedPart, ...]:
        locked = []
        for part in entry.parts:
            if part.subject is None:
                locked.append(lock(part, holder=chain.run_id, key_id=key_id, cipher=cipher, draw=self._random.draw))
            else:
                locked.append(self._lock_personal(chain, part, part.subject, subjects))
        return tuple(locked)

    def _lock_personal(self, chain: Chain, part: Part, person: PersonId, subjects: dict[PersonId, int]) -> LockedPart:
        """A part about a person is locked with that person's key, so that it goes when they ask."""
        if person not in subjects:
            subjects[person] = self._person_key(chain.account, person)
        cipher = self._cipher(person, subjects[person])
        return lock(part, holder=person, key_id=subjects[person], cipher=cipher, draw=self._random.draw)

    def _person_key(self, account: AccountId, person: PersonId) -> int:
        """The person's key in this account; a new one for the first word about them, and after an erasure."""
        known = self.person_keys(account, person)
        if known and known[-1] not in self._retired and not self._reader.key_erased(known[-1]):
            return known[-1]
        fresh = self._keys.take()
        self._person_keys[account, person] = fresh
        if len(self._person_keys) > _CHAINS_MAX:
            del self._person_keys[next(iter(self._person_keys))]
        return fresh

    def _cipher(self, holder: RunId | PersonId, key_id: int) -> AESGCM:
        try:
            if key_id not in self._retired:
                return self._keys.cipher(key_id)
        except KeyMissing:
            if not self._reader.key_erased(key_id):
                raise
        raise Erased(f"{holder} was erased; nothing more can be said in it.")


def _leaf(chain: Chain, after: Head, entry: Entry, parts: tuple[LockedPart, ...], ts: int) -> Leaf:
    hashes = encode_hashes({part.name: part.hash for part in parts})
    header = encode_header(
        chain, after, kind=entry.kind, actor=entry.actor, ts=ts, payload=commitment(hashes), claim=entry.claim
    )
    return Leaf(after.run_seq + 1, entry.kind, ts, entry.actor, entry.claim, header, leaf_hash(header), hashes, parts)
