"""The tools over streamable HTTP, with a session for each client that keeps one.

A session belongs to the token that began it; for any other it does not exist. Every call is made with the token it
came with, through the whole application, so an agent can do here what the API lets it do, and nothing else.
"""

import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haloop.api.asking import BODY_BYTES_MAX
from haloop.api.rates import TooMany
from haloop.client import Client
from haloop.identity import NotKnown
from haloop.kernel.agent import PresentedToken
from haloop.mcp.telling import Asking
from haloop.mcp.tools import make_server

SESSIONS_MAX = 200
OF_ONE_MAX = 60
"""So many of one token within the time that an unused one lasts."""
SESSION = "mcp-session-id"
SESSION_SECONDS = 600.0
"""A session nobody used for so long is over."""
_NOT_ITS_OWN = TransportSecuritySettings(enable_dns_rebinding_protection=False)
"""The doorkeeper has looked at the host and the origin, and knows which are ours."""


@asynccontextmanager
async def open_sessions(app: ASGIApp) -> AsyncIterator[ASGIApp]:
    """What answers at the agents' address, once it is known that an agent asks."""

    def reach(asking: Asking) -> Client:
        headers = asking.headers or {}
        inside = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        return Client(f"http://{headers['host']}", _token(headers["authorization"]).spell(), by=inside)

    server = make_server(reach)
    server.streamable_http_app(
        session_idle_timeout=SESSION_SECONDS,
        max_request_body_size=BODY_BYTES_MAX,
        max_sessions=SESSIONS_MAX,
        transport_security=_NOT_ITS_OWN,
    )
    known = AuthContextMiddleware(server.session_manager.handle_request)
    begun: dict[str, deque[float]] = {}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        token = _token(request.headers["authorization"])
        theirs = begun.setdefault(token.id, deque())
        if SESSION not in request.headers:
            _require_room(theirs)

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start" and SESSION not in request.headers:
                theirs.extend([time.monotonic()] * (SESSION in Headers(raw=message["headers"])))
            await send(message)

        named = AccessToken(token="", client_id=f"{token.account} {token.id}", scopes=[])
        await known({**scope, "user": AuthenticatedUser(named)}, receive, noted)

    async with server.session_manager.run():
        yield answer


def _require_room(begun: "deque[float]") -> None:
    """A session that is begun lasts a while unused, so one token begins so many in that time and leaves room."""
    now = time.monotonic()
    while begun and begun[0] <= now - SESSION_SECONDS:
        begun.popleft()
    if len(begun) >= OF_ONE_MAX:
        raise TooMany(
            f"More than {OF_ONE_MAX} sessions in {SESSION_SECONDS:.0f} seconds are not begun under one token.",
            after_seconds=int(SESSION_SECONDS - (now - begun[0])) + 1,
        )


def _token(authorization: str) -> PresentedToken:
    presented = PresentedToken.read(authorization.partition(" ")[2].strip())
    if presented is None:
        raise NotKnown("This is no agent's token.")
    return presented
