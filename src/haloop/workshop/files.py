"""The files of runs, for agents that read and leave them, and for people who change them.

A file is a run's artifact: its bytes lie beside the ledger, and a fact of the run names them. Engines take runs up
before they are handed to anybody, so whoever asks for a file before then waits.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from haloop.desks.missions.difference import difference_of
from haloop.engines.local import LocalEngine
from haloop.kernel.fact import ArtifactAdded
from haloop.kernel.failure import Permanent
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import Chain
from haloop.ports.agents import Artifact, Difference
from haloop.store.sqlite import SqliteLedger

_MEDIA_TYPES = {".md": "text/markdown", ".json": "application/json"}
_BYTES = "application/octet-stream"


@dataclass(slots=True)
class LedgerFiles:
    """The files of an engine's runs."""

    _where: "asyncio.Future[tuple[SqliteLedger, LocalEngine]]" = field(default_factory=asyncio.Future)

    def begin(self, ledger: SqliteLedger, engine: LocalEngine) -> None:
        """From now on whoever asks is answered."""
        self._where.set_result((ledger, engine))

    async def read(self, account: str, run: str, digest: str) -> bytes:
        (content,) = await self.read_all(account, run, [digest])
        return content

    async def read_all(self, account: str, run: str, digests: Sequence[str]) -> list[bytes]:
        """Several of a run's, in their order."""
        ledger, _ = await asyncio.shield(self._where)
        keys = await self._keys(account, run, digests)
        pieces = [ledger.artifacts.read(AccountId(account), key) for key in keys]
        return await asyncio.to_thread(lambda: [b"".join(one) for one in pieces])

    async def read_part(self, account: str, run: str, digest: str, start: int, end: int) -> bytes:
        """What one says from one place to another, however long it is."""
        ledger, _ = await asyncio.shield(self._where)
        (key,) = await self._keys(account, run, [digest])
        return await asyncio.to_thread(ledger.artifacts.read_part, AccountId(account), key, start, end)

    async def keep(self, account: str, run: str, name: str, content: bytes, *, by: str = "kernel") -> Artifact:
        """Have a run refer to this from now on, in somebody's name."""
        ledger, engine = await asyncio.shield(self._where)
        incoming = await ledger.artifacts.receive(AccountId(account), len(content))
        incoming.add(content)
        made = Artifact(name=name, digest=incoming.digest, size=incoming.size)

        async def refer(key: bytes) -> None:
            fact = ArtifactAdded(digest=made.digest, size=made.size, name=name, media_type=_media_type(name), key=key)
            await engine.add_artifact(AccountId(account), RunId(run), fact, by=by)

        same = {fact.name: fact for fact in await self._added(account, run) if fact.digest == made.digest}
        if same:  # the bytes are there; they may be another file's too
            incoming.discard()
            if name not in same:
                await refer(next(iter(same.values())).key)
            return made

        await ledger.artifacts.keep(Chain(account=AccountId(account), run_id=RunId(run)), incoming, refer)
        return made

    async def compare(self, account: str, run: str, before: Artifact | None, after: Artifact) -> Difference:
        old = b"" if before is None else await self.read(account, run, before.digest)
        new = await self.read(account, run, after.digest)
        if len(new) != after.size:
            raise Permanent("The file has another size than was said.")
        return await asyncio.to_thread(difference_of, old, new)

    async def _keys(self, account: str, run: str, digests: Sequence[str]) -> list[bytes]:
        keys = {fact.digest: fact.key for fact in await self._added(account, run)}
        missing = [digest for digest in digests if digest not in keys]
        if missing:
            raise Permanent(f"The run has no file {missing[0][:12]}….")
        return [keys[digest] for digest in digests]

    async def _added(self, account: str, run: str) -> list[ArtifactAdded]:
        _, engine = await asyncio.shield(self._where)
        facts = await engine.facts(AccountId(account), RunId(run))
        return [fact for fact in facts if isinstance(fact, ArtifactAdded)]


def _media_type(name: str) -> str:
    return next((kind for ending, kind in _MEDIA_TYPES.items() if name.endswith(ending)), _BYTES)
