"""An amount of money: a whole number of the currency's smallest unit, and the currency.

Cents are counted, never measured, so no float comes near them. Amounts of two currencies are not
added or compared, because any answer would hide an exchange rate that nobody agreed to.
"""

import re
from dataclasses import dataclass

from haloop.kernel.canonical import INTEGER_MAX, Canonical
from haloop.kernel.errors import BadMoney

_CURRENCY = re.compile(r"[A-Z]{3}")
_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,4}))?")

_DECIMALS_USUALLY = 2
_DECIMALS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


CURRENCIES = frozenset(
    (
        *("AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD", "BIF", "BMD"),
        *("BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLF", "CLP", "CNY", "COP"),
        *("CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP"),
        *("GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD"),
        *("IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK"),
        *("LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR"),
        *("MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP"),
        *("PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP"),
        *("SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD"),
        *("TWD", "TZS", "UAH", "UGX", "USD", "UYI", "UYU", "UYW", "UZS", "VED", "VES", "VND", "VUV", "WST", "XAF"),
        *("XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG"),
    )
)
"""Those of ISO 4217 that are in use: what a person says may be spent is in one of them, or it would bind nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """So many of the smallest units of one currency; negative when it is owed back."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:  # True is 1 to Python, and 12.5 cents is nobody's price
            raise BadMoney(f"An amount is a whole number of minor units, not a {type(self.minor).__name__}.")
        if abs(self.minor) > INTEGER_MAX:
            raise BadMoney("An amount is at most 2^53-1 minor units.")
        if type(self.currency) is not str or not _CURRENCY.fullmatch(self.currency):
            raise BadMoney(f"{self.currency!r} is not a currency; it takes three capitals, such as EUR.")

    @classmethod
    def of_major(cls, amount: str, currency: str) -> "Money":
        """Read what a person writes, such as "12.50" in EUR; never more decimals than the currency has."""
        written = _DECIMAL.fullmatch(amount) if type(amount) is str else None
        if written is None:
            raise BadMoney(f"{amount!r:.40} is not an amount: digits, and a point before the decimals.")
        sign, whole, decimals = written[1], written[2], written[3] or ""
        places = _DECIMALS.get(currency, _DECIMALS_USUALLY)
        if len(decimals) > places:
            raise BadMoney(f"{amount!r} has more than the {places} decimals of {currency}.")
        return cls(minor=int(f"{sign}{whole}{decimals:0<{places}}"), currency=currency)

    def format(self) -> str:
        """Plain text that reads the same everywhere, such as "12.50 EUR"."""
        places = _DECIMALS.get(self.currency, _DECIMALS_USUALLY)
        digits = f"{abs(self.minor):0{places + 1}}"
        whole, decimals = digits[: len(digits) - places], digits[len(digits) - places :]
        sign, point = "-" if self.minor < 0 else "", "." if places else ""
        return f"{sign}{whole}{point}{decimals} {self.currency}"

    def as_canonical(self) -> dict[str, Canonical]:
        """The record that goes into hashed bytes."""
        return {"currency": self.currency, "minor": self.minor}

    def __add__(self, other: "Money") -> "Money":
        return Money(minor=self.minor + self._comparable(other), currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(minor=self.minor - self._comparable(other), currency=self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._comparable(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._comparable(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._comparable(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._comparable(other)

    def _comparable(self, other: "Money") -> int:
        if not isinstance(other, Money):
            raise BadMoney(f"Money and a {type(other).__name__} do not go together.")
        if other.currency != self.currency:
            raise BadMoney(f"{self.currency} and {other.currency} are added or compared by no rule of ours.")
        return other.minor
