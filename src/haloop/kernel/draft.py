"""A draft: exactly what will happen if a person says yes.

Its author declares a model with fields to read and with Effect fields to run. When a run brings it to a gate
the engine names each effect by where it stands in the draft, notes which connector would carry it out, in
which mode and for which account there, and writes it all down as one part. The approval is bound to these
bytes: what is not in them does not run, and what is different when the time comes has lapsed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar, get_args, overload

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, SerializationInfo, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from haloop.kernel import canonical, values
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadDraft, BadValue
from haloop.kernel.money import Money
from haloop.kernel.operation import EffectOp

A = TypeVar("A")
T = TypeVar("T")
R = TypeVar("R")  # what `Effect.of` makes: a variable of its own, or pyright takes the bare class's, which is unknown
D = TypeVar("D", bound="Draft")

_NAMES = "names"  # in the serializer's context: effect -> its name in the draft
_EFFECTS = "effects"  # in the validator's context: name -> effect
_LATER = "$later"
_UNNAMEABLE = re.compile(r"[^\w.-]")  # a slash, above all: the undo of an effect is named with one
_FILLED = "$filled"
_UNNAMED = "?"


class Draft(BaseModel):
    """What a person is asked to approve. Subclass it: fields to read, Effect fields to run."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)

    grants: ClassVar[bool] = True
    """Whether a grant may open a gate on this; False where a person must say yes each time."""
    title: ClassVar[str] = ""
    """The card's message key; the class's name in small letters if empty."""

    def apply(self, change: Any) -> Self:  # noqa: ANN401, ARG002  # each draft says what changes it takes
        """The draft after a person's change; without a revision of one's own a draft cannot be changed."""
        raise BadDraft(f"A {type(self).__name__} cannot be changed.", code="change.unknown")


class DraftPart(BaseModel, Generic[D]):
    """A record inside a draft that holds effects itself: `class Line(DraftPart["CartDraft"])`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class Later(Generic[T]):
    """A place in an effect's argument that is filled from what another effect of the same approval made."""

    __slots__ = ("_source", "_value", "name")

    def __init__(
        self, *, source: "Effect[T] | None" = None, name: str | None = None, value: "tuple[T] | None" = None
    ) -> None:
        self._source = source
        self._value = value
        self.name = name

    @property
    def value(self) -> T:
        """What was made. Only there once that effect happened: never in an amount, a payee or a recipient."""
        if self._value is None:
            raise BadDraft("This place is filled later; nothing that is approved may depend on it.", code="draft.later")
        return self._value[0]

    def plain(self, shape: object, names: "Mapping[Effect[Any], str]") -> Canonical:
        if self._value is not None:
            return {_FILLED: values.plain(shape, self._value[0])}
        if self._source is not None and shape not in (Any, self._source.operation.result):
            raise ValueError(f"is filled by {self._source.operation.name}, which makes something else")
        if not names:
            return {_LATER: _UNNAMED}  # what a draft is for does not depend on how its effects are called
        name = self.name if self._source is None else names.get(self._source)
        return {_LATER: name or _UNNAMED}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        (inner,) = get_args(source) or (Any,)

        def read(value: object) -> Later[Any]:
            match value:
                case Later():
                    return value
                case {"$later": str(name)}:
                    return Later(name=name)
                case {"$filled": filled}:
                    return Later(value=(values.typed(inner, filled),))
            raise ValueError("is not a place that is filled later")

        def write(later: object, info: SerializationInfo) -> Canonical:
            if not isinstance(later, Later):
                raise TypeError("is not a place that is filled later")
            return later.plain(inner, (info.context or {}).get(_NAMES, {}))

        return core_schema.no_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(write, info_arg=True)
        )


