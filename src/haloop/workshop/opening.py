"""The workshop as a home's settings have it: who does the steps of missions, where, and with which files."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any, Self

from haloop.connectors.agents.agents import SandboxedAgents, sandboxed_agents
from haloop.connectors.agents.agents_file import read_agents
from haloop.connectors.agents.prompts import Prompts
from haloop.connectors.agents.workplace import swept
from haloop.connectors.gateway import gateway
from haloop.connectors.gateway.gateway import Gateway
from haloop.connectors.gateway.prices import Prices
from haloop.connectors.gateway.providers import Provider, Upstream
from haloop.connectors.projects.repositories import Repositories, linked_repositories
from haloop.connectors.sandboxes.room import at_once, memory_bytes
from haloop.desks.missions.mission import mission_of
from haloop.engines.local import LocalEngine
from haloop.kernel.connector import Connector
from haloop.kernel.fact import Fact, RunEnded
from haloop.kernel.ids import AccountId, RunId
from haloop.ports.agents import RunFiles
from haloop.ports.models import Budget, Spending
from haloop.ports.sandboxes import Sandboxes
from haloop.settings import Settings
from haloop.store.model_use import AgentUse
from haloop.store.sqlite import SqliteLedger
from haloop.workshop.files import LedgerFiles
from haloop.workshop.folder import FOLDER, MissionFolders
from haloop.workshop.linking import LinkedProject
from haloop.workshop.missions import Missions

log = logging.getLogger("haloop.workshop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What the missions desk works with."""

    settings: Settings
    files: LedgerFiles
    agents: SandboxedAgents
    spending: Spending

    @property
    def connectors(self) -> Sequence[Connector]:
        run_files = Connector(port=RunFiles, speaks=self.files, name="run files", leaves=False)
        return [sandboxed_agents(self.agents), run_files, linked_repositories(Repositories(self.files))]

    @asynccontextmanager
    async def serving(self, ledger: SqliteLedger, engine: LocalEngine, *, keeper: AccountId) -> AsyncIterator[Missions]:
        """The missions of an engine that has begun; their folders are kept up to date until the end of the block."""
        self.files.begin(ledger, engine)
        missions = Missions(
            ledger=ledger,
            engine=engine,
            files=self.files,
            home=self.settings.home,
            project=LinkedProject(self.settings.home).now,
            spending=self.spending,
            keeper=keeper,
        )
        async with _Endings() as endings, MissionFolders(missions).kept():

            def hear(_account: AccountId, run: RunId, fact: Fact) -> None:
                if isinstance(fact, RunEnded):
                    endings.begin(self._let_go_of(run))

            def stop(account: AccountId) -> None:
                endings.begin(self.agents.stop(account))

            engine.watch(hear)
            engine.watch_stops(stop)
            try:
                yield missions
            finally:
                engine.unwatch_stops(stop)
                engine.unwatch(hear)

    async def _let_go_of(self, run: RunId) -> None:
        await self.agents.let_go_of(run)
        await swept(self.settings.home / FOLDER / mission_of(run))


class _Endings:
    """What agents were at, as it ends beside all else: a mistake of ours there ends nothing but itself."""

    def __init__(self) -> None:
        self._going: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._going, return_exceptions=True)

    def begin(self, ending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(ending)
        self._going.add(task)
        task.add_done_callback(self._notice_end)

    def _notice_end(self, task: "asyncio.Task[None]") -> None:
        self._going.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("what an agent was at has not ended well", exc_info=error, extra={"code": type(error).__name__})


@asynccontextmanager
async def open_workshop(
    settings: Settings, sandboxes: Sandboxes, upstreams: Mapping[Provider, Upstream]
) -> AsyncIterator[Workshop]:
    """The workshop of a home, until the end of the block; agents that wait for an answer then are let go."""
    run_files = LedgerFiles()
    for_day = Budget(tokens=settings.gateway_tokens_max, usd=settings.gateway_usd_max)
    with (
        as_file(files("haloop.desks.missions").joinpath("prompts")) as prompts,
        AgentUse.opened(settings.home, for_day=for_day) as spending,
    ):
        agents = SandboxedAgents(
            read_agents(settings.agents_file, is_near=settings.sandbox_provider != "kubernetes"),
            missions=settings.home / FOLDER,
            files=run_files,
            sandboxes=sandboxes,
            prompts=Prompts(prompts),
            at_once_max=at_once(settings.sandbox_at_once, memory_bytes()),
            gateway=Gateway(
                upstreams,
                folder=settings.home / gateway.FOLDER,
                spending=spending,
                prices=Prices.read(settings.gateway_prices_file),
            ),
        )
        try:
            yield Workshop(settings=settings, files=run_files, agents=agents, spending=spending)
        finally:
            await agents.close()
