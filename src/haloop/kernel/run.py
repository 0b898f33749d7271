"""What a procedure is handed: its run, through which everything outside goes.

Each method makes a call that the procedure awaits. Awaiting yields the call to whoever drives the coroutine,
never to an event loop, so a call can be answered live, or from the ledger when the run is taken up again.
Nothing here does anything by itself.
"""

from collections.abc import Awaitable, Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast

from haloop.kernel.canonical import Canonical
from haloop.kernel.draft import Draft, Effect, Planned, require_draft
from haloop.kernel.errors import BadProcedure, EffectRefused
from haloop.kernel.gate import VALID_FOR, WITHIN, Approved, Expired, Need, Refused
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.inbox import Arrival, TimedOut
from haloop.kernel.money import Money
from haloop.kernel.operation import NotDone, StepOp, StepOperation, step_op
from haloop.kernel.procedure import Request

P = ParamSpec("P")
T = TypeVar("T")
D = TypeVar("D", bound=Draft)
C = TypeVar("C")
E = TypeVar("E", bound=Arrival)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Generic[T]):
    """An effect happened: what the outside made of it, and where the proof stands."""

    result: T
    run: RunId
    gate: str
    revision: int
    effect: str
    """Its name in the draft."""
    charged: Money | None = None
    exceeded: bool = False
    """More was charged than the draft allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended without anything that needs a receipt."""

    reason: str
    code: str = "done"
    successor: "Request[Any] | None" = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCall(Generic[T]):
    """Something a procedure asks of its run."""

    def __await__(self) -> Generator["RunCall[Any]", Any, T]:
        return cast("T", (yield self))

    async def alone(self) -> T:
        """The call as a branch of its own."""
        return await self


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCall(RunCall[T]):
    operation: StepOp
    arguments: dict[str, Canonical]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCall(RunCall[T]):
    draft: Draft
    need: Need
    revise: Callable[[Any, Any], Awaitable[Any]] | None
    within: timedelta
    valid_for: timedelta
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectCall(RunCall[T]):
    approved: Approved[Any]
    planned: Effect[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoCall(RunCall[T]):
    receipt: Receipt[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepCall(RunCall[T]):
    length: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitCall(RunCall[T]):
    arrival: type[Arrival]
    key: str
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCall(RunCall[T]):
    request: Request[Any]
    key: str
    detached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCall(RunCall[T]):
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchCall(RunCall[T]):
    """Several lines of work at once; `first` ends with the first of them."""

    branches: tuple[Awaitable[Any], ...]
    first: bool


class Inside(Protocol):
    """What a run can know without waiting. Engines provide it."""

    def now(self) -> datetime: ...

    def new_id(self) -> str: ...

    def report(self, sentence: str) -> None: ...


class Run:
    """A procedure's only way out. Its engine hands it in; one run, one object."""

    def __init__(self, *, id: RunId, account: AccountId, inside: "Inside") -> None:  # noqa: A002
        self.id = id
        self.account = account
        self._inside = inside

    def step(
        self,
        operation: StepOperation[P, T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> RunCall[T]:
        """Do something that may be done again, and remember what came of it."""
        read = step_op(operation)
        return StepCall(operation=read, arguments=read.arguments(args, kwargs))

    def gate(
        self,
        draft: D,
        *,
        revise: Callable[[D, C], Awaitable[D]] | None = None,
        need: Need | None = None,
        within: timedelta = WITHIN,
        valid_for: timedelta = VALID_FOR,
        stage: str = "",
    ) -> RunCall[Approved[D] | Refused | Expired]:
        """Put a draft before people and wait for their decision."""
        return GateCall(
            draft=require_draft(draft),
            need=need or Need(),
            revise=revise,
            within=within,
            valid_for=valid_for,
            stage=stage,
        )

    def effect(self, approved: Approved[D], planned: Planned[D, T], /) -> RunCall[Receipt[T] | NotDone]:
        """Do one act that was approved, at most once."""
        if not isinstance(approved, Approved):
            raise EffectRefused("Without an approval nothing runs.", code="effect.not_approved")
        if not isinstance(planned, Effect):
            raise EffectRefused(f"A {type(planned).__name__} is no effect of a draft.", code="effect.not_planned")
        return EffectCall(approved=approved, planned=planned)

    def undo(self, receipt: Receipt[Any], /) -> RunCall[Receipt[Any] | NotDone]:
        """Undo an act in the way its draft named; the same yes covers it, once."""
        if not isinstance(receipt, Receipt):
            raise EffectRefused("Only what happened can be undone.", code="undo.nothing")
        return UndoCall(receipt=receipt)

    def all(self, branches: Iterable[Awaitable[T]], /) -> RunCall[list[T]]:
        """Work on several lines at once, and go on when all have ended."""
        return BranchCall(branches=tuple(branches), first=False)

    def first(self, branches: Iterable[Awaitable[T]], /) -> RunCall[T]:
        """Work on several lines at once, and go on with the first that ends."""
        waiting = tuple(branches)
        if not waiting:
            raise BadProcedure("There is no first of nothing.", code="procedure.no_branches")
        return BranchCall(branches=waiting, first=True)

    def sleep(self, length: timedelta, /) -> RunCall[None]:
        """Wait for a while; the run takes no memory meanwhile."""
        return SleepCall(length=length)

    def wait_for(self, arrival: type[E], *, key: str, within: timedelta) -> RunCall[E | TimedOut]:
        """Wait for something to arrive in the account's inbox; what arrived before is not missed."""
        return WaitCall(arrival=arrival, key=key, within=within)

    def start(self, request: Request[Any], /, *, key: str, detached: bool = False) -> RunCall[RunId]:
        """Start another run; the same key starts the same one. It is cancelled with this one unless detached."""
        return StartCall(request=request, key=key, detached=detached)

    def record(self, value: object, /) -> RunCall[None]:
        """Keep a fact for good, in order."""
        return RecordCall(value=value)

    def report(self, sentence: str, /) -> None:
        """Tell whoever watches how far this is; not kept."""
        self._inside.report(sentence)

    def now(self) -> datetime:
        """The time of the newest event this run has seen: the same again when it is taken up later."""
        return self._inside.now()

    def new_id(self) -> str:
        """A fresh name, the same again when the run is taken up later."""
        return self._inside.new_id()

    def end(self, outcome: Refused | Expired | str = "done", /) -> Ended:
        """Say how the run ended; return what this gives."""
        match outcome:
            case Refused():
                return Ended(reason=outcome.reason or "It was refused.", code="refused")
            case Expired():
                return Ended(reason="Nobody answered in time.", code="expired")
            case str():
                return Ended(reason=outcome)
        raise BadProcedure(f"A {type(outcome).__name__} is no end of a run.", code="procedure.end")

    def succeed(self, request: Request[Any], /) -> Ended:
        """End this run and let another go on from here; return what this gives."""
        return Ended(reason="A successor goes on.", code="succeeded", successor=request)
