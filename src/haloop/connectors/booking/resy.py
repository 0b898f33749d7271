"""Resy behind the booking port, over the calls that its unasked users describe. Resy has not agreed to it.

Nothing is ever paid: a slot that takes a deposit, a payment or a card is no table to reserve, what it takes is read
again right before booking, and no payment method is sent. Resy knows no key under which a second booking would be the
first. So what the household has there already is read before, by one booking of a household after the other; a booking
is sent once; and an unknown outcome is cleared up by the household's own reservations, where the same restaurant, time
and party are the same reservation. Resy lists those to come: once its time has come, nothing says what became of one.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from httpx2 import AsyncClient, HTTPError, Response

from haloop.connectors.answers import ask, read
from haloop.connectors.booking.resy_logins import ResyLogin, ResyLogins, Venue
from haloop.connectors.booking.resy_messages import Details, Free, Made, Upcoming
from haloop.connectors.egress import Way, open_way
from haloop.kernel.clock import Clock, SystemClock, as_datetime
from haloop.kernel.desk import (
    Absent,
    Call,
    Connector,
    Found,
    NotDone,
    Permanent,
    Transient,
    Unknown,
    Why,
    effect,
    queryable,
)
from haloop.kernel.failure import StepFault
from haloop.ports.booking import Booked, Booking, Cancelled, Table, TableWish, wants_payment

ADDRESS = "https://api.resy.com"
SECONDS = 10.0
"""So long one call may take."""
DEADLINE = timedelta(minutes=1)
"""Longer than all calls of one booking may take together."""
SETTLED_AFTER = timedelta(minutes=5)
"""Resy does not say how long it may work on a booking; this is long."""
NEAR = timedelta(minutes=90)

_WHO = "Resy"
_NOT_SIGNED_IN = 419
_GONE = "This table is not free any more."
_TOO_LATE = Unknown(
    sentence="Resy lists only what is still to come, and the table's time has come: look there yourself."
)


async def _look_up(resy: "ResyBooking", table: Table, call: Call) -> Found[Booked] | Absent | Unknown:
    """The reservation that the booking would have made."""
    match [one for one in await resy.held(call.account) if _is_it(one, table)]:
        case []:
            return _TOO_LATE if resy.has_come(table.at) else Absent()
        case [booked]:
            return Found(result=booked)
    return Unknown(sentence="Resy lists several such reservations.")


async def _look_for(resy: "ResyBooking", booked: Booked, call: Call) -> Found[Cancelled] | Absent | Unknown:
    """Whether the reservation is gone."""
    stands = any(one.reference == booked.reference for one in await resy.held(call.account))
    if stands:
        return Absent()
    return _TOO_LATE if resy.has_come(booked.at) else Found(result=Cancelled(reference=booked.reference))


class ResyBooking:
    """Resy, where each household that has signed in is a guest of its own."""

    def __init__(self, http: AsyncClient, logins: ResyLogins, clock: Clock) -> None:
        self._http = http
        self._logins = logins
        self._clock = clock
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        logins: ResyLogins,
        *,
        town_address: str | None = None,
        patience: timedelta | None = None,
        clock: Clock | None = None,
    ) -> "AsyncIterator[ResyBooking]":
        """Speak to Resy itself, or to the town's likeness of it."""
        near = None if town_address is None else town_address.replace("//localhost:", "//127.0.0.1:")
        seconds = SECONDS if patience is None else patience.total_seconds()
        hosts = frozenset() if near else frozenset({ADDRESS.removeprefix("https://")})
        reach = frozenset({near}) if near else frozenset[str]()
        async with open_way(Way(purpose="booking at Resy", hosts=hosts, near=reach, seconds_max=seconds)) as http:
            http.base_url = near or ADDRESS
            yield cls(http, logins, clock or SystemClock())

    async def find(self, household: str, wish: TableWish) -> list[Table]:
        login = self._login(household)
        found: list[Table] = []
        for venue in _meant(login, household, wish):
            asked = {"lat": "0", "long": "0", "day": f"{wish.at:%Y-%m-%d}", "party_size": str(wish.party)}
            free = await ask(
                self._http,
                Free,
                "/4/find",
                who=_WHO,
                params={**asked, "venue_id": str(venue.id)},
                headers=login.headers,
                known=_known(household),
            )
            found += [table for table in free.tables(wish.party) if abs(table.at - wish.at) <= NEAR]
        return sorted(found, key=lambda table: abs(table.at - wish.at))

    async def held(self, household: str) -> list[Booked]:
        return (await self._upcoming(household)).booked()

    @effect(deadline=DEADLINE, recovery=queryable(_look_up, settled_after=SETTLED_AFTER))
    async def reserve(self, table: Table, call: Call) -> Booked | NotDone:
        if table.payment is not None:
            return wants_payment(table)
        async with self._turns[call.account]:
            return await self._reserved(table, call)

    @effect(deadline=DEADLINE, recovery=queryable(_look_for, settled_after=SETTLED_AFTER))
    async def cancel(self, booked: Booked, call: Call) -> Cancelled | NotDone:
        try:
            upcoming = await self._upcoming(call.account)
        except StepFault as fault:
            return _not_sent(fault)
        stands = [one for one in upcoming.reservations if str(one.reservation_id) == booked.reference]
        if not stands:
            sentence = "Resy lists no such reservation to come."
            return NotDone(why=Why.ALREADY, code="booking.unknown_reservation", sentence=sentence)
        if stands[0].cancellation.fee:
            sentence = (
                f"Cancelling costs {stands[0].cancellation.fee:f} at {booked.restaurant}: cancel it there yourself."
            )
            return NotDone(why=Why.DECLINED, code="booking.payment", sentence=sentence)
        answer = await self._post("/3/cancel", call.account, {"resy_token": stands[0].resy_token})
        if no := _refused(answer, call.account):
            return no
        answer.raise_for_status()
        return Cancelled(reference=booked.reference)

    def has_come(self, at: datetime) -> bool:
        """Whether it is that time by now."""
        return at <= as_datetime(self._clock.read().wall)

    async def check(self) -> None:
        """Ask for what changes nothing and names nobody; any answer will do."""
        try:
            await self._http.get("/")
        except HTTPError as error:
            raise Transient(f"{_WHO} could not be reached ({type(error).__name__}).") from error

    async def _reserved(self, table: Table, call: Call) -> Booked | NotDone:
        """Look, then book: between the two no other booking of this household comes."""
        try:
            ready = await self._book_token(table, call.account)
        except StepFault as fault:
            return _not_sent(fault)
        if isinstance(ready, NotDone):
            return ready
        answer = await self._post("/3/book", call.account, {"book_token": ready})
        if no := _refused(answer, call.account):
            return no
        made = read(Made, answer.raise_for_status())
        return Booked(reference=str(made.reservation_id), restaurant=table.restaurant, at=table.at, party=table.party)

    async def _book_token(self, table: Table, household: str) -> str | NotDone:
        """What books the table, once there is no other there that day and nothing is to be paid."""
        twice = [one for one in await self.held(household) if _is_same_visit(one, table)]
        if twice:
            sentence = f"You have a table at {table.restaurant} already, at {twice[0].at:%H:%M} on that day."
            return NotDone(why=Why.ALREADY, code="booking.already_reserved", sentence=sentence)
        details = await ask(
            self._http,
            Details,
            "/3/details",
            who=_WHO,
            params={"config_id": table.slot, "day": f"{table.at:%Y-%m-%d}", "party_size": str(table.party)},
            headers=self._login(household).headers,
            known={**_known(household), 404: _GONE, 412: _GONE},
        )
        if details.wants:
            return wants_payment(table.model_copy(update={"payment": details.wants}))
        return details.book_token.value

    async def _upcoming(self, household: str) -> Upcoming:
        headers = self._login(household).headers
        return await ask(
            self._http, Upcoming, "/3/user/reservations", who=_WHO, headers=headers, known=_known(household)
        )

    async def _post(self, path: str, household: str, form: dict[str, str]) -> Response:
        return await self._http.post(path, data=form, headers=self._login(household).headers)

    def _login(self, household: str) -> ResyLogin:
        login = self._logins.read(household)
        if login is None:
            raise Permanent(f"Nobody is signed in at Resy here. {_sign_in(household)}")
        return login


