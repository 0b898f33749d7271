"""The town's second booking site: shaped like Resy's API, as those describe it who use it without having been asked to.

    POST /3/auth/password {email, password}                  sign in; any password will do
    GET  /4/find?lat=&long=&day=&party_size=&venue_id=       the free slots of a venue on a day
    GET  /3/details?config_id=&day=&party_size=              what a slot takes, and a token to book it with
    POST /3/book {book_token, struct_payment_method}         book it
    GET  /3/user/reservations                                one's reservations to come
    POST /3/cancel {resy_token}                              cancel one

What is posted are forms. A program names itself with `Authorization: ResyAPI api_key="..."`, its user with
`X-Resy-Auth-Token`; 419 where that user is not known any more. A no is 402 where it takes a payment, else 412, or 404
for what does not exist.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse

from haloop.kernel.money import Money
from haloop.town.forms import read_form
from haloop.town.line import Line
from haloop.town.reservations import Answer, Refusal, Reservation
from haloop.town.restaurants import ZONE, Offer
from haloop.town.resy_counter import VENUES, ResyCounter

_NOT_SIGNED_IN = 419
_STATUS = {"payment_required": 402, "unknown_reservation": 404}
_PROGRAM = re.compile(r'ResyAPI api_key="[^"]+"')


def _program(authorization: Annotated[str, Header()] = "") -> None:
    if not _PROGRAM.fullmatch(authorization):
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "Which program is this?")


def make_resy(counter: ResyCounter, line: Line) -> FastAPI:
    """The site at the end of a line."""
    site = FastAPI(title="Resy in town", openapi_url=None, dependencies=[Depends(_program)])
    site.middleware("http")(line.carry)

    def signed_in(x_resy_auth_token: Annotated[str, Header()] = "") -> str:
        guest = counter.guest_of(x_resy_auth_token)
        if guest is None:
            raise HTTPException(_NOT_SIGNED_IN, "Unauthorized")
        return guest

    _open_door(site, counter)
    _show_tables(site, counter, signed_in)
    _take_orders(site, counter, signed_in)
    return site


def _open_door(site: FastAPI, counter: ResyCounter) -> None:
    @site.post("/3/auth/password")
    async def sign_in(request: Request) -> dict[str, Any]:
        return {"token": counter.sign_in((await read_form(request))["email"])}


def _show_tables(site: FastAPI, counter: ResyCounter, signed_in: Callable[..., str]) -> None:
    @site.get("/4/find", dependencies=[Depends(signed_in)])
    async def find(day: date, party_size: Annotated[int, Query(ge=1)], venue_id: int) -> dict[str, Any]:
        venue = VENUES.get(venue_id)
        slots = [] if venue is None else [_slot(one) for one in counter.slots(venue, party_size, day)]
        bill = None if venue is None else _major(venue.a_head)
        found = {"venue": {**_venue(venue_id), "average_bill_size": bill}, "slots": slots}
        return {"results": {"venues": [] if venue is None else [found]}}

    @site.get("/3/details", dependencies=[Depends(signed_in)])
    async def details(config_id: str, day: date, party_size: Annotated[int, Query(ge=1)]) -> Response:
        told = counter.details(config_id, party_size, day)
        if told is None:
            return _no(Refusal(code="slot_gone", message="This slot is not available any more."))
        return JSONResponse(
            {
                "book_token": {"value": told.book_token, "date_expires": told.until.isoformat()},
                "payment": {"amounts": {"total": 0 if told.deposit is None else _major(told.deposit)}},
                "cancellation": {"fee": None},
                "user": {"payment_methods": []},
            }
        )


def _take_orders(site: FastAPI, counter: ResyCounter, signed_in: Callable[..., str]) -> None:
    @site.post("/3/book")
    async def book(request: Request, guest: Annotated[str, Depends(signed_in)]) -> Response:
        form = await read_form(request)
        answer = counter.reserve(guest, form.get("book_token", ""), pays="struct_payment_method" in form)
        if not isinstance(answer, Reservation):
            return _no(answer)
        return JSONResponse({"resy_token": _resy_token(answer), "reservation_id": _number(answer)}, HTTPStatus.CREATED)

    @site.get("/3/user/reservations")
    async def reservations(guest: Annotated[str, Depends(signed_in)]) -> dict[str, Any]:
        upcoming = counter.upcoming(guest)
        ids = {venue.name: id_ for id_, venue in VENUES.items()}
        return {
            "reservations": [_reservation(one, ids[one.restaurant]) for one in upcoming],
            "venues": {str(ids[one.restaurant]): _venue(ids[one.restaurant]) for one in upcoming},
        }

    @site.post("/3/cancel")
    async def cancel(request: Request, guest: Annotated[str, Depends(signed_in)]) -> Response:
        reference = (await read_form(request)).get("resy_token", "").removeprefix("resy-")
        answer = counter.cancel(guest, reference)
        return _no(answer) if isinstance(answer, Refusal) else JSONResponse({"payment": {"transaction": None}})


def _venue(id_: int) -> dict[str, Any]:
    venue = VENUES.get(id_)
    name = "" if venue is None else venue.name
    return {"id": {"resy": id_}, "name": name, "currency_code": "EUR", "location": {"time_zone": ZONE}}


def _slot(offer: Offer) -> dict[str, Any]:
    deposit = None if offer.deposit is None else _major(offer.deposit)
    return {
        "config": {"token": offer.slot, "type": offer.table},
        "date": {"start": _local(offer.at)},
        "payment": {"is_paid": deposit is not None, "deposit_fee": deposit, "cancellation_fee": None},
    }


def _reservation(line: Reservation, venue: int) -> dict[str, Any]:
    day, _, time = _local(line.at).partition(" ")
    return {
        "reservation_id": _number(line),
        "resy_token": _resy_token(line),
        "venue": {"id": venue},
        "day": day,
        "time_slot": time,
        "num_seats": line.party,
        "cancellation": {"fee": None},
    }


def _number(line: Reservation) -> int:
    return int(line.reference.removeprefix("R"))


def _resy_token(line: Reservation) -> str:
    return f"resy-{line.reference}"


def _local(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _major(money: Money) -> float:
    return money.minor / 100


def _no(refusal: Answer) -> Response:
    assert isinstance(refusal, Refusal)
    status = _STATUS.get(refusal.code, HTTPStatus.PRECONDITION_FAILED)
    return JSONResponse({"status": status, "message": refusal.message}, status)
