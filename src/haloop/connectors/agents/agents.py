"""Agents behind their port: each attempt gets a folder and a sandbox, and what it leaves is looked at, never believed.

So many are at work at once, in turns. An agent that asks for something stays where it is, until the answer comes or
its sandbox ends; it gives its turn away meanwhile, and its sandbox too, once, where all there may be are taken: then
it is asked anew once there is an answer, and told that. Whatever happens, an attempt that is over leaves its log, the
yeses that it was given, and nothing else.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haloop.connectors.agents.changes import kept, told_of
from haloop.connectors.agents.program import sandbox_name, work_of
from haloop.connectors.agents.prompts import Prompts
from haloop.connectors.agents.session import Driver, Ended, Session
from haloop.connectors.agents.switch import STOPPED, Stopped, Switch
from haloop.connectors.agents.workplace import Workplace, Wrong
from haloop.connectors.gateway.gateway import Gateway, Line
from haloop.connectors.gateway.inside import NO_WAY
from haloop.connectors.turns import Turns
from haloop.kernel.connector import Connector
from haloop.kernel.failure import Permanent, StepFault
from haloop.ports.agents import Agents, Asks, AttemptId, Fell, Made, RunFiles, Task, Worked
from haloop.ports.sandboxes import End, Over, Sandbox, Sandboxes

SANDBOX = "sandbox"
"""What a step waits its turn for."""

_log = logging.getLogger(__name__)
_PIECE = 64 * 1024
_THERE_OF_EACH_TURN_MAX = 2
"""Sandboxes: one at work, and one where an agent waits that gave way before."""
_SECONDS_TO_END = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _AtWork:
    """One attempt that is not over."""

    account: str
    run: str
    name: str
    place: Workplace
    sandbox: Sandbox
    session: Session
    complaints: asyncio.Task[None]
    """Takes what it writes to its standard error into the log."""
    line: Line | None
    """Its way to a model, where it asks one."""


class SandboxedAgents:
    """All the agents there are, each by its name."""

    def __init__(
        self,
        drivers: Mapping[str, Driver],
        *,
        missions: Path,
        files: RunFiles,
        sandboxes: Sandboxes,
        prompts: Prompts,
        at_once_max: int,
        gateway: Gateway,
    ) -> None:
        self._drivers = drivers
        self._missions = missions
        self._files = files
        self._sandboxes = sandboxes
        self.prompts = prompts
        self._at_once_max = at_once_max
        self._turns = Turns(SANDBOX, at_once_max=at_once_max)
        self._gateway = gateway
        self._waiting: dict[AttemptId, _AtWork] = {}
        """Those that asked for something, the one that waits longest first; none of them has a turn."""
        self._called: set[AttemptId] = set()
        """Those that are asked to work or in the queue for it: whoever of them waited has its answer."""
        self._gave_way: Counter[str] = Counter()
        """How often the agent that is at a run's step did."""
        self._there: set[str] = set()
        """The names of the sandboxes there are."""
        self._ending: dict[AttemptId, asyncio.Task[None]] = {}
        """Those that are being ended, until nothing of them is there."""
        self._watches: set[asyncio.Task[None]] = set()
        self._switch = Switch()

    async def work(self, task: Task) -> Worked:
        """Whoever has its answer and still its sandbox goes first: it takes up room."""
        self._called.add(task.attempt)
        try:
            async with (
                self._switch.until_stopped(task.account),
                self._turns.turn(task.account, is_first=task.attempt in self._waiting),
            ):
                return await self._worked(task)
        except Stopped as stopped:
            return Fell(reason=str(stopped), exit_code=None, sandbox="")
        finally:
            self._called.discard(task.attempt)

    async def _worked(self, task: Task) -> Worked:
        at_work = self._waiting.pop(task.attempt, None) or await self._begin(task)
        try:
            came = await at_work.session.go_on(task.permissions)
            if isinstance(came, Asks):
                self._waiting[task.attempt] = at_work
                return came
            return await self._taken(task, at_work, came)
        finally:
            if task.attempt not in self._waiting:
                self._gave_way.pop(task.run, None)
                await self._ended(task.attempt, self._end(at_work))

    async def let_go(self, attempt: AttemptId) -> None:
        if at_work := self._waiting.pop(attempt, None):
            await self._ended(attempt, self._end(at_work))

    async def let_go_of(self, run: str) -> None:
        """A run is over: whoever waits in it for an answer is told none."""
        self._gave_way.pop(run, None)
        for attempt in [attempt for attempt, at_work in self._waiting.items() if at_work.run == run]:
            await self._let_be(attempt)

    async def stop(self, account: str) -> None:
        """Whatever agents do for an account ends: their calls at once, and who waits for an answer is told it anew."""
        self._gateway.stop(account, STOPPED)
        self._switch.stop(account)
        waiting = [attempt for attempt, at_work in self._waiting.items() if at_work.account == account]
        await asyncio.gather(*map(self._let_be, waiting))

    async def names(self) -> Sequence[str]:
        return sorted(self._drivers)

    async def close(self) -> None:
        """End those that wait for an answer, which begin anew and are told it then, and see all to their end."""
        for attempt in list(self._waiting):
            await self._let_be(attempt)
        if self._ending:
            await asyncio.wait(self._ending.values())

    async def _begin(self, task: Task) -> _AtWork:
        driver = self._drivers.get(task.agent)
        if driver is None:
            raise Permanent(f"There is no agent {task.agent}; there are {', '.join(sorted(self._drivers))}.")
        name, place = sandbox_name(task), Workplace(self._missions, task)
        if ending := self._ending.get(task.attempt):  # it would take away what begins now under the same name
            await asyncio.wait({ending})
        await self._make_room()
        self._there.add(name)
        line: Line | None = None
        try:
            await place.lay_out(self._files)
            program = driver.program(task)
            if program.model is not None:
                line = await self._gateway.open(program.model, task)
            sandbox = await self._sandboxes.start(work_of(program.on(line) if line else program, task, place))
            session = await driver.session(sandbox, place, task, self.prompts.text(task))
        except BaseException:
            await self._ended(task.attempt, self._cleared(name, place, line))
            raise
        complaints = asyncio.create_task(place.log.take(sandbox.complains))
        at_work = _AtWork(
            account=task.account,
            run=task.run,
            name=name,
            place=place,
            sandbox=sandbox,
            session=session,
            complaints=complaints,
            line=line,
        )
        self._watch(self._end_with_its_sandbox(task.attempt, at_work))
        if line is not None:
            line.door.spent.add_done_callback(lambda _: self._watch(_stopped_alone(sandbox)))
        return at_work

    def _watch(self, watching: Coroutine[None, None, None]) -> None:
        watch = asyncio.create_task(watching)
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)

    async def _make_room(self) -> None:
        """Where there are as many sandboxes as may be at work, one whose agent waits for an answer gives way."""
        while len(self._there) >= self._at_once_max:
            if (attempt := self._next_to_give_way()) is not None:
                self._gave_way[self._waiting[attempt].run] += 1
                await self._let_be(attempt)
            elif self._ending:
                await asyncio.wait(self._ending.values(), return_when=asyncio.FIRST_COMPLETED)
            else:
                return

    def _next_to_give_way(self) -> AttemptId | None:
        """Who waits longest and never did; one that did before would get nowhere, and does only beyond all bounds."""
        waiting = [attempt for attempt in self._waiting if attempt not in self._called]
        gave_way = {attempt: self._gave_way[self._waiting[attempt].run] for attempt in waiting}
        first = min(waiting, key=gave_way.__getitem__, default=None)
        is_full = len(self._there) >= _THERE_OF_EACH_TURN_MAX * self._at_once_max
        return first if first is not None and (is_full or not gave_way[first]) else None

    async def _let_be(self, attempt: AttemptId) -> None:
        try:
            await self.let_go(attempt)
        except (StepFault, OSError) as fault:  # nobody waits for it any more; the next start takes it away
            _log.warning("an attempt that is over goes on", extra={"run": attempt, "code": type(fault).__name__})

    async def _taken(self, task: Task, at_work: _AtWork, ended: Ended) -> Made | Fell:
        """What it left, kept for its run, once nothing of it can change that any more."""
        over = await _stopped(at_work)
        exit_code = None if over.end is End.STOPPED else over.exit_code  # how we ended it says nothing of it
        reason = _why_nothing_counts(at_work, exit_code) or ended.reason
        left, use = Wrong(reason) if reason else at_work.place.left(), at_work.line.use if at_work.line else None
        changed = None if isinstance(left, Wrong) else await at_work.place.changed()
        if not isinstance(left, Wrong) and not isinstance(changed, Wrong):
            left = await asyncio.to_thread(told_of, task, left, changed)
        for wrong in (left, changed):
            if isinstance(wrong, Wrong):
                at_work.place.log.say(wrong.reason)
                return Fell(reason=wrong.reason, exit_code=exit_code, sandbox=at_work.sandbox.id, use=use)
        assert isinstance(left, bytes)
        assert not isinstance(changed, Wrong)
        change = None if changed is None else await kept(self._files, task, changed)
        artifact = await self._files.keep(task.account, task.run, task.output, left)
        return Made(artifact=artifact, exit_code=exit_code, sandbox=at_work.sandbox.id, change=change, use=use)

    async def _end_with_its_sandbox(self, attempt: AttemptId, at_work: _AtWork) -> None:
        """Whoever waits for an answer waits no longer than the sandbox may live."""
        with suppress(StepFault):  # nobody can say any more whether it lives: it waits for nothing then
            await at_work.sandbox.over()
        if self._waiting.get(attempt) is at_work:
            await self._let_be(attempt)

    async def _ended(self, attempt: AttemptId, end: Coroutine[Any, Any, None]) -> None:
        """End it to the last, also where whoever asked for that asks no more."""
        ending = self._ending[attempt] = asyncio.create_task(end)
        ending.add_done_callback(lambda _: self._ending.pop(attempt, None))
        await asyncio.shield(ending)

    async def _end(self, at_work: _AtWork) -> None:
        try:
            await _stopped(at_work)
        finally:
            await self._cleared(at_work.name, at_work.place, at_work.line)

    async def _cleared(self, name: str, place: Workplace, line: Line | None) -> None:
        """Each of it goes, also where another will not."""
        async with AsyncExitStack() as last_first:
            last_first.callback(self._there.discard, name)
            last_first.push_async_callback(place.clear)
            if line is not None:
                last_first.push_async_callback(line.close)
            try:
                await self._sandboxes.remove(name)
            except StepFault as fault:  # what it made counts all the same, and the next start finds what is left
                _log.warning("a sandbox could not be removed", extra={"code": type(fault).__name__})


def _why_nothing_counts(at_work: _AtWork, exit_code: int | None) -> str:
    """Where its model was refused it was cut short, whatever lies there."""
    if at_work.line is None:
        return ""
    if exit_code == NO_WAY and not at_work.line.was_reached:
        return "It reaches no model: nothing in its image carries its calls, for which it needs python3 or socat."
    return at_work.line.spent


async def _stopped_alone(sandbox: Sandbox) -> None:
    """It would only ask again and again."""
    await sandbox.stop()


async def _stopped(at_work: _AtWork) -> Over:
    """Stop it, and read on meanwhile: a program whose words nobody takes does not end."""
    await at_work.session.close()
    rest = asyncio.create_task(_passed_over(at_work.sandbox.talks))
    over = await at_work.sandbox.stop()
    await asyncio.wait({rest, at_work.complaints}, timeout=_SECONDS_TO_END)
    rest.cancel()
    at_work.complaints.cancel()
    return over


async def _passed_over(stream: asyncio.StreamReader) -> None:
    while await stream.read(_PIECE):
        pass


def sandboxed_agents(agents: SandboxedAgents) -> Connector:
    """Them behind the port: what they do stays on this machine."""
    return Connector(port=Agents, speaks=agents, name="agents", leaves=False)
