"""One append on its way to the disk: made ready on the caller's side, admitted by the writer, awaited by its author."""

import asyncio
from collections.abc import Callable, Generator, Mapping
from typing import NamedTuple

from haloop.kernel.errors import HaloopError
from haloop.kernel.ids import PersonId
from haloop.kernel.ledger import Chain, Head
from haloop.store.bodies import LockedPart


class Leaf(NamedTuple):
    """One entry with its header written and its parts locked; only its place in the tree is open."""

    run_seq: int
    kind: str
    ts: int
    actor: str
    claim: bytes | None
    header: bytes
    hash: bytes
    part_hashes: bytes
    parts: tuple[LockedPart, ...]


class Submission:
    """Leaves of one chain that are recorded together or not at all. Await it to know that they are durable."""

    __slots__ = (
        "_error",
        "_finished",
        "_listeners",
        "_waiters",
        "after",
        "chain",
        "head",
        "indexes",
        "key_id",
        "leaves",
        "subjects",
    )

    def __init__(
        self,
        chain: Chain,
        after: Head,
        leaves: tuple[Leaf, ...],
        *,
        head: Head,
        key_id: int,
        subjects: tuple[tuple[int, PersonId], ...],
    ) -> None:
        self.chain = chain
        self.after = after
        self.leaves = leaves
        self.head = head
        """Where the chain will stand; the next append may name it at once."""
        self.key_id = key_id
        """The chain's key that the parts were locked under."""
        self.subjects = subjects
        """Data subjects' keys that the parts were locked under."""
        self.indexes: tuple[int, ...] = ()
        self._error: HaloopError | None = None
        self._finished = False
        self._waiters: list[asyncio.Future[None]] = []
        self._listeners: list[Callable[[HaloopError | None], None]] = []

    @property
    def ts(self) -> int:
        """When these facts are, microseconds since 1970."""
        return self.leaves[-1].ts

    def part_hashes(self, number: int) -> Mapping[str, bytes]:
        """The hashes of one entry's parts."""
        return {part.name: part.hash for part in self.leaves[number].parts}

    def then(self, listener: Callable[[HaloopError | None], None]) -> None:
        """Call back on the event loop once these are durable, or with the reason why they are not."""
        if self._finished:
            listener(self._error)
        else:
            self._listeners.append(listener)

    def __await__(self) -> Generator[object, None, tuple[int, ...]]:
        if not self._finished:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            yield from waiter
        if self._error is not None:
            raise self._error
        return self.indexes

    def refuse(self, error: HaloopError) -> None:
        """Called by the writer: this is not recorded, and why."""
        self._error = error

    def finish(self) -> None:
        """Called on the event loop once the batch is decided: wake whoever waits."""
        self._finished = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener(self._error)
