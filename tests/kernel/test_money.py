"""Money: whole minor units of one currency, read and printed without a float, never mixed with another."""

from collections.abc import Callable
from decimal import Decimal
from operator import add, ge, gt, le, lt, sub
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloop.kernel.canonical import INTEGER_MAX, encode
from haloop.kernel.errors import BadMoney
from haloop.kernel.money import Money

amounts = st.integers(-INTEGER_MAX, INTEGER_MAX)
currencies = st.sampled_from(["EUR", "JPY", "KWD", "CLF", "USD"])


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


@pytest.mark.parametrize(
    ("written", "currency", "minor", "printed"),
    [
        ("12.50", "EUR", 1250, "12.50 EUR"),
        ("12.5", "EUR", 1250, "12.50 EUR"),
        ("12", "EUR", 1200, "12.00 EUR"),
        ("0.05", "EUR", 5, "0.05 EUR"),
        ("-0.05", "EUR", -5, "-0.05 EUR"),
        ("0", "EUR", 0, "0.00 EUR"),
        ("-0", "EUR", 0, "0.00 EUR"),
        ("1250", "JPY", 1250, "1250 JPY"),
        ("-1", "JPY", -1, "-1 JPY"),
        ("1.250", "KWD", 1250, "1.250 KWD"),
        ("1.0001", "CLF", 10001, "1.0001 CLF"),
        ("90071992547409.91", "EUR", INTEGER_MAX, "90071992547409.91 EUR"),
    ],
)
def test_an_amount_reads_and_prints_in_its_own_currency(written: str, currency: str, minor: int, printed: str) -> None:
    """What a person writes becomes whole minor units by the currency's own decimals, and prints back."""
    money = Money.of_major(written, currency)
    assert (money.minor, money.format()) == (minor, printed)


@pytest.mark.parametrize(
    ("written", "currency"),
    [
        ("12.505", "EUR"),
        ("1.5", "JPY"),
        ("1.2345", "KWD"),
        ("12,50", "EUR"),
        ("1.250,00", "EUR"),
        ("1_000", "EUR"),
        ("1 000", "EUR"),
        (" 1", "EUR"),
        ("1\n", "EUR"),
        ("+1", "EUR"),
        ("--1", "EUR"),
        ("01", "EUR"),
        (".5", "EUR"),
        ("5.", "EUR"),
        ("1e3", "EUR"),
        ("NaN", "EUR"),
        ("\u0661", "EUR"),
        ("", "EUR"),
        ("90071992547409.92", "EUR"),
        ("9" * 5000, "EUR"),
        ("1", "eur"),
        ("1", "EURO"),
        ("1", "EUR\n"),
        ("1", "É12"),
        ("1", ""),
        (12.5, "EUR"),
        (12, "EUR"),
        (b"12", "EUR"),
    ],
)
def test_an_amount_that_must_be_guessed_is_refused(written: Any, currency: str) -> None:
    """Other separators, too many decimals, odd signs and odd currencies are refused, never interpreted."""
    with pytest.raises(BadMoney):
        Money.of_major(written, currency)


@pytest.mark.parametrize("minor", [12.0, 12.5, True, "12", None, Decimal(12), INTEGER_MAX + 1, -INTEGER_MAX - 1])
def test_an_amount_is_a_whole_number_within_bounds(minor: Any) -> None:
    """No float, no truth value and no number beyond 2^53-1 becomes an amount."""
    with pytest.raises(BadMoney):
        Money(minor=minor, currency="EUR")


@pytest.mark.parametrize("currency", [None, 978, b"EUR", "EU", "euR"])
def test_a_currency_is_three_capitals(currency: Any) -> None:
    """Anything else in a currency's place is refused."""
    with pytest.raises(BadMoney):
        Money(minor=1, currency=currency)


def test_amounts_of_one_currency_add_up_and_compare() -> None:
    """Within one currency money does what a bill does."""
    assert eur(1250) + eur(50) == eur(1300)
    assert eur(50) - eur(1250) == eur(-1200)
    assert eur(1) < eur(2) <= eur(2)
    assert eur(3) > eur(2) >= eur(2)
    assert max(eur(1), eur(3), eur(2)) == eur(3)
    assert eur(1) != Money(minor=1, currency="USD")


@pytest.mark.parametrize("act", [add, sub, lt, le, gt, ge])
@pytest.mark.parametrize("other", [Money(minor=1, currency="USD"), 1, 1.0, None])
def test_currencies_do_not_mix(act: Callable[[Any, Any], Any], other: Any) -> None:
    """Adding or comparing across currencies, or with a bare number, is refused rather than answered."""
    with pytest.raises(BadMoney):
        act(eur(1), other)


@pytest.mark.parametrize(("act", "minor"), [(add, INTEGER_MAX), (sub, -INTEGER_MAX)])
def test_a_sum_beyond_the_bound_is_refused(act: Callable[[Any, Any], Any], minor: int) -> None:
    """A sum that no reader could hold exactly is refused instead of rounded."""
    with pytest.raises(BadMoney, match="at most"):
        act(eur(minor), eur(1))


@given(amounts, currencies)
def test_what_is_printed_reads_back(minor: int, currency: str) -> None:
    """Printed money, read again, is the same money."""
    money = Money(minor=minor, currency=currency)
    written, printed_currency = money.format().split(" ")
    assert Money.of_major(written, printed_currency) == money


def test_money_has_canonical_bytes() -> None:
    """In a hashed record money is its minor units and its currency."""
    assert encode(eur(-1250).as_canonical()) == b'{"currency":"EUR","minor":-1250}'
