"""Tables in restaurants: find one, reserve it, and cancel it again.

A table is offered for one time and one party, under a name that the booking site gave it. Nobody pays for one through
here: a table that takes a deposit or a payment is shown as what it is, and not reserved.
"""

from typing import Annotated, Protocol, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from haloop.kernel.desk import Call, Money, NotDone, Why, effect

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
    taken: tuple[str, ...] = ()
    """What of it was not said but is the household's default, each in a sentence for the card."""


class Table(_Record):
    """A table that is free now, as the booking site offers it."""

    slot: str
    """What the site calls this table at this time under these terms."""
    restaurant: str
    name: str
    at: AwareDatetime
    """In the restaurant's own time."""
    party: Party
    payment: str | None = None
    """What the restaurant wants paid or promised beforehand, such as a deposit; with it, `reserve` answers no."""
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


def wants_payment(table: Table) -> NotDone:
    """The no that every connector gives before it has asked anybody."""
    sentence = (
        f"{table.restaurant} wants {table.payment}, and Haloop pays nothing for a table: reserve it there yourself."
    )
    return NotDone(why=Why.DECLINED, code="booking.payment", sentence=sentence)


def _purpose(table: Table) -> str:
    """Another table there on the same day is for the same evening, whatever its time."""
    return f"a table at {table.restaurant} on {table.at.date()}"


class Booking(Protocol):
    """What a booking site offers."""

    async def find(self, household: str, wish: TableWish) -> list[Table]:
        """Free tables near the time that a household wishes for, the nearest first; none is an answer."""
        ...

    async def held(self, household: str) -> list[Booked]:
        """What a household has reserved and not cancelled."""
        ...

    @effect(purpose=_purpose)
    async def reserve(self, table: Table, call: Call) -> Booked | NotDone: ...

    @effect(purpose=lambda booked: f"cancel {booked.reference} at {booked.restaurant}")
    async def cancel(self, booked: Booked, call: Call) -> Cancelled | NotDone: ...
