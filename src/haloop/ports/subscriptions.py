"""Subscriptions: which a household has, what ending one would mean, and ending it."""

from datetime import date
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from haloop.kernel.desk import Call, Money, NotDone, effect


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Subscription(_Record):
    """What a household pays for again and again."""

    subscription: str
    """What its provider calls it."""
    name: str
    plan: str
    price: Money
    every: str
    """`month`, `year`."""
    ends_on: date | None = None
    """The last day, where it is cancelled already."""


class Terms(_Record):
    """What cancelling one today means, as its provider says."""

    subscription: str
    name: str
    ends_on: date
    """The last day of it: notice periods count."""
    lost: tuple[str, ...] = ()
    """What is gone after that day."""
    fee: Money | None = None


class Ending(_Record):
    """A subscription is cancelled."""

    confirmation: str
    name: str
    ends_on: date
    charged: Money | None = None


def _payee(terms: Terms) -> str | None:
    return None if terms.fee is None else terms.name


class Subscriptions(Protocol):
    """Where a household's subscriptions are kept."""

    async def held(self, household: str) -> list[Subscription]:
        """All of them, the cancelled ones that still run too."""
        ...

    async def terms(self, household: str, subscription: str) -> Terms:
        """What it would mean to cancel one today."""
        ...

    @effect(payee=_payee, purpose=lambda terms: f"cancel {terms.name}", seen=Terms)
    async def end(self, terms: Terms, call: Call) -> Ending | NotDone: ...
