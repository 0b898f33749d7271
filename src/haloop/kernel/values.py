"""Typed values and their plain form: what desk authors declare, and what the ledger stores.

A procedure speaks in models, records, money and times. The ledger stores strings, whole numbers, lists and
objects. Each annotation has one shape that turns a value into its plain form and back, strictly, so that what
a run reads again after a restart is what it was given the first time. A float has no plain form, so none
comes near money.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast

from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadValue

Annotation = Any
"""A type as it is written in a signature."""


def plain(annotation: Annotation, value: object, *, context: Mapping[str, object] | None = None) -> Canonical:
    """The plain form of a value, which must be what its annotation says."""
    try:
        shape = _shape(annotation)
        checked = shape.validator.validate_python(value, strict=True)
        written = shape.serializer.to_python(checked, mode="json", context=context, warnings="error")
        return cast("Canonical", written)
    except (ValidationError, PydanticSerializationError, UnicodeDecodeError) as error:
        raise BadValue(f"This is not {_name(annotation)}: {_first_line(error)}") from error


def typed(annotation: Annotation, value: Canonical, *, context: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401
    """The value that `plain` was made from."""
    try:
        return _shape(annotation).validator.validate_json(to_json(value), strict=True, context=context)
    except (ValidationError, PydanticSerializationError) as error:
        raise BadValue(f"What is stored is not {_name(annotation)}: {_first_line(error)}") from error


def digest(value: Canonical) -> str:
    """A short name for a plain value: the SHA-256 of its canonical bytes, in hex."""
    return sha256(canonical.encode(value)).hexdigest()


@lru_cache(maxsize=4096)
def _shape(annotation: Annotation) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation)
    except PydanticSchemaGenerationError as error:
        raise BadValue(f"{_name(annotation)} cannot be stored: {_first_line(error)}") from error


def _name(annotation: Annotation) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}." if where else f"{first['msg']}."
    return str(error).splitlines()[0]
