"""A run in memory: its coroutine, what stands at each position, and its place in the ledger.

Live and replay are one path. A fact is noted, which means that it goes into the outbox and takes hold at its
position at once; a fact that is read back takes hold in the same way. Whatever a call is answered with comes
from a fact, and after each answer the procedure is driven on, so the order of the facts is the order in which
the procedure heard of them. What was noted in one go is handed to the ledger in one append.

A run that cannot go on stops: it drops what it waits for, sees through what has left the house, says why in its
history, and leaves memory. Whoever wakes it later begins again from the history.
"""

from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from haloop.engines.at import At
from haloop.engines.at_effect import AtEffect
from haloop.engines.at_gate import AtGate
from haloop.engines.at_rest import AtRecord, AtSleep, AtStart, AtWait
from haloop.engines.at_step import AtStep
from haloop.engines.at_undo import AtUndo
from haloop.engines.ending import ending, successor_id
from haloop.engines.world import Heard, World
from haloop.kernel.account import Account
from haloop.kernel.clock import as_datetime
from haloop.kernel.drive import Drive, Made, Position
from haloop.kernel.errors import BadProcedure, Diverged, HaloopError, Refused, RunOver
from haloop.kernel.fact import (
    ArtifactAdded,
    ChildStarted,
    Fact,
    RunCancelling,
    RunEnded,
    RunParked,
    RunQueued,
    RunStarted,
)
from haloop.kernel.gate import GateId, gate_id
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import START, Chain, Entry, Head, Pending
from haloop.kernel.procedure import Request
from haloop.kernel.run import (
    EffectCall,
    Ended,
    GateCall,
    RecordCall,
    Run,
    RunCall,
    SleepCall,
    StartCall,
    StepCall,
    UndoCall,
    WaitCall,
)

_KINDS: Mapping[type[RunCall[Any]], Callable[..., At]] = {
    StepCall: AtStep,
    GateCall: AtGate,
    EffectCall: AtEffect,
    UndoCall: AtUndo,
    SleepCall: AtSleep,
    WaitCall: AtWait,
    StartCall: AtStart,
    RecordCall: AtRecord,
}


class Act(NamedTuple):
    """What waits until something is durable."""

    do: Callable[[], None]
    otherwise: Callable[[], None] | None


