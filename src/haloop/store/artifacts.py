"""Artifacts: files that runs refer to, beside the ledger, each there once and as long as anybody refers to it.

What refers to a file is a fact of a run, which holds the file's hash and the key that opens it; so erasing the run
takes the key, and the file goes with the last reference. The same bytes given to another run of the account are not
written again: that run's fact has the same key. A file is durable before the fact that refers to it; what a crash
leaves without a fact is cleared at the next start. Which runs refer to which file is read from the facts then, in
the background, and whoever gives or erases something waits for that.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from haloop.kernel.errors import Corrupt, Erased, HaloopError, NoRoom
from haloop.kernel.fact import ArtifactAdded, parts_of, read_fact
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import Chain, Event
from haloop.store.artifact_file import Incoming, file_name, read_part, read_pieces
from haloop.store.bodies import Bodies
from haloop.store.home import BALLAST_BYTES
from haloop.store.own_work import OwnWork
from haloop.store.reader import Reader

_ROOM_BYTES = 4 * BALLAST_BYTES
_READ_AT_ONCE = 50
"""So many references are read before others have their turn."""

Refer = Callable[[bytes], Awaitable[None]]
"""Records the fact that refers to a file, with the key that opens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A file, and who refers to it."""

    key: bytes
    runs: set[RunId] = field(default_factory=set)


class Artifacts:
    """The artifacts of one open home."""

    def __init__(self, folder: Path, reader: Reader, bodies: Bodies, own_work: OwnWork) -> None:
        self._folder = folder
        self._reader = reader
        self._bodies = bodies
        self._own_work = own_work
        self._known: dict[tuple[AccountId, str], _Known] = {}
        self._is_whole = False
        """Whether it is known of every file who refers to it."""
        self._is_closing = False
        self._turn = asyncio.Lock()
        """Held while a file gains or loses a reference: it must not go while somebody new comes to it."""
        self._stocktaking: asyncio.Task[None] | None = None

    def begin(self, *, clear: bool) -> None:
        """Find out who refers to what; then, if so told, clear what nobody refers to."""
        self._stocktaking = self._own_work.begin(self._take_stock(clear=clear))

    def close(self) -> None:
        self._is_closing = True

    async def receive(self, account: AccountId, size: int) -> Incoming:
        """Take so many bytes in; whoever asked keeps or discards them."""
        await self._taken_stock()
        disk = os.statvfs(self._folder.parent)
        if disk.f_bavail * disk.f_frsize < size + _ROOM_BYTES:
            raise NoRoom("There is no room on the disk for this artifact: what effects did must still be written.")
        return Incoming(self._folder / account)

    async def keep(self, chain: Chain, incoming: Incoming, refer: Refer) -> None:
        """Have a run refer to what came in. It goes on although whoever gave it may have gone away."""
        await asyncio.shield(self._own_work.begin(self._keep(chain, incoming, refer)))

    def read(self, account: AccountId, key: bytes) -> Iterator[bytes]:
        """What a file says, piece by piece."""
        return read_pieces(self._folder / account / file_name(key), key)

    def read_part(self, account: AccountId, key: bytes, start: int, end: int) -> bytes:
        """What a file says from one place to another."""
        return read_part(self._folder / account / file_name(key), key, start, end)

    async def let_go(self, chain: Chain) -> None:
        """A run was erased: what only it referred to goes."""
        await self._taken_stock()
        if not self._is_whole:
            return  # the next start clears what nobody refers to
        async with self._turn:
            mine = [place for place, known in self._known.items() if place[0] == chain.account]
            for place in mine:
                known = self._known[place]
                known.runs.discard(chain.run_id)
                if not known.runs:
                    del self._known[place]
                    (self._folder / chain.account / file_name(known.key)).unlink(missing_ok=True)

    async def _keep(self, chain: Chain, incoming: Incoming, refer: Refer) -> None:
        try:
            async with self._turn:
                await self._refer(chain, incoming, refer)
        except HaloopError:
            incoming.discard()
            raise

    async def _refer(self, chain: Chain, incoming: Incoming, refer: Refer) -> None:
        place = (chain.account, incoming.digest)
        known = self._known.get(place)
        if known is not None and chain.run_id in known.runs:
            incoming.discard()
            return
        if known is None:
            known = _Known(key=incoming.key)
            await asyncio.to_thread(incoming.settle)
        else:
            incoming.discard()
        await refer(known.key)
        known.runs.add(chain.run_id)
        self._known[place] = known

    async def _taken_stock(self) -> None:
        if self._stocktaking is not None:
            await asyncio.shield(self._stocktaking)

    async def _take_stock(self, *, clear: bool) -> None:
        unreadable = 0
        for number, reference in enumerate(references(self._reader, self._bodies)):
            if self._is_closing:
                return
            if not isinstance(reference, HaloopError):
                event, fact = reference
                known = self._known.setdefault((event.header.account, fact.digest), _Known(key=fact.key))
                known.runs.add(event.header.run_id)
            elif not isinstance(reference, Erased):
                unreadable += 1
            if number % _READ_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._is_whole = not unreadable  # what cannot be read may be somebody's; it is not taken for nobody's
        if clear and self._is_whole:
            await asyncio.to_thread(self._clear)

    def _clear(self) -> None:
        """Delete what a crash left behind: half files, and files that no fact came to refer to."""
        wanted = {(account, file_name(known.key)) for (account, _), known in self._known.items()}
        for path in self._folder.glob("*/*"):
            if (path.parent.name, path.name) not in wanted:
                path.unlink(missing_ok=True)


def references(reader: Reader, bodies: Bodies) -> Iterator[tuple[Event, ArtifactAdded] | HaloopError]:
    """Every fact that refers to an artifact, or why it cannot be read."""
    for tree in reader.trees():
        for index in reader.artifact_indexes(tree.number):
            try:
                event = reader.event(tree.number, index)
                found = event, _read(event, bodies)
            except HaloopError as error:
                yield error
            else:
                yield found


def flaw_of(folder: Path, event: Event, fact: ArtifactAdded) -> str:
    """What is wrong with the file that a fact refers to; empty if nothing is."""
    found, size = sha256(), 0
    try:
        for piece in read_pieces(folder / event.header.account / file_name(fact.key), fact.key):
            found.update(piece)
            size += len(piece)
    except Corrupt as error:
        return f"it refers to {fact.name!r}: {error.sentence}"
    if (found.hexdigest(), size) != (fact.digest, fact.size):
        return f"it refers to {fact.name!r}, and the file holds something else"
    return ""


def _read(event: Event, bodies: Bodies) -> ArtifactAdded:
    said = {name: bodies.open(event, name).body for name in parts_of(event.header.kind)}
    fact = read_fact(event.header.kind, said.get)
    assert isinstance(fact, ArtifactAdded)
    return fact
