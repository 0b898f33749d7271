"""What a port offers: operations, and of two kinds that can never be mixed up.

A port is a Protocol class. Its plain methods are step operations: they may run again. Its methods under
`@effect` act on the world: they take one argument and the Call, and they answer with what happened or with
NotDone. Raising means that nobody knows. A connector implements the port and declares, for each of its
effects, how an unknown outcome is cleared up: by sending the same key again, by looking, or by asking a person.
"""

import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from math import ceil, floor
from typing import Any, Concatenate, Generic, ParamSpec, TypeAlias, TypeVar, cast, get_args, get_type_hints, overload

from haloop.kernel import values
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadProcedure, BadValue
from haloop.kernel.parameters import Parameters
from haloop.kernel.values import Annotation

A = TypeVar("A")
T = TypeVar("T")
P = ParamSpec("P")

STEP_ATTEMPTS = 4
STEP_DEADLINE = timedelta(seconds=60)
EFFECT_DEADLINE = timedelta(seconds=60)


class Why(StrEnum):
    """Why an effect was not done."""

    DECLINED = "declined"
    """The outside said no."""
    DRIFTED = "drifted"
    """The outside is no longer what the person saw."""
    ALREADY = "already"
    """It was so already; nothing had to be done."""
    LAPSED = "lapsed"
    """The approval ended, or what it was given for is no longer what would run."""
    OVER_BUDGET = "over_budget"
    """A cap or ceiling would be exceeded."""
    SETTLED = "settled"
    """It was uncertain, and looking or a person found that it had not happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDone:
    """An effect certainly did not happen. Its approval is used up all the same."""

    why: Why
    sentence: str = ""
    code: str = ""
    seen: object | None = None
    """What the outside looks like now, of the type the operation declares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What an effect operation is told besides its argument."""

    key: str
    """The same for every attempt of this effect under this approval: hand it on as the idempotency key."""
    account: str
    """For whom."""
    deadline: int
    """When the engine stops listening; microseconds since 1970."""
    live: bool
    by: tuple[str, ...] = ()
    """Whose yes this is, the persons' or the grant's, by the names the ledger uses."""
    attempt: int = 1
    preconditions: Mapping[str, Canonical] | None = None
    """What the person was shown to be so; where it is not, answer NotDone(drifted)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[T]):
    """It did happen, and this is what the outside says of it."""

    result: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """It is not there. Counts only once the outside has had time to settle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The outside cannot say."""

    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotent:
    """The outside guarantees that the same key is the same act, for so long."""

    for_: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Queryable:
    """The outside can be asked whether it happened."""

    lookup: Callable[[Any, Any, Call], Coroutine[Any, Any, Found[Any] | Absent | Unknown]]
    settled_after: timedelta
    """How long after the call's deadline an "absent" may still turn out wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neither:
    """Only a person can find out."""


Recovery: TypeAlias = Idempotent | Queryable | Neither


def idempotent(*, for_: timedelta) -> Recovery:
    """Clear up an unknown outcome by sending the same bytes with the same key again, within this time only."""
    return Idempotent(for_=for_)


def queryable(
    lookup: Callable[[Any, A, Call], Coroutine[Any, Any, Found[T] | Absent | Unknown]], *, settled_after: timedelta
) -> Recovery:
    """Clear up an unknown outcome by looking; an absence counts only this long after the call's deadline."""
    return Queryable(lookup=lookup, settled_after=settled_after)


def recovery_as_plain(recovery: Recovery) -> Canonical:
    """A declaration as an intent records it."""
    match recovery:
        case Idempotent():
            return {"kind": "idempotent", "seconds": floor(recovery.for_.total_seconds())}
        case Queryable():
            return {"kind": "queryable", "settled_after": ceil(recovery.settled_after.total_seconds())}
    return {"kind": "neither"}


def no_freer(intended: Canonical, declared: Recovery) -> Recovery:
    """What both the intent and the connector's present declaration allow: where they differ, the stricter."""
    match intended, declared:
        case {"kind": "idempotent", "seconds": int(seconds)}, Idempotent():
            return replace(declared, for_=min(declared.for_, timedelta(seconds=seconds)))
        case {"kind": "queryable", "settled_after": int(seconds)}, Queryable():
            return replace(declared, settled_after=max(declared.settled_after, timedelta(seconds=seconds)))
    return Neither()


