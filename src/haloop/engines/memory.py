"""Which runs are in memory, and how the others come back.

A run is in memory while something happens to it, and a few more for as long as there is room. Parked runs are
their history and, at most, a timer. When a process starts, whatever was under way is taken up before anything
else; of the runs that only wait, the ledger's index says so, and their timers are read while work goes on.
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress

from haloop.engines.accounts import Accounts
from haloop.engines.at import durable
from haloop.engines.live_run import LiveRun
from haloop.engines.reading import only_waits, open_gate, read_event, waits_until
from haloop.engines.stuck import StuckRun
from haloop.engines.world import World
from haloop.kernel.errors import HaloopError, NoRoom, NotFound
from haloop.kernel.fact import RunEnded
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import RUN_ENDED, Chain, OpenRun

_TRY_AGAIN = 60_000_000
_READ_AT_ONCE = 20
"""How many timers are read before others have their turn."""
_LOOKED_AT_MIN = 8
"""So many runs are looked at where one more comes than there is room for; enough to find one that only waits."""


class Memory:
    """The runs of one engine."""

    def __init__(self, world: World, accounts: Accounts, *, live_max: int) -> None:
        self._world = world
        self._ledger = world.ledger
        self._accounts = accounts
        self._live_max = live_max
        self._live: OrderedDict[RunId, LiveRun] = OrderedDict()
        self._account_of: dict[RunId, AccountId] = {}
        self._waking: dict[tuple[AccountId, RunId], asyncio.Future[LiveRun]] = {}
        self._unread: dict[RunId, OpenRun] = {}
        """Runs that only wait, and nobody has looked yet until when."""
        self._watchers: dict[RunId, list[asyncio.Future[RunEnded | None]]] = {}
        self.parked: dict[RunId, HaloopError] = {}
        """Runs that cannot go on, each with the reason."""

    # Coming and going

    def knows(self, run: RunId) -> bool:
        """Whether a run has begun and not ended, as far as this process has heard."""
        return run in self._account_of

    def account_of(self, run: RunId) -> AccountId:
        return self._account_of[run]

    def get(self, run: RunId) -> LiveRun | None:
        """The run, if it is in memory."""
        return self._live.get(run)

    def keep(self, live: LiveRun) -> None:
        if len(self._live) >= self._live_max:
            self._let_go()
        self._account_of[live.id] = live.account.id
        self._live[live.id] = live

    def forget(self, run: RunId) -> None:
        """A run is over."""
        for known in (self._live, self._account_of, self.parked):
            known.pop(run, None)

    def park(self, run: RunId, error: HaloopError) -> None:
        """A run cannot go on."""
        self._live.pop(run, None)
        self.parked[run] = error.with_traceback(None)  # a traceback would keep all of the run in memory
        if isinstance(error, NoRoom):  # nobody is told when there is room again
            self._world.timers.set(run, "", self._world.now() + _TRY_AGAIN)
        self._tell(run, None)

    def end(self, run: RunId, fact: RunEnded) -> None:
        """A run has ended."""
        self.forget(run)
        self._tell(run, fact)

    async def ended(self, account: AccountId, run: RunId) -> RunEnded:
        """Wait for the end of a run; a parked one raises the reason why it cannot go on."""
        while True:
            if not (run in self._live and self._live[run].account.id == account):
                chain = Chain(account=account, run_id=run)
                if (await self._ledger.head(chain)).run_seq == 0:
                    raise NotFound(f"There is no run {run}.")
                if await self._ledger.has_ended(chain):
                    return await self._last_fact(account, run)
                if run in self.parked:
                    raise self.parked[run]
            waiter: asyncio.Future[RunEnded | None] = asyncio.get_running_loop().create_future()
            self._watchers.setdefault(run, []).append(waiter)
            try:
                ended = await waiter
            finally:
                self._forget_waiter(run, waiter)
            if ended is not None:
                return ended

    @property
    def is_quiet(self) -> bool:
        """Whether every run only waits."""
        return not self._waking and all(live.is_quiet for live in self._live.values())

    # Waking

    async def wake(self, account: AccountId, run: RunId) -> LiveRun:
        """The run in memory, read from its history if it is not there; raises why it cannot go on."""
        live = self._live.get(run)
        if live is not None and live.account.id == account:
            self._live.move_to_end(run)
            return _able(live)
        if (account, run) in self._waking:
            return await asyncio.shield(self._waking[account, run])
        waking = self._waking[account, run] = asyncio.get_running_loop().create_future()
        try:
            live = await self._restore(account, run)
        except BaseException as error:
            waking.set_exception(error)
            waking.exception()  # whoever else waits hears it; nobody need
            raise
        else:
            waking.set_result(live)
            return live
        finally:
            del self._waking[account, run]

    async def stuck(self, account: AccountId, run: RunId) -> StuckRun:
        """What is left of a run that could not be woken, once it has said why."""
        while (stopping := self._live.get(run)) is not None and stopping.fault is not None:
            await durable(stopping)
            await asyncio.sleep(0)
        return await StuckRun.read(await self._accounts.of(account), run, self._world)

    def on_time(self, run: RunId, at: str) -> None:
        """A timer fired."""
        live = self._live.get(run)
        if live is not None:
            live.on_time(at)
        else:
            self.wake_soon(run, at)

    def wake_soon(self, run: RunId, at: str) -> None:
        """Something has come for a run."""
        self._world.tasks.spawn(self._wake_for(run, at))

    async def _wake_for(self, run: RunId, at: str) -> None:
        account = self._account_of.get(run)
        if account is not None:
            await self._try_to_wake(account, run)
            live = self._live.get(run)
            if live is not None and live.fault is None:
                live.on_time(at)

    async def _restore(self, account: AccountId, run: RunId) -> LiveRun:
        events = await self._ledger.run(Chain(account=account, run_id=run))
        if not events:
            raise NotFound(f"There is no run {run}.")
        history = [(await read_event(self._ledger, event), event.parts, event.header.ts) for event in events]
        live = LiveRun(run, await self._accounts.of(account), self._world)
        self._unread.pop(run, None)
        self.parked.pop(run, None)
        self.keep(live)
        live.restore(events[-1].head, history)
        if events[-1].header.kind == RUN_ENDED:
            self.forget(run)  # it is looked at, and will not go on
        if live.fault is not None:
            await durable(live)  # the reason stands in its history before anybody hears of it
        return _able(live)

    async def _try_to_wake(self, account: AccountId, run: RunId) -> None:
        try:
            await self.wake(account, run)
        except HaloopError as error:
            if run not in self._live and run not in self.parked:  # it could not even be read
                self.park(run, error)

    def _let_go(self) -> None:
        """Let the runs leave memory that have waited longest; one at work is looked at again after all the others."""
        for run in list(self._live)[: max(_LOOKED_AT_MIN, self._live_max // 8)]:
            if self._live[run].is_quiet:
                self._live.pop(run).leave()
            else:
                self._live.move_to_end(run)

    def _forget_waiter(self, run: RunId, waiter: "asyncio.Future[RunEnded | None]") -> None:
        """Whoever no longer waits is not kept."""
        waiting = self._watchers.get(run, [])
        if waiter in waiting:
            waiting.remove(waiter)
        if not waiting:
            self._watchers.pop(run, None)

    def _tell(self, run: RunId, ended: RunEnded | None) -> None:
        for waiter in self._watchers.pop(run, ()):
            if not waiter.done():
                waiter.set_result(ended)

    async def _last_fact(self, account: AccountId, run: RunId) -> RunEnded:
        events = await self._ledger.run(Chain(account=account, run_id=run))
        for event in reversed(events):
            fact = await read_event(self._ledger, event)
            if isinstance(fact, RunEnded):
                return fact
        raise NotFound(f"{run} has not ended.")

    # A new process

    async def take_up(self) -> None:
        """Find every run that has not ended, and take up what was under way."""
        for run in list(self._ledger.open_runs()):
            account, name = run.chain.account, run.chain.run_id
            self._account_of[name] = account
            await self._accounts.of(account)
            if not only_waits(run) or self._went_back_since(run.ts):
                await self._try_to_wake(account, name)
                continue
            self._unread[name] = run
            gate = open_gate(run)
            if gate is not None:
                self._world.gates.add(account, gate)
        if self._unread:
            self._world.tasks.spawn(self._read_timers())

    async def _read_timers(self) -> None:
        """Look until when each of the others waits; whoever is woken meanwhile sets its own timer."""
        for number, name in enumerate(list(self._unread)):
            if self._world.is_closing:
                return
            run = self._unread.pop(name, None)
            if run is not None:
                await self._read_timer(run)
            if number % _READ_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._world.timers.look()

    async def _read_timer(self, run: OpenRun) -> None:
        account, name = run.chain.account, run.chain.run_id
        waits = None
        with suppress(HaloopError):  # what cannot be read is woken, and then parked with the reason
            begun, until = await waits_until(self._ledger, run)
            self._world.procedure(*begun)
            waits = until
        if waits is None:
            await self._try_to_wake(account, name)
        else:
            self._world.timers.set(name, waits.at, waits.until)

    def _went_back_since(self, ts: int) -> bool:
        back = self._ledger.went_back
        return back is not None and ts <= back.since


def _able(live: LiveRun) -> LiveRun:
    """A run that can go on, or the reason why it cannot."""
    if live.fault is not None:
        raise live.fault
    return live
