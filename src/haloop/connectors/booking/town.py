"""The town's booking site, over HTTP: free tables, reservations and their cancelling.

A reservation can be looked up by the key it was made under for as long as it stands in the site's book, so an
unknown outcome is cleared up by looking. A cancelling leaves no such trace; the site answers the same key the same
for a day, so there it is sent again.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from httpx2 import AsyncClient, HTTPError, Response, Timeout, TransportError
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from haloop.kernel.desk import (
    Absent,
    Call,
    Connector,
    Found,
    Malformed,
    Money,
    NotDone,
    Permanent,
    RateLimited,
    Transient,
    Unknown,
    Why,
    effect,
    idempotent,
    queryable,
)
from haloop.ports.booking import Booked, Booking, Cancelled, Table, TableWish

M = TypeVar("M", bound=BaseModel)

TIMEOUT = timedelta(seconds=10)
DEADLINE = timedelta(seconds=45)
"""Longer than connecting, sending and hearing may take together."""
SETTLED_AFTER = timedelta(minutes=1)
"""The site works on a request within half a minute of its arrival or never."""
SAME_KEY_FOR = timedelta(hours=23)
"""An hour less than the site promises."""
RETRY_AFTER_SECONDS = 60.0

_OK, _NOT_FOUND, _CONFLICT, _TOO_MANY, _SERVER_ERRORS = 200, 404, 409, 429, 500
_WHY = {
    "already_cancelled": Why.ALREADY,
    "declined": Why.DECLINED,
    "slot_gone": Why.DRIFTED,
    "too_late": Why.DECLINED,
    "unknown_reservation": Why.DRIFTED,
}


class _Message(BaseModel):
    """What the site says. New words of it may be added any time; ours must be what they were."""

    model_config = ConfigDict(strict=True, frozen=True)


class _Offer(_Message):
    slot: str
    restaurant: str
    table: str
    at: AwareDatetime
    party: int
    deposit: Money | None


class _Availability(_Message):
    offers: list[_Offer]


class _Reservation(_Message):
    reference: str
    restaurant: str
    at: AwareDatetime
    party: int
    charged: Money | None


class _Reservations(_Message):
    reservations: list[_Reservation]


class _Cancellation(_Message):
    reference: str
    refunded: Money | None


class _Refusal(_Message):
    code: str
    message: str


async def _look_up(site: "TownBooking", table: Table, call: Call) -> Found[Booked] | Absent | Unknown:  # noqa: ARG001
    """The reservation that was made under this key, cancelled since or not."""
    answer = await site.http.get("/reservations", params={"key": call.key})
    match _read(_Reservations, answer.raise_for_status()).reservations:
        case []:
            return Absent()
        case [reservation]:
            return Found(result=_booked(reservation))
    return Unknown(sentence="The site has several reservations under one key.")


class TownBooking:
    """One guest of the booking site."""

    def __init__(self, http: AsyncClient, *, guest: str) -> None:
        self.http = http
        self.guest = guest

    @classmethod
    @asynccontextmanager
    async def opened(cls, address: str, *, guest: str, patience: timedelta = TIMEOUT) -> "AsyncIterator[TownBooking]":
        """Speak to the site at an address, as one of its guests."""
        async with AsyncClient(
            base_url=address,
            headers={"Authorization": f"Bearer {guest}"},
            timeout=Timeout(patience.total_seconds()),
            trust_env=False,
        ) as http:
            yield cls(http, guest=guest)

    async def find(self, wish: TableWish) -> list[Table]:
        asked: dict[str, str | int] = {"place": wish.place, "party": wish.party, "at": wish.at.isoformat()}
        try:
            answer = await self.http.get("/availability", params=asked)
        except TransportError as error:
            raise Transient(f"The booking site could not be reached ({type(error).__name__}).") from error
        except HTTPError as error:
            raise Malformed(f"The booking site's answer could not be read ({type(error).__name__}).") from error
        _require_answered(answer)
        try:
            return [_table(offer) for offer in _read(_Availability, answer).offers]
        except ValidationError as error:
            raise Malformed(f"The booking site's offers could not be read ({error.error_count()} faults).") from error

    @effect(deadline=DEADLINE, recovery=queryable(_look_up, settled_after=SETTLED_AFTER))
    async def reserve(self, table: Table, call: Call) -> Booked | NotDone:
        answer = await self._post("/reservations", call, {"slot": table.slot})
        return _refused(answer) or _booked(_read(_Reservation, answer.raise_for_status()))

    @effect(deadline=DEADLINE, recovery=idempotent(for_=SAME_KEY_FOR))
    async def cancel(self, booked: Booked, call: Call) -> Cancelled | NotDone:
        answer = await self._post(f"/reservations/{booked.reference}/cancel", call, {})
        return _refused(answer) or _cancelled(_read(_Cancellation, answer.raise_for_status()))

    async def _post(self, path: str, call: Call, body: Mapping[str, str]) -> Response:
        return await self.http.post(path, json=body, headers={"Idempotency-Key": call.key})


def town_booking(site: TownBooking) -> Connector:
    """The site behind the port, in the practice world."""
    return Connector(port=Booking, speaks=site, name="town-booking", leaves=False, account=site.guest)


def _require_answered(answer: Response) -> None:
    """Whether asking again makes sense, where there is no answer."""
    if answer.status_code == _TOO_MANY:
        raise RateLimited("The booking site asks us to wait.", after_seconds=_retry_after(answer))
    if answer.status_code >= _SERVER_ERRORS:
        raise Transient(f"The booking site answered {answer.status_code}.")
    if answer.status_code != _OK:
        raise Permanent(f"The booking site answered {answer.status_code}.")


def _retry_after(answer: Response) -> float:
    seconds = answer.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else RETRY_AFTER_SECONDS


def _refused(answer: Response) -> NotDone | None:
    """A clear no, in words we know; whatever else is no success means that nobody knows."""
    if answer.status_code not in (_CONFLICT, _NOT_FOUND):
        return None
    refusal = _read(_Refusal, answer)
    return NotDone(why=_WHY[refusal.code], code=f"booking.{refusal.code}", sentence=refusal.message)


def _read(kind: type[M], answer: Response) -> M:
    return kind.model_validate_json(answer.content)


def _table(offer: _Offer) -> Table:
    return Table(
        slot=offer.slot,
        restaurant=offer.restaurant,
        name=offer.table,
        at=offer.at,
        party=offer.party,
        deposit=offer.deposit,
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
