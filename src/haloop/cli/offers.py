"""What can be asked for, as a terminal lists it: each procedure with what it takes."""

from collections.abc import Iterator, Mapping
from typing import Any

from haloop.kernel import canonical
from haloop.kernel.errors import NotCanonical
from haloop.wire.requests import Offered

_TYPES = {
    "boolean": "true or false",
    "integer": "whole number",
    "null": "nothing",
    "number": "number",
    "string": "text",
}
_DEPTH_MAX = 4


def offer_lines(desk: str, offered: Offered) -> Iterator[str]:
    """A procedure, what it does, and a line for each value it takes."""
    does = offered.does.partition("\n")[0]
    yield f"  {desk}.{offered.name}" + (f": {does}" if does else "")
    for name, schema in offered.takes.items():
        yield from (f"    {line}" for line in _taken(name, schema, schema.get("$defs", {}), _DEPTH_MAX))


def taken_lines(schema: Mapping[str, Any]) -> Iterator[str]:
    """What a value of this shape holds, a line for each field."""
    known = schema.get("$defs", {})
    for field, inner in schema.get("properties", {}).items():
        yield from _taken(field, inner, known, _DEPTH_MAX)


def _taken(name: str, schema: Mapping[str, Any], known: Mapping[str, Any], depth: int) -> Iterator[str]:
    whole = _whole(schema, known)
    fields = whole.get("properties", {})
    if not fields or depth == 0:
        default = f", or {_spelled(whole['default'])} if left out" if "default" in whole else ""
        yield f"{name}: {_kind(whole, known)}{default}"
    for field, inner in fields.items() if depth else ():
        yield from _taken(f"{name}.{field}", inner, known, depth - 1)


def _whole(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with the one it refers to."""
    named = str(schema.get("$ref", "")).rpartition("/")[2]
    return {**known[named], **schema} if named in known else schema


def _kind(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    match schema:
        case {"enum": list(words)}:
            return " or ".join(map(str, words))
        case {"anyOf": list(ways)}:
            return " or ".join(_kind(_whole(way, known), known) for way in ways)
        case {"type": "array", "items": dict(items)}:
            return f"list of {_kind(_whole(items, known), known)}"
        case {"type": str(kind)}:
            return _TYPES.get(kind, kind)
    return "JSON"


def _spelled(default: Any) -> str:  # noqa: ANN401  # whatever a schema holds
    """A value as somebody would type it."""
    if isinstance(default, str):
        return default
    try:
        return canonical.encode(default).decode()
    except NotCanonical:
        return str(default)