class EffectOp(Generic[A, T]):
    """An operation that acts on the world: takes an A, and makes a T of it once it happened."""

    def __init__(self, function: Callable[..., Any], rules: "EffectRules[A]") -> None:
        self.function = function
        self.rules = rules
        self.name = function.__name__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"{owner.__name__}.{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> "EffectOp[A, T]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> Callable[[A, Call], Coroutine[Any, Any, T | NotDone]]: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        return self if instance is None else self.function.__get__(instance, owner)

    def payee(self, argument: A) -> str | None:
        """Who is paid, if anybody: read from what would be sent, never told by a desk."""
        return None if self.rules.payee is None else self.rules.payee(argument)

    def purpose(self, argument: A) -> str:
        """What this is for, so that a second try for the same thing is noticed."""
        if self.rules.purpose is not None:
            return self.rules.purpose(argument)
        return f"{self.name} {values.digest(values.plain(self.argument, argument))[:32]}"

    @property
    def argument(self) -> Annotation:
        return effect_types(self)[0]

    @property
    def result(self) -> Annotation:
        return effect_types(self)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRules(Generic[A]):
    """What is declared beside an effect operation, at the port or at the connector."""

    payee: Callable[[A], str | None] | None = None
    purpose: Callable[[A], str] | None = None
    seen: Annotation = None
    """The type of NotDone.seen, where the operation says what it saw instead."""
    deadline: timedelta = EFFECT_DEADLINE
    recovery: Recovery = Neither()


_Effect: TypeAlias = Callable[[Any, A, Call], Coroutine[Any, Any, T | NotDone]]


@overload
def effect(function: _Effect[A, T], /) -> EffectOp[A, T]: ...
@overload
def effect(
    *,
    payee: Callable[[Any], str | None] | None = None,
    purpose: Callable[[Any], str] | None = None,
    seen: type | None = None,
    deadline: timedelta = EFFECT_DEADLINE,
    recovery: Recovery | None = None,
) -> Callable[[_Effect[A, T]], EffectOp[A, T]]: ...
def effect(function: Any = None, /, *, recovery: Recovery | None = None, **rules: Any) -> Any:
    """Mark an operation as one that acts on the world.

    At a port, say whom it pays and what it is for; at a connector, say how an unknown outcome is recovered.
    """
    declared: EffectRules[Any] = EffectRules(recovery=recovery or Neither(), **rules)
    if function is not None:
        return EffectOp(function, declared)
    return lambda marked: EffectOp(marked, declared)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRules:
    """How a step operation is run."""

    repeat: bool = True
    """False where running it again costs something: after a crash it fails instead of running twice."""
    attempts: int = STEP_ATTEMPTS
    deadline: timedelta = STEP_DEADLINE


_Step = TypeVar("_Step", bound=Callable[..., Any])
_RULES = "__haloop_step__"


def step(
    *, repeat: bool = True, attempts: int = STEP_ATTEMPTS, deadline: timedelta = STEP_DEADLINE
) -> Callable[[_Step], _Step]:
    """Say how a step operation is run, where the usual does not fit."""

    def mark(function: _Step) -> _Step:
        setattr(function, _RULES, StepRules(repeat=repeat, attempts=attempts, deadline=deadline))
        return function

    return mark


StepOperation: TypeAlias = Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOp:
    """A step operation as the engine sees it."""

    name: str
    function: Callable[..., Any]
    parameters: Parameters
    rules: StepRules

    def arguments(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> dict[str, Canonical]:
        """The plain form of a call's arguments, by parameter name."""
        try:
            return self.parameters.plain(args, kwargs)
        except (TypeError, BadValue) as error:
            raise BadProcedure(
                f"{self.name} was called with wrong arguments: {error}", code="step.arguments"
            ) from error


@lru_cache(maxsize=4096)
def step_op(function: Callable[..., Any]) -> StepOp:
    """Read a port's plain method."""
    if not inspect.isfunction(function) or not inspect.iscoroutinefunction(function):
        raise BadProcedure(
            f"{getattr(function, 'name', function)!r} is no step operation of a port.", code="step.operation"
        )
    return StepOp(
        name=_port_name(function),
        function=function,
        parameters=Parameters(function),
        rules=cast("StepRules", getattr(function, _RULES, StepRules())),
    )


@lru_cache(maxsize=4096)
def effect_types(operation: EffectOp[Any, Any]) -> tuple[Annotation, Annotation]:
    """The types of an effect's argument and of what happened."""
    hints = get_type_hints(operation.function)
    answer = hints.pop("return", None)
    names = list(inspect.signature(operation.function).parameters)[1:]
    if len(names) != 2 or hints.get(names[1]) is not Call:
        raise BadProcedure(f"{operation.name} must take one argument and a Call.", code="effect.signature")
    happened = tuple(part for part in get_args(answer) if part is not NotDone) or (answer,)
    result = happened[0]
    for part in happened[1:]:
        result = result | part
    return hints[names[0]], result


def _port_name(function: Callable[..., Any]) -> str:
    return ".".join(function.__qualname__.split(".")[-2:])
