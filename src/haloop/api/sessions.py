"""A browser's session: begun with a key that is good for one visit, and over when somebody says so."""

import logging
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Response

from haloop.api.asking import SESSION_COOKIE, By, ByPerson, In, same_site
from haloop.api.rates import visits_limited
from haloop.identity import SESSION_SECONDS
from haloop.logs import tell_actor
from haloop.wire.sessions import SessionOut, Visit, VisitOut

router = APIRouter(tags=["sessions"])
log = logging.getLogger("haloop.api")


@router.post("/api/session", status_code=201, dependencies=[Depends(same_site), Depends(visits_limited)])
async def begin_session(house: In, visit: Visit, answer: Response) -> SessionOut:
    """Exchange a key that is good for one visit for a session: a cookie, and a secret that the page keeps and sends."""
    opened = house.identity.redeem(visit.key)
    tell_actor(opened.caller.actor)
    log.info("session begun")
    answer.set_cookie(
        SESSION_COOKIE, opened.session, max_age=SESSION_SECONDS, httponly=True, samesite="strict", path="/"
    )
    return SessionOut(secret=opened.secret)


@router.post("/api/visits", status_code=201)
async def invite_browser(house: In, caller: ByPerson) -> VisitOut:
    """Have an address made that opens the page once, as whoever asks."""
    return VisitOut(path=f"/?key={house.identity.issue_once(caller)}")


@router.delete("/api/session", status_code=204)
async def end_session(
    house: In, _: By, answer: Response, session: Annotated[str, Cookie(alias=SESSION_COOKIE)] = ""
) -> None:
    """End this browser's session, here and in the process."""
    house.identity.end_session(session)
    log.info("session ended")
    answer.delete_cookie(SESSION_COOKIE, path="/")
