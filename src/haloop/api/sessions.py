"""A browser's session: begun with a key that is good for one visit, and over when somebody says so."""

import logging
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from haloop.api.asking import At, By, ByPerson, In, fresh, same_site
from haloop.api.browsers import binding_of, browser_of, page_with, welcome
from haloop.api.once import Keyed
from haloop.api.rates import visits_limited
from haloop.identity import SESSION_SECONDS, NotKnown
from haloop.kernel.clock import as_text
from haloop.wire.sessions import SessionOut, SessionSeen, Visit, VisitOut

router = APIRouter(tags=["sessions"], route_class=Keyed)
log = logging.getLogger("haloop.api")

SessionName = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]

_SECOND = 1_000_000


@router.post("/api/session", status_code=201, dependencies=[Depends(same_site), Depends(visits_limited)])
async def begin_session(house: In, place: At, request: Request, visit: Visit, answer: Response) -> SessionOut:
    """Exchange a key that is good for one visit for a session: a cookie, and a secret that the page keeps and sends.

    From elsewhere a key is what a login ends with, and good in the very browser that began it.
    """
    binding = binding_of(place, request) or "nobody" if place.is_beyond else ""
    caller = house.identity.take(visit.key, binding=binding)
    if caller.is_beyond != place.is_beyond:
        raise NotKnown("This address was made for another place.", code="identity.used")
    return welcome(request, house.identity.begin(caller, browser=browser_of(request)), answer)


@router.post("/api/visits", status_code=201, dependencies=[Depends(fresh)])
async def invite_browser(house: In, place: At, caller: ByPerson) -> VisitOut:
    """Have an address made that opens the page once, as whoever asks.

    From elsewhere it takes a login too, which becomes a way in for whoever asked.
    """
    key = house.identity.issue_once(replace(caller, proven_at=0))
    return VisitOut(path=f"/?key={key}", address=page_with(house, place.address, key))


@router.get("/api/sessions")
async def list_sessions(house: In, caller: ByPerson) -> list[SessionSeen]:
    """The browsers in which you are known, the newest first."""
    return [
        SessionSeen(
            id=one.id,
            browser=one.browser,
            begun_at=as_text(one.begun_at),
            used_at=as_text(one.used_at),
            ends_at=as_text(one.begun_at + SESSION_SECONDS * _SECOND),
            current=one.id == caller.session,
        )
        for one in house.identity.sessions(caller)
    ]


@router.delete("/api/sessions/{session}", status_code=204)
async def revoke_session(house: In, caller: ByPerson, session: SessionName) -> None:
    """End one of your sessions, in whichever browser it is."""
    house.identity.revoke_session(caller, session)
    log.info("session ended")


@router.delete("/api/session", status_code=204)
async def end_session(house: In, _: By, place: At, request: Request, answer: Response) -> None:
    """End this browser's session, here and in the process."""
    house.identity.end_session(request.cookies.get(place.session_cookie, ""))
    log.info("session ended")
    answer.delete_cookie(place.session_cookie, path="/", secure=place.is_beyond, httponly=True, samesite="strict")