class Effect(Generic[T]):
    """One act on the world, as a draft contains it."""

    __slots__ = ("argument", "cost_max", "operation", "preconditions", "undo")

    def __init__(
        self,
        operation: EffectOp[Any, T],
        argument: object,
        *,
        cost_max: Money | None = None,
        undo: EffectOp[T, Any] | None = None,
        preconditions: Mapping[str, Canonical] | None = None,
    ) -> None:
        _require_fit(operation, undo, cost_max)
        self.operation = operation
        self.argument = argument
        self.cost_max = cost_max
        self.undo = undo
        self.preconditions = dict(preconditions or {})

    @classmethod
    def of(
        cls,
        operation: EffectOp[A, R],
        argument: A,
        *,
        cost_max: Money | None = None,
        undo: EffectOp[R, Any] | None = None,
        preconditions: Mapping[str, Canonical] | None = None,
    ) -> "Effect[R]":
        """Plan an operation with its argument, the most it may cost, and what would undo it."""
        return Effect(operation, argument, cost_max=cost_max, undo=undo, preconditions=preconditions)

    @property
    def result(self) -> Later[T]:
        """What this will have made, for the argument of another effect of the same draft."""
        return Later(source=self)

    # On an instance of a draft this reads as an effect of that very class, so that a yes to one kind of draft
    # does not type-check with an effect of another.
    @overload
    def __get__(self, draft: DraftPart[D], owner: type) -> "Planned[D, T]": ...
    @overload
    def __get__(self, draft: D, owner: type) -> "Planned[D, T]": ...
    def __get__(self, draft: Any, owner: type) -> Any:
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        def read(value: object, info: ValidationInfo) -> Effect[Any]:
            known = (info.context or {}).get(_EFFECTS, {})
            if isinstance(value, Effect):
                return value
            if isinstance(value, dict) and value.get("effect") in known:
                found: Effect[Any] = known[value["effect"]]
                return found
            raise ValueError("is not an effect")

        def write(planned: object, info: SerializationInfo) -> Canonical:
            names = (info.context or {}).get(_NAMES, {})
            if not isinstance(planned, Effect) or planned not in names:
                raise ValueError("is not an effect of this draft")
            return {"effect": names[planned]}

        return core_schema.with_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(write, info_arg=True)
        )


class Planned(Effect[T], Generic[D, T]):
    """An effect of a draft of class D; only the type checker knows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedEffect:
    """An effect as the draft's bytes have it: who would do what, for whom, at what most."""

    name: str
    operation: str
    connector: str
    version: str
    live: bool
    leaves: bool
    """Whether it leaves this machine."""
    provider_account: str
    argument: Canonical
    cost_max: Money | None
    payee: str | None
    purpose: str
    preconditions: Mapping[str, Canonical]
    undo: str | None

    def as_canonical(self) -> dict[str, Canonical]:
        return {
            "argument": self.argument,
            "connector": self.connector,
            "cost_max": None if self.cost_max is None else self.cost_max.as_canonical(),
            "leaves": self.leaves,
            "live": self.live,
            "operation": self.operation,
            "payee": self.payee,
            "preconditions": dict(self.preconditions),
            "provider_account": self.provider_account,
            "purpose": self.purpose,
            "undo": self.undo,
            "version": self.version,
        }

    @classmethod
    def read(cls, name: str, stored: Mapping[str, Any]) -> "NamedEffect":
        cost = stored["cost_max"]
        return cls(**{**stored, "name": name, "cost_max": None if cost is None else Money(**cost)})


def effects_of(draft: Draft) -> dict[str, Effect[Any]]:
    """The effects of a draft by their names: the path of fields that leads to each."""
    found: dict[str, Effect[Any]] = {}
    for name, planned in _walk("", draft):
        if planned in found.values():
            raise BadDraft(f"One effect stands twice in the draft, as {name!r} too.", code="draft.effect_twice")
        if name in found or _UNNAMEABLE.search(name):
            raise BadDraft(f"{name!r} is not a name for one effect.", code="draft.effect_name")
        found[name] = planned
    return found


def plain_payload(draft: Draft, effects: Mapping[str, Effect[Any]]) -> Canonical:
    """What a draft says, with each effect as a reference to its name."""
    names = {planned: name for name, planned in effects.items()}
    return values.plain(type(draft), draft, context={_NAMES: names})


def plain_argument(planned: Effect[Any], effects: Mapping[str, Effect[Any]]) -> Canonical:
    """An effect's argument, with each place that is filled later as a reference."""
    names = {other: name for name, other in effects.items()}
    operation = planned.operation
    try:
        argument = values.plain(operation.argument, planned.argument, context={_NAMES: names})
    except BadValue as error:
        raise BadDraft(f"{operation.name} does not take this. {error.sentence}", code="effect.argument") from error
    if not sources(argument) <= effects.keys():
        raise BadDraft("It needs what an effect makes that is not in this draft.", code="draft.later")
    if _marks(argument) != _places(
        planned.argument
    ):  # words from outside that look like a place would be replaced, unseen
        raise BadDraft("What looks like a place that is filled later is none.", code="draft.later")
    return argument


