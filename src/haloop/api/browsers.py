"""What a browser gets when its session begins, and what its session will be known by."""

import logging

from fastapi import Request, Response

from haloop.api.asking import SESSION_COOKIE, house_of
from haloop.identity import SESSION_SECONDS, Opened
from haloop.logs import tell_actor
from haloop.wire.sessions import SessionOut

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
    house_of(request).identity.end_session(request.cookies.get(SESSION_COOKIE, ""))
    tell_actor(opened.caller.actor)
    log.info("session begun")
    answer.set_cookie(
        SESSION_COOKIE, opened.session, max_age=SESSION_SECONDS, httponly=True, samesite="strict", path="/"
    )
    return SessionOut(secret=opened.secret)


def browser_of(request: Request) -> str:
    """What somebody will know their browser by, of what it says of itself."""
    said = request.headers.get("user-agent", "")
    browser = next((name for word, name in _BROWSERS.items() if f"{word}/" in said), "")
    system = next((name for word, name in _SYSTEMS.items() if word in said), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    plain = "".join(one for one in said.partition(" ")[0] if one.isascii() and one.isprintable())
    return plain[:_BROWSER_LENGTH_MAX] or "unknown"
