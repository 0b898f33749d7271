"""Whether rules are looser than those before: whoever makes them so needs a passkey, and nothing else may."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloop.kernel.gate import Need
from haloop.kernel.money import Money
from haloop.kernel.people import Proof, Role
from haloop.kernel.policy import Ceiling
from haloop.kernel.rules import Rules


def most(minor: int, days: int, currency: str = "EUR") -> Ceiling:
    return Ceiling(amount=Money(minor=minor, currency=currency), window=timedelta(days=days))


BEFORE = Rules(need=Need(count=2, separation=True, proof=Proof.PASSKEY), ceilings=(most(500, 30), most(100, 7)))


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        replace(BEFORE, ceilings=(most(400, 30), most(100, 7))),
        replace(BEFORE, ceilings=(*BEFORE.ceilings, most(1, 1, "USD"))),
        replace(BEFORE, ceilings=(most(100, 30),)),
        replace(BEFORE, ceilings=(most(100, 7), most(500, 31))),
        replace(BEFORE, need=replace(BEFORE.need, count=3)),
        replace(BEFORE, need=replace(BEFORE.need, roles=frozenset({Role.OWNER}))),
    ],
    ids=["the same", "lower", "one more", "one for both", "for longer", "more people", "fewer roles"],
)
def test_what_forbids_at_least_as_much_is_no_looser(after: Rules) -> None:
    """Also where one ceiling now forbids what two did."""
    assert not after.is_looser_than(BEFORE)


@pytest.mark.parametrize(
    "after",
    [
        replace(BEFORE, ceilings=(most(501, 30), most(100, 7))),
        replace(BEFORE, ceilings=(most(500, 30),)),
        replace(BEFORE, ceilings=()),
        replace(BEFORE, ceilings=(most(500, 30, "USD"), most(100, 7))),
        replace(BEFORE, ceilings=(most(500, 29), most(100, 7))),
        replace(BEFORE, need=replace(BEFORE.need, count=1)),
        replace(BEFORE, need=replace(BEFORE.need, separation=False)),
        replace(BEFORE, need=replace(BEFORE.need, proof=Proof.TOKEN)),
    ],
    ids=["higher", "one gone", "none", "other money", "shorter", "fewer people", "own proposals", "no passkey"],
)
def test_what_lets_more_happen_is_looser(after: Rules) -> None:
    """A higher one, one that is gone or looks back less far, and a yes that takes less."""
    assert after.is_looser_than(BEFORE)


CEILINGS = st.lists(st.builds(most, st.integers(1, 4), st.integers(1, 4), st.sampled_from(["EUR", "USD"])), max_size=3)
SPENT = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4), st.sampled_from(["EUR", "USD"])), max_size=4)


def forbidden(ceilings: list[Ceiling], spent: list[tuple[int, int, str]]) -> bool:
    """Whether somewhere in these days, more was spent than a ceiling allows."""
    return any(
        sum(minor for on, minor, currency in spent if end - one.window.days < on <= end and currency == kept)
        > one.amount.minor
        for one in ceilings
        for kept in [one.amount.currency]
        for end in range(7)
    )


@given(CEILINGS, CEILINGS, SPENT)
def test_stricter_ceilings_never_allow_what_was_forbidden(
    before: list[Ceiling], after: list[Ceiling], spent: list[tuple[int, int, str]]
) -> None:
    """Whatever is spent on whichever days: what the old ones forbade, ones that are no looser forbid too."""
    old, new = Rules(need=Need(), ceilings=tuple(before)), Rules(need=Need(), ceilings=tuple(after))
    if not new.is_looser_than(old) and forbidden(before, spent):
        assert forbidden(after, spent)