def encode_draft(payload: Canonical, effects: Mapping[str, NamedEffect]) -> bytes:
    """The bytes a person approves."""
    named = {name: planned.as_canonical() for name, planned in effects.items()}
    return canonical.encode({"effects": named, "payload": payload})


def decode_draft(
    kind: type[D], body: bytes, operations: Mapping[str, EffectOp[Any, Any]]
) -> tuple[D, dict[str, NamedEffect]]:
    """A draft as its bytes have it, with its effects ready to run."""
    match canonical.decode(body):
        case {"effects": dict(named), "payload": payload}:
            known = {name: NamedEffect.read(name, stored) for name, stored in named.items()}
            planned = {name: _planned(effect, operations) for name, effect in known.items()}
            return values.typed(kind, payload, context={_EFFECTS: planned}), known
    raise BadDraft("These bytes are no draft.")


def sources(argument: Canonical) -> frozenset[str]:
    """The effects whose results an argument waits for."""
    match argument:
        case {"$later": str(name)}:
            return frozenset({name})
        case dict():
            return frozenset().union(*map(sources, argument.values()))
        case list():
            return frozenset().union(*map(sources, argument))
    return frozenset()


def fill(argument: Canonical, made: Mapping[str, Canonical]) -> Canonical:
    """Put what other effects made into the places that waited for it."""
    match argument:
        case {"$later": str(name)}:
            if name not in made:
                raise BadDraft(f"It needs what {name!r} makes, and that has not happened.", code="effect.too_early")
            return {_FILLED: made[name]}
        case dict():
            return {key: fill(value, made) for key, value in argument.items()}
        case list():
            return [fill(value, made) for value in argument]
    return argument


def _places(value: object) -> int:
    """How many places a typed argument leaves open."""
    match value:
        case Later():
            return 1
        case BaseModel():
            return sum(_places(getattr(value, name)) for name in type(value).model_fields)
        case list() | tuple():
            return sum(map(_places, value))
        case dict():
            return sum(map(_places, value.values()))
    return sum(_places(getattr(value, one.name)) for one in fields(value)) if is_dataclass(value) else 0


def _marks(argument: Canonical) -> int:
    """How many places in an argument would be filled, or say that they have been."""
    match argument:
        case dict():
            return (_LATER in argument) + 2 * (_FILLED in argument) + sum(map(_marks, argument.values()))
        case list():
            return sum(map(_marks, argument))
    return 0


def _planned(named: NamedEffect, operations: Mapping[str, EffectOp[Any, Any]]) -> Effect[Any]:
    operation = _operation(named.operation, operations)
    undo = None if named.undo is None else _operation(named.undo, operations)
    argument = values.typed(operation.argument, named.argument)
    return Effect(operation, argument, cost_max=named.cost_max, undo=undo, preconditions=named.preconditions)


def _require_fit(operation: object, undo: object, cost_max: object) -> None:
    """What undoes an effect takes what that effect makes, and nothing costs less than nothing at most."""
    if not isinstance(operation, EffectOp):
        raise BadDraft(f"{operation!r} is no effect operation of a port.", code="effect.operation")
    if undo is not None and not (isinstance(undo, EffectOp) and undo.argument == operation.result):
        raise BadDraft(f"{undo!r} does not undo what {operation.name} makes.", code="effect.undo")
    if cost_max is not None and not (isinstance(cost_max, Money) and cost_max.minor >= 0):
        raise BadDraft(f"{cost_max!r} is not the most that something may cost.", code="effect.cost_max")


def _operation(name: str, operations: Mapping[str, EffectOp[Any, Any]]) -> EffectOp[Any, Any]:
    if name not in operations:
        raise BadDraft(f"No port offers {name} any more.", code="effect.operation")
    return operations[name]


def _walk(path: str, value: object) -> Iterator[tuple[str, Effect[Any]]]:
    match value:
        case Effect():
            yield path.removeprefix("."), value
        case BaseModel():
            for name in type(value).__pydantic_fields__:
                yield from _walk(f"{path}.{name}", getattr(value, name))
        case list() | tuple():
            for number, item in enumerate(value):
                yield from _walk(f"{path}.{number}", item)
        case dict():
            for key, item in value.items():
                yield from _walk(f"{path}.{key}", item)


def require_draft(value: object) -> Draft:
    """Only a draft goes before a gate."""
    if not isinstance(value, Draft):
        raise BadDraft(f"A {type(value).__name__} is no draft.")
    return value
