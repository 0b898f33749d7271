"""What a browser gets when its session begins, and what its session will be known by."""

import logging
import secrets
from hashlib import sha256

from fastapi import Request, Response

from haloop.api.asking import Place, house_of, place_of
from haloop.api.house import House
from haloop.identity import SESSION_SECONDS, Opened
from haloop.logs import tell_actor
from haloop.wire.sessions import SessionOut

LOGIN_SECONDS = 600
"""So long a login may take."""

_BROWSER_LENGTH_MAX = 60
# A browser also says the names of those it descends from, so the youngest name counts.
_BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}

log = logging.getLogger("haloop.api")


def welcome(request: Request, opened: Opened, answer: Response) -> SessionOut:
    """Hand a new session to the browser that asked; the one it had until now is over."""
    place = place_of(request)
    house_of(request).identity.end_session(request.cookies.get(place.session_cookie, ""))
    tell_actor(opened.caller.actor)
    log.info("session begun")
    answer.set_cookie(
        place.session_cookie,
        opened.session,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=place.is_beyond,
        path="/",
    )
    return SessionOut(secret=opened.secret)


def tie(place: Place, answer: Response) -> str:
    """Give the browser a mark to come back with; what only this browser can have."""
    mark = secrets.token_urlsafe(32)
    # Coming back from the issuer is a visit from another site: a strict cookie would stay behind.
    answer.set_cookie(
        place.login_cookie,
        mark,
        max_age=LOGIN_SECONDS,
        httponly=True,
        samesite="lax",
        secure=place.is_beyond,
        path="/",
    )
    return _hash(mark)


def page_with(house: House, own: str, key: str) -> str:
    """Where a browser opens the page with a key; what stands behind the # is sent to nobody, a proxy least of all."""
    return f"{own}/?key={key}" if house.public_address is None else f"{house.public_address}/#key={key}"


def binding_of(place: Place, request: Request) -> str:
    """The mark that a browser came back with; empty where it has none."""
    mark = request.cookies.get(place.login_cookie, "")
    return mark and _hash(mark)


def browser_of(request: Request) -> str:
    """What somebody will know their browser by, of what it says of itself."""
    said = request.headers.get("user-agent", "")
    browser = next((name for word, name in _BROWSERS.items() if f"{word}/" in said), "")
    system = next((name for word, name in _SYSTEMS.items() if word in said), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    plain = "".join(one for one in said.partition(" ")[0] if one.isascii() and one.isprintable())
    return plain[:_BROWSER_LENGTH_MAX] or "unknown"


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
