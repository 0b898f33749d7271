"""A procedure: plain async Python that a run executes, with the version its history is locked to.

It must do the same again when it is given the same answers, because that is how a run comes back after a
restart. What is read from a clock, a random source or the environment would differ, so a procedure that
reaches for them is refused when it is defined.
"""

import dis
import inspect
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from types import CodeType, FunctionType, ModuleType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadProcedure, BadValue
from haloop.kernel.parameters import Parameters

P = ParamSpec("P")
R = TypeVar("R")

_UNREPEATABLE = frozenset({"asyncio", "os", "posix", "random", "secrets", "subprocess", "time", "uuid"})
_CLOCKS = frozenset({"now", "utcnow", "today"})


@dataclass(frozen=True, slots=True)
class Daily:
    """Once a day at a time of the wall clock in a zone, such as `Daily("02:00", zone="Europe/Berlin")`.

    Where the clock skips that time it runs as much later as the clock skipped; where the clock shows it
    twice, at the first of the two.
    """

    at: str
    zone: str = "UTC"

    def __post_init__(self) -> None:
        try:
            time.fromisoformat(self.at)
            ZoneInfo(self.zone)
        except (ValueError, ZoneInfoNotFoundError) as error:
            raise BadProcedure(f"{self.at!r} in {self.zone!r} is no time of day.", code="schedule.time") from error

    def next_after(self, moment: datetime) -> datetime:
        """The first nominal time after a moment."""
        zone = ZoneInfo(self.zone)
        day = moment.astimezone(zone).date() - timedelta(days=1)
        while True:
            nominal = datetime.combine(day, time.fromisoformat(self.at), zone).astimezone(UTC)
            if nominal > moment:
                return nominal
            day += timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Generic[R]):
    """A procedure with its arguments: what a run is to do."""

    procedure: "Procedure[Any, R]"
    arguments: "dict[str, Canonical]"


class Procedure(Generic[P, R]):
    """A procedure that a desk lists."""

    def __init__(
        self,
        function: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]],
        *,
        version: int,
        every: Daily | None = None,
        over: Callable[..., Any] | None = None,
        offered: bool = True,
    ) -> None:
        _require_repeatable(function)
        self.function = function
        self.version = version
        self.every = every
        self.over = over
        self.offered = offered
        """Whether anybody may ask for it with arguments of their own; else a door of its desk makes them."""
        self.name = function.__name__
        self.__doc__ = function.__doc__

    def of(self, *args: P.args, **kwargs: P.kwargs) -> Request[R]:
        """Ask for this with these arguments."""
        try:
            arguments = self.parameters.plain(args, kwargs)
        except (TypeError, BadValue) as error:
            raise BadProcedure(f"{self.name} was asked for wrongly: {error}", code="procedure.arguments") from error
        return Request(procedure=self, arguments=arguments)

    def begin(self, run: object, arguments: "dict[str, Canonical]") -> Coroutine[Any, Any, R]:
        """The coroutine of a run, from its recorded arguments."""
        if arguments.keys() != self.parameters.types.keys():
            raise BadProcedure(f"{self.name} no longer takes what this run was given.", code="procedure.arguments")
        typed = self.parameters.typed(arguments)
        return cast("Callable[..., Coroutine[Any, Any, R]]", self.function)(run, **typed)

    @cached_property
    def parameters(self) -> Parameters:
        return Parameters(self.function)


def procedure(
    *, version: int, every: Daily | None = None, over: Callable[..., Any] | None = None, offered: bool = True
) -> Callable[[Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]], Procedure[P, R]]:
    """Make a procedure of an async function; raise the version whenever its calls change."""

    def make(function: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> Procedure[P, R]:
        return Procedure(function, version=version, every=every, over=over, offered=offered)

    return make


def _require_repeatable(function: Callable[..., Any]) -> None:
    if not inspect.iscoroutinefunction(function):
        raise BadProcedure(f"{function.__name__} is not an async function.", code="procedure.not_async")
    for code in _codes(function.__code__):
        for name, found in _reached(code, function.__globals__):
            if _differs(found):
                raise BadProcedure(
                    f"{function.__name__} uses {name}, which answers differently each time;"
                    " use run.now(), run.new_id(), run.sleep() or a step.",
                    code="procedure.unrepeatable",
                )


def _reached(code: CodeType, names: "dict[str, Any]") -> "Iterator[tuple[str, object]]":
    """What a code takes from its module's names, followed as far as the dots lead: `datetime.now`."""
    path, found = "", None
    for instruction in dis.get_instructions(code):
        if isinstance(found, ModuleType | type) and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            path, found = f"{path}.{instruction.argval}", getattr(found, instruction.argval, None)
            continue
        yield path, found
        path, found = "", None
        if instruction.opname == "LOAD_GLOBAL":
            path, found = instruction.argval, names.get(instruction.argval)


def _differs(found: object) -> bool:
    """Whether this answers otherwise when it is asked again: a clock, chance, or the machine."""
    owner = getattr(found, "__self__", None)  # `random.choice` belongs to a hidden generator, `datetime.now` to a class
    if owner in (datetime, date):
        return getattr(found, "__name__", "") in _CLOCKS
    home = _module(found if owner is None else owner)
    return home.split(".")[0] in _UNREPEATABLE and found is not UUID


def _module(found: object) -> str:
    if isinstance(found, ModuleType):
        return found.__name__
    named = found if isinstance(found, FunctionType | type) else type(found)
    return named.__module__


def _codes(code: CodeType) -> "list[CodeType]":
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [code, *(nested for one in inner for nested in _codes(one))]
