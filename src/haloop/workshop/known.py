"""The missions that a ledger tells of, read once and kept in memory until something new is heard of them."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

from haloop.desks.missions.progress import Happened, Progress, is_mission
from haloop.engines.local import LocalEngine
from haloop.engines.reading import read_known
from haloop.kernel.errors import HaloopError, RunFull
from haloop.kernel.fact import Fact, RunStarted
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import Chain
from haloop.store.sqlite import SqliteLedger

log = logging.getLogger("haloop.workshop")

_PAGE = 200


class KnownMissions:
    """Those of one home."""

    def __init__(self, ledger: SqliteLedger, engine: LocalEngine) -> None:
        self._ledger = ledger
        self._engine = engine
        self._runs: dict[AccountId, dict[RunId, None]] = {}
        """Of each account whose runs were looked through, in the order in which they were found."""
        self._known: dict[RunId, Progress] = {}
        self._news: Counter[RunId] = Counter()
        """How often something was heard of a run: what was read meanwhile is not kept."""
        engine.watch(self._hear)
        engine.watch_erasures(self._forget)

    async def of_account(self, account: AccountId) -> list[Progress]:
        """All of an account's missions."""
        if account not in self._runs:
            self._runs[account] = {}
            self._runs[account] |= {run: None async for run in self._look_for(account)}
        found = []
        for run in list(self._runs[account]):
            if run not in self._known:
                await asyncio.sleep(0)  # to read many takes a while, and others are at work here
            found.append(await self._readable(account, run))
        return [one for one in found if one is not None]

    def follows(self, account: AccountId, run: RunId) -> bool:
        """Whether a run is known to be a mission."""
        return run in self._of(account)

    async def of_run(self, account: AccountId, run: RunId) -> Progress | None:
        """The mission that a run is; none where it is none, or was erased."""
        progress = await self._read(account, run)
        return None if progress is None else self._as_it_is(progress)

    def _as_it_is(self, progress: Progress) -> Progress:
        """One that stood still goes on without a word where it was taken up at its gate again, which waits as before.

        Whoever starts the process takes all of them up, so the engine knows of each that stands still. A full history
        has no room for the next word, and is found full only by whoever says it.
        """
        if progress.parked is None or progress.parked.code == RunFull.code or progress.run in self._engine.parked:
            return progress
        return replace(progress, parked=None)

    async def _read(self, account: AccountId, run: RunId) -> Progress | None:
        if run in self._known and run in self._of(account):
            return self._known[run]
        news, is_followed = self._news[run], run in self._of(account)
        events = await self._ledger.run(Chain(account=account, run_id=run))
        read = [(event.header, await read_known(self._ledger, event)) for event in events]
        history = [Happened(header.ts, header.actor, fact) for header, fact in read if fact is not None]
        progress = Progress.read(run, history)
        if progress is not None and is_followed and news == self._news[run]:
            self._known[run] = progress
        return progress

    async def _readable(self, account: AccountId, run: RunId) -> Progress | None:
        """One that cannot be read costs nobody the others."""
        try:
            return await self.of_run(account, run)
        except HaloopError as error:
            log.warning("a mission cannot be read", extra={"run": run, "code": error.code})
            return None

    async def _look_for(self, account: AccountId) -> AsyncIterator[RunId]:
        before: int | None = None
        while page := await self._ledger.runs(account, before=before, limit=_PAGE):
            for listed in page:
                started = await read_known(self._ledger, listed.first)
                if isinstance(started, RunStarted) and is_mission(started):
                    yield RunId(listed.first.header.run_id)
            before = page[-1].first.index

    def _of(self, account: AccountId) -> dict[RunId, None]:
        return self._runs.get(account, {})

    def _hear(self, account: AccountId, run: RunId, fact: Fact) -> None:
        if isinstance(fact, RunStarted) and is_mission(fact):
            self._of(account)[run] = None
        if run in self._of(account):
            self._news[run] += 1
            self._known.pop(run, None)

    def _forget(self, account: AccountId, run: RunId) -> None:
        self._of(account).pop(run, None)
        self._known.pop(run, None)
        self._news[run] += 1
