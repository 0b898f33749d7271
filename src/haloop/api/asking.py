"""Before any route: is this a request for us, from where it says, of a size we take, and who is asking?

A page elsewhere must not use a browser's session, and a name that somebody points at this machine must not reach
it: only the hosts and origins that are ours are answered.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPBearer
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haloop.api.errors import problem, route_of
from haloop.api.house import House
from haloop.fitting import is_here
from haloop.identity import Caller, NotAllowed, NotKnown
from haloop.kernel.errors import BadInput, HaloopError, Refused
from haloop.kernel.gate import GateId, run_of
from haloop.kernel.ids import PersonId, RunId, run_id
from haloop.kernel.passkey import Site
from haloop.kernel.people import Role
from haloop.logs import Answered, begin_request, tell_actor
from haloop.wire.gates import GATE
from haloop.wire.sessions import SESSION_HEADER

SESSION_COOKIE = "haloop_session"
LOGIN_COOKIE = "haloop_login"
FRESH_SECONDS = 600
"""So long after somebody showed who they are they may change from elsewhere who may do what."""
BODY_BYTES_MAX = 1 << 20
MISSION_BYTES_MAX = 8 << 20
"""A file of a mission comes as words in a document, which makes it longer."""
BODY_SECONDS = 20.0
"""So long each piece of a body may take."""

Known = TypeVar("Known")

_SECOND = 1_000_000
_RUNS = "/api/runs/"
_MISSIONS = "/api/missions"
_ARTIFACT = re.compile(r"/api/runs/run_[0-9a-f]{32}/artifacts/[0-9a-f]{64}")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_SAID_TO_BROWSERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where Haloop was asked: on its own machine, or at its public address."""

    address: str
    is_beyond: bool

    @property
    def session_cookie(self) -> str:
        return self._cookie(SESSION_COOKIE)

    @property
    def login_cookie(self) -> str:
        return self._cookie(LOGIN_COOKIE)

    def _cookie(self, name: str) -> str:
        """With this prefix a browser takes it over TLS alone, and from no neighbour's name."""
        return f"__Host-{name}" if self.is_beyond else name


class Doorkeeper:
    """Stands before everything else: names every request, turns away what is not for us, and notes how it ended."""

    def __init__(self, app: ASGIApp, on_answered: Callable[[Answered], None]) -> None:
        self._app = app
        self._on_answered = on_answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        request.state.request_id = secrets.token_hex(8)
        request.state.code = ""
        begin_request(request.state.request_id)
        answer = _Answer(request, send)
        try:
            await self._let_in(request, receive, answer)
        finally:
            self._on_answered(answer.ended())

    async def _let_in(self, request: Request, receive: Receive, answer: Send) -> None:
        try:
            _require_ours(request)
            _require_small(request)
        except HaloopError as error:
            await problem(request, error)(request.scope, receive, answer)
        else:
            await self._app(request.scope, _within_reason(receive), answer)


def _within_reason(receive: Receive) -> Receive:
    """A body that does not come is given up, as if whoever sends it had gone; afterwards nothing is hurried."""
    is_whole = False

    async def receive_soon() -> Message:
        nonlocal is_whole
        if is_whole:
            return await receive()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        is_whole = not message.get("more_body", False)
        return message

    return receive_soon


class _Answer:
    """One answer on its way out."""

    def __init__(self, request: Request, send: Send) -> None:
        self._request = request
        self._send = send
        self._begun = time.perf_counter()
        self._status = 0
        self._location = ""
        self._is_whole = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _SAID_TO_BROWSERS.items():
                headers.setdefault(name, value)
            if place_of(self._request).is_beyond:
                headers["Strict-Transport-Security"] = "max-age=31536000"
            headers["X-Request-Id"] = self._request.state.request_id
            self._status = message["status"]
            self._location = headers.get("location", "")
        await self._send(message)
        self._is_whole = message["type"] == "http.response.body" and not message.get("more_body", False)

    def ended(self) -> Answered:
        return Answered(
            request_id=self._request.state.request_id,
            method=self._request.method,
            route=route_of(self._request),
            status=self._status,
            seconds=time.perf_counter() - self._begun,
            code=self._request.state.code,
            is_whole=self._is_whole,
            run=self._run(),
        )

    def _run(self) -> RunId | None:
        """The run that was asked about, or that was just begun; a name that makes no sense is nobody's run."""
        named = self._request.path_params
        try:
            if "gate" in named:
                return run_of(GateId(named["gate"]))
            if self._status == HTTPStatus.CREATED and self._location.startswith(_RUNS):
                return run_id(self._location.removeprefix(_RUNS))
            return run_id(named["run"]) if "run" in named else None
        except BadInput:
            return None


