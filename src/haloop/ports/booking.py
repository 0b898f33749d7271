"""Tables in restaurants: find one, reserve it, and cancel it again.

A table is offered for one time and one party, under a name that the booking site gave it. Reserving it may take
a deposit; whoever reserves is told how much before, so that a draft can say so.
"""

from typing import Annotated, Protocol, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from haloop.kernel.desk import Call, Money, NotDone, effect

PARTY_MAX = 20

Party: TypeAlias = Annotated[int, Field(ge=1, le=PARTY_MAX)]
Place: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TableWish(_Record):
    """What somebody asks for."""

    place: Place | None = None
    """A restaurant or a kitchen; None for any."""
    area: Place | None = None
    """A part of town; None for any."""
    party: Party
    at: AwareDatetime
    earliest: AwareDatetime | None = None
    latest: AwareDatetime | None = None
    """Within these any time is as good as another; None where just one was wished for."""


class Table(_Record):
    """A table that is free now, as the booking site offers it."""

    slot: str
    """What the site calls this table at this time under these terms."""
    restaurant: str
    name: str
    at: AwareDatetime
    """In the restaurant's own time."""
    party: Party
    deposit: Money | None = None
    estimate: Money | None = None
    """What such a party usually spends there in all; nobody charges it for the reservation."""


class Booked(_Record):
    """A table is reserved."""

    reference: str
    restaurant: str
    at: AwareDatetime
    party: int
    charged: Money | None = None


class Cancelled(_Record):
    """A reservation is no more."""

    reference: str
    refunded: Money | None = None


def _payee(table: Table) -> str | None:
    """Without a deposit nobody is paid."""
    return None if table.deposit is None else table.restaurant


def _purpose(table: Table) -> str:
    """Another table there on the same day is for the same evening, whatever its time."""
    return f"a table at {table.restaurant} on {table.at.date()}"


class Booking(Protocol):
    """What a booking site offers."""

    async def find(self, wish: TableWish) -> list[Table]:
        """Free tables near the time that is wished for, the nearest first; none is an answer."""
        ...

    async def held(self, household: str) -> list[Booked]:
        """What a household has reserved and not cancelled."""
        ...

    @effect(payee=_payee, purpose=_purpose)
    async def reserve(self, table: Table, call: Call) -> Booked | NotDone: ...

    @effect(purpose=lambda booked: f"cancel {booked.reference} at {booked.restaurant}")
    async def cancel(self, booked: Booked, call: Call) -> Cancelled | NotDone: ...