class LiveRun:
    """One run while it is in memory."""

    def __init__(self, run: RunId, account: Account, world: World) -> None:
        self.id = run
        self.account = account
        self.world = world
        self.cancelling = False
        self.ended: RunEnded | None = None
        self.started: RunStarted | None = None
        self.children: dict[RunId, ChildStarted] = {}
        self._chain = Chain(account=account.id, run_id=run)
        self._head: Head = START
        self._drive = Drive()
        self._at: dict[Position, At] = {}
        self.gates: list[AtGate] = []
        self.effects: list[AtEffect] = []
        self._queue: deque[At] = deque()
        self._noted: list[tuple[Fact, Entry]] = []
        self._after: list[Act] = []
        self._first: Pending | None = None
        self._last: Pending | None = None
        self._gates = 0
        self._ts = 0
        self._over: tuple[Any, BaseException | None] | None = None
        self._successor: RunId | None = None
        self._untold: set[RunId] | None = None
        """Children that go down with this run and do not know of it yet."""
        self._unheard = 0
        """Appends of which it is not known yet whether they are durable."""
        self._waiting_acts = 0
        self._elsewhere = 0
        """What is being done for it by others."""
        self._is_replaying = False
        self._has_left = False
        self._lost: HaloopError | None = None
        self._parked_for = ""
        self._may_say_so = False
        """Whether its history has begun and not ended, so that it may say there that it stops."""
        self.fault: HaloopError | None = None
        """Why it cannot go on."""

    # From outside

    def start(self, fact: RunStarted, actor: str) -> None:
        """Begin a run that never was."""
        self.work(lambda: self.note(fact, actor=actor))

    def restore(self, head: Head, facts: Sequence[tuple[Fact, Mapping[str, bytes], int]]) -> None:
        """Take a run up again from its history, and go on where it stood."""
        self._head = head
        newest = facts[-1][0]
        self._parked_for = newest.code if isinstance(newest, RunParked) else ""
        self._may_say_so = not isinstance(newest, RunEnded)
        self.work(lambda: self._take_up(facts))

    def replay(self, facts: Iterable[tuple[Fact, Mapping[str, bytes], int]]) -> None:
        """Let each fact take hold as it did the first time; nothing is noted and nobody hears of it."""
        self._is_replaying = True
        for fact, hashes, ts in facts:
            self._ts = ts
            self._take(fact)
            self._recorded(fact, hashes, ts)
            self._drive_on()

    def waits_for(self) -> list[str]:
        """The calls that have no answer yet, each with its position and the digest of its arguments."""
        open_ones = [at for at in self._at.values() if not at.is_over and not at.is_dropped]
        return [f"{at.at} {at.what} {at.args}" for at in open_ones]

    def ask(self, act: Callable[[], None]) -> None:
        """Somebody wants something of the run: a refusal is theirs to hear, and leaves the run as it was."""
        refused: HaloopError | None = None

        def try_it() -> None:
            nonlocal refused
            try:
                act()
            except HaloopError as error:
                if self._noted:
                    raise
                refused = error

        self.work(try_it)
        if refused is not None:
            raise refused

    def work(self, act: Callable[[], None]) -> None:
        """Something happened outside: let it take hold, drive the run on, and record what came of it."""
        try:
            act()
            if self.fault is None and self.ended is None:
                self._settle()
        except HaloopError as error:
            self._stop(error)
        except Exception as fault:  # noqa: BLE001  # one of the four places: around a procedure, and all it hands in
            self._stop(_raised(fault))
        self._flush()
        self._leave_if_stopped()

    def leave(self) -> None:
        """Out of memory: what the procedure does on being let go is heard by nobody."""
        self._is_replaying = True
        self._drive.close()
        for standing in (self._at, self.gates, self.effects):  # each knows its run: the circle would outlive it
            standing.clear()

    def cancel(self, reason: str, actor: str) -> None:
        """End the run as soon as nothing is under way that cannot be taken back."""
        if self.ended is not None:
            raise RunOver("This run has ended.")
        if not self.cancelling:
            self.ask(lambda: self.note(RunCancelling(reason=reason), actor=actor))

    def add_artifact(self, fact: ArtifactAdded, actor: str) -> None:
        """Take note of a file that somebody gives the run."""
        if self.ended is not None:
            raise RunOver("This run has ended.")
        self.ask(lambda: self.note(fact, actor=actor))

    def at(self, position: Position) -> At | None:
        return self._at.get(position)

    def on_time(self, position: Position) -> None:
        """A timer fired."""
        found = self._at.get(position)
        if found is not None and not found.is_over and not found.is_dropped:
            self.work(found.on_time)

    def durable(self) -> Pending | None:
        """The newest append, to wait for; raises where the ledger would not even take it."""
        if self._lost is not None:
            raise self._lost
        return self._last

    def begun(self) -> Pending | None:
        """The append of its first word, to wait for; raises where there is none."""
        refused = self._lost or self.fault
        if self._first is None and refused is not None:
            raise refused
        return self._first

    @property
    def may_have_begun(self) -> bool:
        """Whether a call that is made now may have been under way before: it is read from a history that breaks off."""
        return self._is_replaying and not self._parked_for

    @property
    def is_quiet(self) -> bool:
        """Whether it only waits, and all it said is durable, so that it can leave memory."""
        idle = not self._noted and not self._waiting_acts and not self._unheard and not self._elsewhere
        return idle and not any(at.is_busy for at in self._at.values())

    # For the calls at their positions

    def note(self, fact: Fact, *, actor: str = "kernel", claim: bytes | None = None) -> None:
        """Record a fact, and let it take hold."""
        self._noted.append((fact, fact.entry(actor, claim)))
        self._take(fact)

    def queued(self, what: str, place: int) -> None:
        """A call waits for its turn."""
        if self.ended is None and self.fault is None:
            self.work(lambda: self.note(RunQueued(what=what, place=place)))

    def after_recorded(self, act: Callable[[], None], *, otherwise: Callable[[], None] | None = None) -> None:
        """Do something once all that was noted is durable; otherwise, if it never is."""
        self._after.append(Act(act, otherwise))

    def answer(self, at: Position, value: object) -> None:
        self._drive.answer(at, value)

    def fail(self, at: Position, error: HaloopError) -> None:
        self._drive.fail(at, error)

    def add_line(
        self, path: str, line: Coroutine[Any, Any, Any], on_end: Callable[[Any, BaseException | None], None]
    ) -> None:
        self._drive.begin(line, on_end, path=path)

    def account_now(self) -> Account:
        """The account with all that this run has just said of its effects: what is weighed next is weighed with it."""
        if any(fact.kind.startswith("effect.") for fact, _ in self._noted):
            self._hand_over()
        if self.fault is not None:
            raise self.fault
        return self.account

    def next_gate(self) -> GateId:
        return gate_id(self.id, self._gates + 1)

    def gate_at(self, gate: str) -> AtGate | None:
        """This run's gate of that id."""
        return next((at for at in self.gates if at.gate is not None and at.gate.id == gate), None)

    # For the procedure

    def now(self) -> datetime:
        self._hand_over()  # so that what was just noted has its time
        return as_datetime(self._ts)

    def new_id(self) -> str:
        return self._drive.new_id(self.id)

    def report(self, sentence: str) -> None:
        if not self._is_replaying:
            for listener in self.world.reports:
                listener(self.account.id, self.id, sentence)

    # Inside

    def _take_up(self, facts: Iterable[tuple[Fact, Mapping[str, bytes], int]]) -> None:
        self.replay(facts)
        self._is_replaying = False
        self._queue.extend(at for at in self._at.values() if not at.is_over and at not in self._queue)

    def _settle(self) -> None:
        """Drive until every line waits for the world."""
        self._go_on()
        while self._queue and not self.world.is_closing:
            at = self._queue.popleft()
            if not at.is_over and (at.keeps_open or not self.cancelling):
                (at.let_go if at.is_dropped else at.go_on)()
                self._go_on()
        self._end_if_over()

    def _go_on(self) -> None:
        self._drive_on()
        for gate in self.gates:
            gate.take_revision()

    def _drive_on(self) -> None:
        made = self._drive.go_on()
        self._drop_lost_lines()
        while made:
            self._make(made)
            made = self._drive.go_on()
            self._drop_lost_lines()

    def _make(self, made: Iterable[Made]) -> None:
        """Put each new call at its position; one that cannot be made fails where it was made."""
        for at, call in made:
            if not self._drive.is_waiting(at):
                continue  # its line was dropped in the same breath
            try:
                here = _KINDS[type(call)](at, self, call)
            except HaloopError as error:
                self.fail(at, error)
                continue
            self._place(at, here)
            refusal = here.refusal()
            if refusal is not None:
                here.fail(refusal)
            elif not self._is_replaying:
                self._queue.append(here)

    def _place(self, position: Position, here: At) -> None:
        self._at[position] = here
        if isinstance(here, AtGate):
            self.gates.append(here)
        elif isinstance(here, AtEffect):
            self.effects.append(here)

    def _drop_lost_lines(self) -> None:
        for position in self._drive.take_dropped():
            here = self._at.get(position)
            if here is not None:
                here.drop()
            if here is not None and here.is_dropped:
                self._queue.append(here)

    def _take(self, fact: Fact) -> None:
        match fact:
            case RunStarted():
                self._begin(fact)
            case RunCancelling():
                self.cancelling = True
            case RunEnded():
                self.ended = fact
            case RunQueued():
                self._hear_place(fact)
            case RunParked() | ArtifactAdded():
                return  # it went on since, or is about to; or somebody gave it a file, which answers no call
            case _:
                self._take_at(fact)

    def _take_at(self, fact: Fact) -> None:
        here = self._at.get(getattr(fact, "at", ""))
        if here is None:
            raise Diverged(f"The history has {fact.kind} where the procedure asks for nothing.")
        if isinstance(fact, ChildStarted):
            self.children[RunId(fact.run)] = fact
            self.after_recorded(lambda: self._begin_child(fact))
        here.apply(fact)
        if fact.kind == "gate.opened":
            self._gates += 1

    def _hear_place(self, fact: RunQueued) -> None:
        """A place in a queue is one call's; whose it is can be told where no other is under way."""
        match [here for here in self._at.values() if not here.is_over and not here.is_dropped]:
            case [AtStep() as only]:
                only.apply(fact)

    def _begin_child(self, fact: ChildStarted) -> None:
        """Begin the other run; where it was begun before a restart, or this one is being cancelled, nothing happens."""
        if self.cancelling:
            return
        procedure = self.world.procedure(fact.desk, fact.procedure, fact.version)
        request: Request[Any] = Request(procedure=procedure, arguments=fact.arguments)
        self.world.begin_run(
            RunId(fact.run),
            self.account,
            request,
            by=f"run:{self.id}",
            asked_by=self._asked_by(),
            parent=self.id,
            then=self._when_heard(self._require),
        )

    def _when_heard(self, then: Heard) -> Heard:
        """Something is done elsewhere for this run, which stays in memory until it has heard of it."""

        def heard(error: HaloopError | None) -> None:
            self._elsewhere -= 1
            then(error)
            self._leave_if_stopped()

        self._elsewhere += 1
        return heard

    def _asked_by(self) -> str:
        return self.started.asked_by if self.started else "kernel"

    def _require(self, error: HaloopError | None) -> None:
        """What was done elsewhere for this run, or why it could not be."""
        if error is not None:
            self.work(lambda: self._stop(error))

    def _begin(self, fact: RunStarted) -> None:
        self.started = fact
        procedure = self.world.procedure(fact.desk, fact.procedure, fact.version)
        run = Run(id=self.id, account=self.account.id, inside=self)
        self._drive.begin(procedure.begin(run, fact.arguments), self._on_end)

    def _on_end(self, value: Any, fault: BaseException | None) -> None:  # noqa: ANN401
        self._over = (value, fault)

    def _end_if_over(self) -> None:
        if self.ended is not None or any(at.keeps_open for at in self._at.values()):
            return
        if self.cancelling and self._successor is None:
            self._end_cancelled()
        elif self._over is not None:
            value, fault = self._over
            if fault is not None:
                raise fault if isinstance(fault, HaloopError) else _raised(fault)
            self._end_with(value)

    def _end_cancelled(self) -> None:
        """The last fact comes after all that go down with this run know of it, so that none is forgotten."""
        if self._untold is None:
            self._untold = {child for child, fact in self.children.items() if not fact.detached}
            for child in tuple(self._untold):
                self.after_recorded(partial(self._tell, child))
        if not self._untold:
            self._end_now(RunEnded(code="cancelled", reason="It was cancelled."))

    def _tell(self, child: RunId) -> None:
        def told(error: HaloopError | None) -> None:
            if error is None and self._untold is not None:
                self._untold.discard(child)
            self._require(error)
            self.work(_nothing)

        self.world.cancel_run(self.account.id, child, then=self._when_heard(told))

    def _end_with(self, value: object) -> None:
        """The last fact comes after a successor's first, so that none can be lost in between."""
        if not isinstance(value, Ended) or value.successor is None:
            self._end_now(ending(value))
        elif self._successor is None:
            self._successor = successor_id(self.id)
            self.after_recorded(lambda: self._begin_successor(value))

    def _begin_successor(self, value: Ended) -> None:
        successor, request = successor_id(self.id), value.successor
        by = self.started.by if self.started else "kernel"

        def begun(error: HaloopError | None) -> None:
            self._require(error)
            ended = RunEnded(code=value.code, reason=value.reason, successor=successor)
            self.work(lambda: None if self.fault or self.ended else self._end_now(ended))

        if request is not None:
            self.world.begin_run(
                successor,
                self.account,
                request,
                by=by,
                asked_by=self._asked_by(),
                follows=self.id,
                then=self._when_heard(begun),
            )

    def _end_now(self, fact: RunEnded) -> None:
        for gate in self.gates:
            gate.withdraw("The run ended.")
        self._drop_all()
        self.note(fact)
        self.after_recorded(lambda: self._leave_ended(fact))

    def _leave_ended(self, fact: RunEnded) -> None:
        self.world.on_ended(self.id, fact)
        self.leave()

    def _stop(self, fault: HaloopError) -> None:
        """The run cannot go on, for a reason with a name."""
        if self.fault is None and self.ended is None:
            self.fault = fault
            self._drop_all()

    def _leave_if_stopped(self) -> None:
        """Once nothing is under way for it any more, a stopped run says why it stopped, and is gone."""
        if self.fault is None or self._has_left or not self.is_quiet:
            return
        self._has_left = True
        if self._parked_for != self.fault.code and self._may_say_so:
            parked = RunParked(code=self.fault.code, sentence=self.fault.sentence[:500])
            with suppress(HaloopError):  # a ledger that says no to this too: the next start finds the run as it was
                self._append([(parked, parked.entry("kernel"))])
        if self._last is None:
            self._say_parked(None)
        else:
            self._last.then(self._say_parked)

    def _say_parked(self, _: HaloopError | None) -> None:
        if self.fault is not None:
            self.world.on_parked(self.id, self.fault)

    def _drop_all(self) -> None:
        self._drive.close()
        self._queue.clear()
        for at in self._at.values():
            if not at.is_over:
                at.drop()

    # The ledger

    def _flush(self) -> None:
        self._hand_over()
        if self._after:
            acts, self._after = self._after, []
            self._when_durable(acts)

    def _hand_over(self) -> None:
        """Hand what was noted to the ledger, in one append."""
        noted, self._noted = self._noted, []
        if not noted:
            return
        try:
            self._append(noted)
        except Refused:
            self._append_what_goes(noted)
        except HaloopError as error:
            self._lose(noted, error)

    def _append_what_goes(self, noted: list[tuple[Fact, Entry]]) -> None:
        """How effects ended may be said even where the rest may not, so it is not lost with the rest."""
        for number, one in enumerate(noted):
            try:
                self._append([one])
            except HaloopError as error:
                self._lose(noted[number:], error)
                return

    def _append(self, noted: list[tuple[Fact, Entry]]) -> None:
        pending = self.world.ledger.append(self._chain, self._head, *(entry for _, entry in noted))
        self._head, self._ts, self._last = pending.head, pending.ts, pending
        self._first = self._first or pending
        self._parked_for, self._may_say_so = "", True
        for number, (fact, _) in enumerate(noted):
            self.account.apply(fact, run=self.id, ts=pending.ts)
            self._recorded(fact, pending.part_hashes(number), pending.ts)
        self._unheard += 1
        pending.then(lambda error: self._on_recorded(noted, error))

    def _lose(self, noted: list[tuple[Fact, Entry]], error: HaloopError) -> None:
        """The ledger said no: none of this is so, and what hung on it is not done."""
        self._lost = error
        acts, self._after = self._after, []
        _let_be(acts)
        for fact, _ in noted:
            here = self._at.get(getattr(fact, "at", ""))
            if here is not None:
                here.lost(fact)
            if fact is self.ended:
                self.ended = None
        self._stop(error)

    def _when_durable(self, acts: list[Act]) -> None:
        def act_now(error: HaloopError | None) -> None:
            self._waiting_acts -= 1
            if error is None and self._lost is None:
                self.work(lambda: _do(acts))
            else:
                _let_be(acts)
                self._leave_if_stopped()

        self._waiting_acts += 1
        if self._last is None:
            act_now(None)
        else:
            self._last.then(act_now)

    def _recorded(self, fact: Fact, hashes: Mapping[str, bytes], ts: int) -> None:
        here = self._at.get(getattr(fact, "at", ""))
        if here is not None:
            here.recorded(fact, hashes, ts)

    def _on_recorded(self, noted: list[tuple[Fact, Entry]], error: HaloopError | None) -> None:
        self._unheard -= 1
        if error is not None:
            for fact, _ in noted:
                self.account.take_back(fact)
            self._lose(noted, error)
        else:
            for fact, _ in noted:
                self.world.listeners.tell(self.account.id, self.id, fact)
        self._leave_if_stopped()


def _nothing() -> None:
    pass


def _do(acts: Iterable[Act]) -> None:
    for act in acts:
        act.do()


def _let_be(acts: Iterable[Act]) -> None:
    for act in acts:
        if act.otherwise is not None:
            act.otherwise()


def _raised(fault: BaseException) -> HaloopError:
    """Its type alone: what it says may hold anything that the procedure had in its hands."""
    return BadProcedure(f"The procedure raised {type(fault).__name__}.", code="procedure.raised")
