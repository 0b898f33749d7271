"""A value and its plain form are the same thing told twice, strictly: nothing is bent to fit, and no float gets in."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel

from haloop.kernel import canonical, values
from haloop.kernel.errors import BadValue, HaloopError
from haloop.kernel.money import Money


class Size(StrEnum):
    SMALL = "small"


class Cup(BaseModel, frozen=True):
    size: Size
    price: Money
    made: datetime | None = None


CUP = Cup(size=Size.SMALL, price=Money(minor=250, currency="EUR"))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (str, "tea"),
        (int, 3),
        (bool, True),
        (type(None), None),
        (Size, Size.SMALL),
        (Money, Money(minor=-1, currency="JPY")),
        (Cup, CUP),
        (Cup | None, None),
        (tuple[Cup, ...], (CUP, CUP)),
        (Sequence[str], ["a", "b"]),
        (dict[str, Cup], {"one": CUP}),
        (datetime, datetime(2026, 3, 29, 2, 30, tzinfo=UTC)),
        (date, date(2026, 3, 29)),
        (timedelta, timedelta(minutes=15)),
        (Any, {"whatever": [1, "two", None]}),
    ],
    ids=str,
)
def test_a_value_comes_back_from_the_ledger_as_it_went(annotation: Any, value: object) -> None:
    """What a run reads again after a restart is equal to what it was given the first time, and of the same type."""
    again = values.typed(annotation, canonical.decode(canonical.encode(values.plain(annotation, value))))
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, "3"),
        (int, True),
        (str, 3),
        (Cup, {"size": "small"}),
        (Cup, CUP.model_copy(update={"price": 250})),
        (Sequence[Cup], [CUP, "tea"]),
        (Money, 250),
    ],
    ids=str,
)
def test_what_is_not_of_its_declared_type_is_refused(annotation: Any, value: object) -> None:
    """Nothing is converted on the way: a value is what its annotation says, or it is refused."""
    with pytest.raises(BadValue):
        values.plain(annotation, value)


@pytest.mark.parametrize(
    ("annotation", "stored"),
    [
        (int, "3"),
        (Cup, {}),
        (Money, {"currency": "EUR", "minor": "250"}),
        (Cup, {"size": "small", "price": {"currency": "euro", "minor": 250}}),
    ],
    ids=str,
)
def test_what_is_stored_is_read_as_strictly(annotation: Any, stored: Any) -> None:
    """A stored value that is no longer of its type is refused instead of being guessed at."""
    with pytest.raises(BadValue):
        values.typed(annotation, stored)


@pytest.mark.parametrize(("annotation", "value"), [(float, 0.1), (Any, {"rate": 0.1}), (list[float], [1.0])], ids=str)
def test_a_float_has_no_plain_form(annotation: Any, value: object) -> None:
    """A fraction that computers round differently never gets into a hash."""
    with pytest.raises(HaloopError) as refused:
        values.digest(values.plain(annotation, value))
    assert refused.value.code == "canonical.float"