def resy_booking(resy: ResyBooking, *, practice: bool) -> Connector:
    """Resy behind the port; in the practice world its effects stay on this machine."""
    return Connector(port=Booking, speaks=resy, name="resy", live=not practice, leaves=not practice, check=resy.check)


def _meant(login: ResyLogin, household: str, wish: TableWish) -> list[Venue]:
    """The restaurants to ask; Resy is asked about those that the household named, and no others."""
    if wish.area is not None and wish.place is None:
        raise Permanent("At Resy, restaurants are known here by name and not by their part of town: say which.")
    meant = login.named(wish.place)
    if not meant:
        known = ", ".join(one.name for one in login.venues) or "none"
        how = f"Add one with: haloop connect resy --account {household} --venue NAME=NUMBER."
        raise Permanent(f"No restaurant at Resy is known here by that name. Known: {known}. {how}")
    return meant


def _known(household: str) -> dict[int, str]:
    return {_NOT_SIGNED_IN: f"Resy does not know this household any more: its token has expired. {_sign_in(household)}"}


def _sign_in(household: str) -> str:
    return f"Sign in with: haloop connect resy --account {household}."


def _refused(answer: Response, household: str) -> NotDone | None:
    """A clear no; whatever else is no success means that nobody knows."""
    match answer.status_code:
        case 402:
            sentence = "The restaurant wants a payment, and Haloop pays nothing for a table: reserve it there yourself."
            return NotDone(why=Why.DECLINED, code="booking.payment", sentence=sentence)
        case 404 | 412:
            return NotDone(
                why=Why.DRIFTED, code="booking.refused", sentence="Resy said no: it is not possible any more."
            )
        case 419:
            return NotDone(why=Why.DECLINED, code="booking.not_signed_in", sentence=_known(household)[_NOT_SIGNED_IN])
    return None


def _not_sent(fault: StepFault) -> NotDone:
    """Nothing that changes anything has left, so whatever went wrong before is a clear no."""
    why = Why.DRIFTED if isinstance(fault, Permanent) else Why.DECLINED
    return NotDone(why=why, code="booking.not_sent", sentence=f"{fault} Nothing was sent.")


def _is_same_visit(booked: Booked, table: Table) -> bool:
    return booked.restaurant == table.restaurant and booked.at.date() == table.at.date()


def _is_it(booked: Booked, table: Table) -> bool:
    return (booked.restaurant, booked.at, booked.party) == (table.restaurant, table.at, table.party)
