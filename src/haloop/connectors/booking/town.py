"""The town's booking site, over HTTP: free tables, reservations and their cancelling.

A reservation can be looked up by the key it was made under for as long as it stands in the site's book, so an
unknown outcome is cleared up by looking. A cancelling leaves no such trace; the site answers the same key the same
for a day, so there it is sent again.
"""

from collections.abc import Mapping
from datetime import timedelta

from httpx2 import Response
from pydantic import AwareDatetime

from haloop.connectors.answers import Message, ask, read, refused
from haloop.connectors.town_site import TownSite, as_guest
from haloop.kernel.desk import (
    Absent,
    Call,
    Connector,
    Found,
    Money,
    NotDone,
    Unknown,
    Why,
    effect,
    idempotent,
    queryable,
)
from haloop.ports.booking import Booked, Booking, Cancelled, Table, TableWish, wants_payment

DEADLINE = timedelta(seconds=45)
"""Longer than connecting, sending and hearing may take together."""
SETTLED_AFTER = timedelta(minutes=1)
"""The site works on a request within half a minute of its arrival or never."""
SAME_KEY_FOR = timedelta(hours=23)
"""An hour less than the site promises."""

_WHO = "The booking site"
_WHY = {
    "already_cancelled": Why.ALREADY,
    "already_reserved": Why.ALREADY,
    "declined": Why.DECLINED,
    "slot_gone": Why.DRIFTED,
    "too_late": Why.DECLINED,
    "unknown_reservation": Why.DRIFTED,
}


class _Offer(Message):
    slot: str
    restaurant: str
    table: str
    at: AwareDatetime
    party: int
    deposit: Money | None
    estimate: Money | None = None


class _Availability(Message):
    offers: list[_Offer]


class _Reservation(Message):
    reference: str
    restaurant: str
    at: AwareDatetime
    party: int
    charged: Money | None
    cancelled: bool


class _Reservations(Message):
    reservations: list[_Reservation]


class _Cancellation(Message):
    reference: str
    refunded: Money | None


async def _look_up(site: "TownBooking", table: Table, call: Call) -> Found[Booked] | Absent | Unknown:  # noqa: ARG001
    """The reservation that was made under this key, cancelled since or not."""
    answer = await site.http.get("/reservations", params={"key": call.key}, headers=as_guest(call.account))
    match read(_Reservations, answer.raise_for_status()).reservations:
        case []:
            return Absent()
        case [reservation]:
            return Found(result=_booked(reservation))
    return Unknown(sentence="The site has several reservations under one key.")


class TownBooking(TownSite):
    """The booking site, where each household is a guest of its own."""

    async def find(self, household: str, wish: TableWish) -> list[Table]:
        where = {"place": wish.place, "area": wish.area}
        asked = {
            "party": str(wish.party),
            "at": wish.at.isoformat(),
            **{key: said for key, said in where.items() if said},
        }
        headers = as_guest(household)
        found = await ask(self.http, _Availability, "/availability", who=_WHO, params=asked, headers=headers)
        return [_table(offer) for offer in found.offers]

    async def held(self, household: str) -> list[Booked]:
        answer = await ask(self.http, _Reservations, "/reservations", who=_WHO, headers=as_guest(household))
        return [_booked(one) for one in answer.reservations if not one.cancelled]

    @effect(deadline=DEADLINE, recovery=queryable(_look_up, settled_after=SETTLED_AFTER))
    async def reserve(self, table: Table, call: Call) -> Booked | NotDone:
        if table.payment is not None:
            return wants_payment(table)
        answer = await self._post("/reservations", call, {"slot": table.slot})
        return refused(answer, _WHY, of="booking") or _booked(read(_Reservation, answer.raise_for_status()))

    @effect(deadline=DEADLINE, recovery=idempotent(for_=SAME_KEY_FOR))
    async def cancel(self, booked: Booked, call: Call) -> Cancelled | NotDone:
        answer = await self._post(f"/reservations/{booked.reference}/cancel", call, {})
        return refused(answer, _WHY, of="booking") or _cancelled(read(_Cancellation, answer.raise_for_status()))

    async def check(self) -> None:
        """Ask for what changes nothing; a failure where the site does not answer us."""
        await self.held("nobody")

    async def _post(self, path: str, call: Call, body: Mapping[str, str]) -> Response:
        return await self.http.post(path, json=body, headers={"Idempotency-Key": call.key, **as_guest(call.account)})


def town_booking(site: TownBooking) -> Connector:
    """The site behind the port, in the practice world."""
    return Connector(port=Booking, speaks=site, name="town-booking", leaves=False, check=site.check)


def _table(offer: _Offer) -> Table:
    return Table(
        slot=offer.slot,
        restaurant=offer.restaurant,
        name=offer.table,
        at=offer.at,
        party=offer.party,
        payment=None if offer.deposit is None else f"a deposit of {offer.deposit.format()}",
        estimate=offer.estimate,
    )


def _booked(reservation: _Reservation) -> Booked:
    return Booked(
        reference=reservation.reference,
        restaurant=reservation.restaurant,
        at=reservation.at,
        party=reservation.party,
        charged=reservation.charged,
    )


def _cancelled(cancellation: _Cancellation) -> Cancelled:
    return Cancelled(reference=cancellation.reference, refunded=cancellation.refunded)
