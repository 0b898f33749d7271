"""An account's rules as they go over the wire: what each yes takes, and how much may be spent at most."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from haloop.kernel.canonical import INTEGER_MAX
from haloop.kernel.money import CURRENCIES, Money
from haloop.kernel.policy import CEILING_WINDOW_MAX
from haloop.wire.passkeys import PasskeyConfirmed

YESES_MAX = 9
CEILINGS_MAX = 20


def _in_use(currency: str) -> str:
    if currency not in CURRENCIES:
        raise ValueError("it is no currency that is in use, such as EUR")
    return currency


class MostSaid(BaseModel, extra="forbid", strict=True):
    """An amount that something costs at most."""

    minor: int = Field(ge=1, le=INTEGER_MAX)
    """In the currency's smallest unit."""
    currency: Annotated[str, AfterValidator(_in_use)] = Field(json_schema_extra={"pattern": "^[A-Z]{3}$"})


class CeilingSaid(BaseModel, extra="forbid", strict=True):
    """The most that the account spends within a window, whoever says yes."""

    amount: MostSaid
    window_days: int = Field(ge=1, le=CEILING_WINDOW_MAX.days)


class NeedSaid(BaseModel, extra="forbid", strict=True):
    """What each yes takes; what a desk or the built-in rule asks for beyond it stays."""

    count: int = Field(ge=1, le=YESES_MAX)
    """Of so many people."""
    passkey: bool
    """Each with their passkey, also in practice."""
    separation: bool
    """Of nobody who asked for it or changed it."""


class CeilingOut(BaseModel, frozen=True):
    """A ceiling as it is."""

    amount: Money
    window_days: int


class RulesOut(BaseModel, frozen=True):
    """The rules of an account that people set, as they are."""

    need: NeedSaid
    ceilings: list[CeilingOut]
    version: str
    """Which rules these are: whoever sets others says instead of which."""


class RulesWanted(BaseModel, extra="forbid"):
    """The rules as they are to be, all of them."""

    need: NeedSaid
    ceilings: list[CeilingSaid] = Field(max_length=CEILINGS_MAX)
    instead_of: str = Field(pattern="^[0-9a-f]{64}$")
    """The version of those that were read."""
    confirmed: PasskeyConfirmed | None = None
    """The answer of a passkey to exactly these, where they are looser than those before."""
