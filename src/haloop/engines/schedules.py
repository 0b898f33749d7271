"""Procedures that run by the clock: each nominal time once, for each thing there is to do.

A schedule is switched on for an account, and that is a fact. When its time comes, the port operation it runs
`over` says what there is to do, and each gets a run whose name is made of the schedule, the nominal time and
the thing, so that a crash in the middle begins no run twice. What was missed while nothing ran is made up for
once, for the newest missed time. Zones and their changes are the schedule's own business (`Daily`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, get_args

from haloop.engines.timekeeper import Timekeeper
from haloop.engines.timers import Timers
from haloop.kernel import values
from haloop.kernel.account import Account
from haloop.kernel.canonical import Canonical
from haloop.kernel.clock import as_datetime
from haloop.kernel.connector import Connectors
from haloop.kernel.errors import BadProcedure, HaloopError
from haloop.kernel.fact import Fact, ScheduleFired, ScheduleSet
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.operation import step_op
from haloop.kernel.procedure import Procedure, Request

_AGAIN = 60_000_000
_AGAIN_MAX = 3_600_000_000


class Host(Protocol):
    """What schedules need of their engine."""

    async def account(self, account: AccountId) -> Account: ...

    async def start_scheduled(self, account: AccountId, request: Request[Any], *, by: str, key: str) -> RunId: ...

    async def record(self, account: AccountId, fact: Fact, *, by: str, claim: bytes | None = None) -> int: ...


class Schedules:
    """The schedules of all accounts."""

    def __init__(
        self,
        host: Host,
        *,
        procedures: Sequence[tuple[str, Procedure[..., Any]]],
        connectors: Connectors,
        time: Timekeeper,
        spawn: Callable[[Any], object],
    ) -> None:
        self._host = host
        self._procedures = {f"{desk}.{one.name}": one for desk, one in procedures if one.every is not None}
        self._connectors = connectors
        self._time = time
        self._spawn = spawn
        self._tries: dict[tuple[AccountId, str], int] = {}
        """How often in a row a schedule could not begin all there was to do."""
        self.timers = Timers(time, self._due)

    @property
    def exist(self) -> bool:
        """Whether any desk lists a procedure that runs by the clock."""
        return bool(self._procedures)

    async def switch(self, account: AccountId, name: str, *, on: bool, by: str) -> None:
        """Switch a schedule on or off for an account."""
        self._procedure(name)
        await self._host.record(account, ScheduleSet(schedule=name, on=on), by=by)
        await self.take_up(account)

    async def take_up(self, account: AccountId) -> None:
        """Set the next time of each of an account's schedules."""
        for name in (await self._host.account(account)).schedules:
            await self._set_next(account, name)

    async def _set_next(self, account: AccountId, name: str) -> None:
        state = (await self._host.account(account)).schedules[name]
        if state.on and name in self._procedures:
            self.timers.set(RunId(account), name, _microseconds(self._next(name, state.since)))
        else:
            self.timers.clear(RunId(account), name)

    def _due(self, account: RunId, name: str) -> None:
        self._spawn(self._fire(AccountId(account), name))

    async def _fire(self, account: AccountId, name: str) -> None:
        """Begin the runs of the newest nominal time that has passed; what cannot be begun now is tried again."""
        state = (await self._host.account(account)).schedules[name]
        nominal = self._newest(name, state.since)
        problem = await self._begin(account, name, nominal)
        fact = ScheduleFired(schedule=name, nominal=_microseconds(nominal), problem=problem)
        try:
            if not problem or problem != state.problem:
                await self._host.record(account, fact, by="kernel")
        except HaloopError as error:  # it is not known to have fired, and begins no run twice
            problem = error.sentence
        if problem:
            self._try_again(account, name)
        else:
            self._tries.pop((account, name), None)
            await self._set_next(account, name)

    async def _begin(self, account: AccountId, name: str, nominal: datetime) -> str:
        """Begin a run for each thing there is to do; why that could not be done, if so."""
        procedure = self._procedure(name)
        try:
            for item in await self._items(procedure):
                request: Request[Any] = Request(procedure=procedure, arguments=item)
                key = f"{name} {nominal.isoformat()} {values.digest(item)}"
                await self._host.start_scheduled(account, request, by=f"schedule:{name.lower()}", key=key)
        except HaloopError as error:
            return error.sentence[:500] or error.code
        except Exception as error:  # noqa: BLE001  # connector code: what there is to do could not be asked
            return f"The connector raised {type(error).__name__}."
        return ""

    def _try_again(self, account: AccountId, name: str) -> None:
        """After a minute, then longer and longer; a newer nominal time takes the place of this one."""
        tries = self._tries[account, name] = self._tries.get((account, name), 0) + 1
        wait = min(_AGAIN * 2 ** (tries - 1), _AGAIN_MAX)
        self.timers.set(RunId(account), name, self._time.now() + wait)

    async def _items(self, procedure: Procedure[..., Any]) -> list[dict[str, Canonical]]:
        """The arguments of each run there is to begin."""
        if procedure.over is None:
            return [{}]
        operation = step_op(procedure.over)
        (parameter,) = procedure.parameters.types
        found = await self._connectors.step(operation)()
        (kind,) = get_args(operation.parameters.result) or (procedure.parameters.types[parameter],)
        return [{parameter: values.plain(kind, item)} for item in found]

    def _newest(self, name: str, since: int) -> datetime:
        """The newest nominal time that is not in the future."""
        nominal, now = self._next(name, since), as_datetime(self._time.now())
        while (later := self._next_after(name, nominal)) <= now:
            nominal = later
        return nominal

    def _next(self, name: str, since: int) -> datetime:
        return self._next_after(name, as_datetime(since))

    def _next_after(self, name: str, moment: datetime) -> datetime:
        every = self._procedure(name).every
        if every is None:
            raise BadProcedure(f"{name} runs by no clock.", code="schedule.none")
        return every.next_after(moment)

    def _procedure(self, name: str) -> Procedure[..., Any]:
        if name not in self._procedures:
            raise BadProcedure(f"No desk lists a procedure {name} that runs by the clock.", code="schedule.none")
        return self._procedures[name]


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000