def house_of(request: Request) -> House:
    """What the door opens onto."""
    house: House = request.app.state.house
    return house


def place_of(request: Request) -> Place:
    """Where a request was asked; only names that are ours come so far."""
    public = house_of(request).public_address
    if public is not None and request.headers.get("host") == urlsplit(public).netloc:
        return Place(address=public, is_beyond=True)
    return Place(address=f"http://localhost:{_port_of(request)}", is_beyond=False)


def peer_of(request: Request) -> str:
    """Which address asked; behind a proxy on this machine, the one that the proxy says last."""
    peer = request.client.host if request.client else ""
    told = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return told if told and is_here(peer) and place_of(request).is_beyond else peer


async def caller_of(
    request: Request,
    _: Annotated[object, Security(HTTPBearer(auto_error=False, description="The machine's token, or an agent's."))],
) -> Caller:
    """Who is asking; NotKnown where nobody says."""
    caller = await _with_roles(request, await recognise(request))
    tell_actor(caller.actor)
    return caller


async def recognise(request: Request) -> Caller:
    """Whose token or session this is; whether they still belong to the account is not asked."""
    house, place = house_of(request), place_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer":
            raise NotKnown("Only bearer tokens are understood here.")
        known = await house.identity.of_token(token.strip(), is_beyond=place.is_beyond)
        return replace(known, is_beyond=place.is_beyond)
    session = request.cookies.get(place.session_cookie)
    if session is None:
        raise NotKnown("Nobody says who is asking.")
    secret = request.headers.get(SESSION_HEADER, "")
    known = house.identity.of_session(session, secret, is_beyond=place.is_beyond)
    _require_same_site(request)
    return replace(known, is_beyond=place.is_beyond)


async def known_here(request: Request) -> Caller | None:
    """Whom this browser knows already; nobody where it has no session, or one that is over."""
    if place_of(request).session_cookie not in request.cookies:
        return None
    try:
        return await _with_roles(request, await recognise(request))
    except NotKnown:
        return None


async def _with_roles(request: Request, caller: Caller) -> Caller:
    """Whoever was taken out of the account is nobody here, whatever they still hold."""
    if caller.person is None:
        return caller
    account = await house_of(request).engine.account(caller.account)
    if caller.person not in account.people:
        raise NotKnown("This person does not belong to the account any more.", code="identity.removed")
    return replace(caller, roles=account.people[caller.person].roles)


def site_of(request: Request) -> Site:
    """Where a person's passkeys are used: at the public address, or on this machine, at the very port served here.

    What a request says of its page is not asked: whoever has the token could name a page of their own.
    """
    own = place_of(request).address
    return Site(rp_id=urlsplit(own).hostname or "", origins=frozenset({own, *house_of(request).allowed_origins}))


def at_once(look: Callable[[Request], Known]) -> Callable[[Request], Awaitable[Known]]:
    """What only looks at a request, as something to depend on: left plain, it would wait for a thread to do so."""

    async def looked(request: Request) -> Known:
        return look(request)

    return looked


PersonName = Annotated[PersonId, Path(pattern="^per_[0-9a-f]{32}$")]
RunName = Annotated[RunId, Path(pattern="^run_[0-9a-f]{32}$")]
GateName = Annotated[GateId, Path(pattern=GATE)]
In = Annotated[House, Depends(at_once(house_of))]
By = Annotated[Caller, Depends(caller_of)]
Here = Annotated[Site, Depends(at_once(site_of))]
At = Annotated[Place, Depends(at_once(place_of))]


async def person_of(caller: By) -> Caller:
    """Whoever is asking, who must be a person."""
    caller.require_person()
    return caller


