"""The town's booking site: one HTTP API for the tables of all its restaurants.

    GET  /availability?[place=][&area=]&party=&at=   free tables around a time, the nearest first
    POST /reservations {slot}                reserve one, under an Idempotency-Key
    GET  /reservations[?key=]                one's reservations, or the one that was made under a key
    POST /reservations/{reference}/cancel    cancel one, under an Idempotency-Key

Guests name themselves with `Authorization: Bearer <guest>`. The same key gets the same answer for a day. A request
is worked on within SETTLED_AFTER of its arrival or never. A no is 409 (404 for what does not exist) with a code.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Query, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel

from haloop.town.line import Line
from haloop.town.reservations import Answer, Book, Refusal, Reservation
from haloop.town.restaurants import Offer

SETTLED_AFTER = timedelta(seconds=30)
_STATUS = {"unknown_reservation": 404, "key_reused": 422}


class Availability(BaseModel):
    offers: list[Offer]


class Wanted(BaseModel, extra="forbid"):
    slot: str


class Reservations(BaseModel):
    reservations: list[Reservation]


def _guest(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> str:
    return credentials.credentials


Guest = Annotated[str, Depends(_guest)]
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=16, max_length=200)]


def make_booking_site(book: Book, line: Line) -> FastAPI:
    """The site over a book, at the end of a line."""
    site = FastAPI(title="Tables in town", openapi_url=None)
    site.middleware("http")(line.carry)

    @site.get("/availability")
    async def availability(
        party: Annotated[int, Query(ge=1, le=20)],
        at: AwareDatetime,
        place: Annotated[str | None, Query(min_length=1)] = None,
        area: Annotated[str | None, Query(min_length=1)] = None,
    ) -> Availability:
        return Availability(offers=book.offers(place, party, at, area=area))

    @site.post("/reservations")
    async def reserve(wanted: Wanted, guest: Guest, key: Key) -> Response:
        return _answered(book.reserve(guest, key, wanted.slot))

    @site.get("/reservations")
    async def reservations(guest: Guest, key: str | None = None) -> Reservations:
        return Reservations(reservations=book.of(guest, key=key))

    @site.post("/reservations/{reference}/cancel")
    async def cancel(reference: str, guest: Guest, key: Key) -> Response:
        return _answered(book.cancel(guest, key, reference))

    return site


def _answered(answer: Answer) -> Response:
    status = _STATUS.get(answer.code, 409) if isinstance(answer, Refusal) else 200
    return Response(content=answer.model_dump_json(), status_code=status, media_type="application/json")