ByPerson = Annotated[Caller, Depends(person_of)]


async def fresh(request: Request, house: In, caller: ByPerson) -> None:
    """What changes who may do what takes, from elsewhere, somebody who has just shown who they are."""
    age = house.engine.world.now() - caller.proven_at
    if request.method not in _SAFE and caller.is_beyond and age > FRESH_SECONDS * _SECOND:
        raise NotAllowed(
            f"You last showed who you are more than {FRESH_SECONDS // 60} minutes ago.",
            code="identity.stale",
            next_step="Show a passkey, or log in again.",
        )


async def owner_of(caller: ByPerson, _: Annotated[None, Depends(fresh)]) -> Caller:
    """Whoever is asking, who must be an owner of the account; from elsewhere, a fresh one."""
    caller.require_role(Role.OWNER)
    return caller


ByOwner = Annotated[Caller, Depends(owner_of)]


async def keeper_of(house: In, caller: ByOwner) -> Caller:
    """Whoever is asking, who must own the home itself: be an owner of its first account."""
    if caller.account != house.identity.owner.account:
        raise NotAllowed("This is for an owner of the home itself.")
    return caller


ByKeeper = Annotated[Caller, Depends(keeper_of)]


async def asker_of(caller: By) -> Caller:
    """Whoever is asking, who may ask for things: an agent, or somebody who does more than look."""
    if caller.person is not None:
        caller.require_role(Role.OWNER, Role.APPROVER)
    return caller


ByAsker = Annotated[Caller, Depends(asker_of)]


def _require_ours(request: Request) -> None:
    if not place_of(request).is_beyond and not (
        request.headers.get("host", "") in _own_hosts(request) and _is_from_here(request)
    ):
        raise Refused(
            "This name does not belong to this Haloop.",
            code="identity.foreign_host",
            next_step="Use the address that `haloop start` printed.",
        )


def _is_from_here(request: Request) -> bool:
    """Once there is a way in from elsewhere, what a proxy passes on is from there, whatever name it asks for."""
    if house_of(request).public_address is None:
        return True
    peer = request.client.host if request.client else ""
    return is_here(peer) and not any(name in request.headers for name in _PASSED_ON)


def _own_hosts(request: Request) -> frozenset[str]:
    """What our own pages call us, by the socket that took the request."""
    port = _port_of(request)
    return frozenset(f"{name}:{port}" for name in _LOCAL_NAMES)


def _port_of(request: Request) -> int:
    return int(request.scope["server"][1])


def _require_small(request: Request) -> None:
    length, most = request.headers.get("content-length", "0"), _bytes_max(request)
    is_whole = request.headers.get("transfer-encoding") is None
    if not (is_whole and length.isdecimal() and int(length) <= most):
        raise BadInput(
            f"A request holds at most {most:,} bytes, and says how many.",
            code="request.too_large",
            next_step="Send less at a time.",
        )


def _bytes_max(request: Request) -> int:
    """An artifact is written to the disk as it comes; everything else is held in memory."""
    if request.method == "PUT" and _ARTIFACT.fullmatch(request.url.path):
        return house_of(request).artifact_bytes_max
    return MISSION_BYTES_MAX if request.url.path.startswith(_MISSIONS) else BODY_BYTES_MAX


async def same_site(request: Request) -> None:
    """For a route that a browser calls before it has a session: from a page of ours, or from no browser at all."""
    if request.headers.get("origin") or request.headers.get("sec-fetch-site"):
        _require_same_site(request)


def _require_same_site(request: Request) -> None:
    """A session is a browser's, so what changes something must come from a page of ours."""
    if request.method in _SAFE:
        return
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    place = place_of(request)
    own = [place.address] if place.is_beyond else [f"http://{host}" for host in _own_hosts(request)]
    ours = {*own, *house_of(request).allowed_origins}
    is_ours = origin in ours if origin is not None else site in ("same-origin", "none")
    if not is_ours or urlsplit(origin or "").path:
        raise NotAllowed(
            "This came from a page elsewhere.", code="identity.foreign_origin", next_step="Use Haloop's own page."
        )
