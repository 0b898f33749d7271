"""One process that serves an application until it is told to stop, and then ends in order.

The socket is bound before anything else, so that a second start is told at once. A signal lets every request that
has begun come to its end; what holds a connection open (live events) is told to let go.
"""

import asyncio
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from ipaddress import ip_address

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from haloop.kernel.errors import HomeUnusable

_SECONDS_TO_END = 10
SECONDS_TO_ASK = 10.0
"""So long a new connection may take to bring the head of a request."""
CONNECTIONS_MAX = 800
"""More at a time are told that it is busy; every process may have 1,024 files open."""
FILES_OPEN_MAX = 65_536
"""Far more than the connections of all agents that can be at work."""


def bind(host: str, port: int) -> socket.socket:
    """The socket to serve on; refused by name where somebody else has it."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        at = socket.create_server((host, port), family=family, reuse_port=False)
    except OSError as error:
        raise HomeUnusable(
            f"Nothing can be served on {host}:{port}: {error.strerror}.",
            code="serve.port",
            next_step="Stop whatever is there, or choose another port with --port.",
        ) from error
    # Whoever is accepted inherits it. asyncio sets it only on sockets whose protocol was named, and without it an
    # answer's body waits 40 ms for the acknowledgement of its headers.
    at.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return at


async def serve(
    app: ASGIApp, at: socket.socket, *, on_ready: Callable[[str], None], on_end: Callable[[], None]
) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` hears the address, `on_end` that whoever stays must let go."""
    _have_more_files_open()
    server = _Server(_config(app), lambda: on_ready(address_of(at)), on_end)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them again at its end, and then they are ours
        loop.add_signal_handler(number, server.end)
    with ExitStack() as beside:
        await server.serve(sockets=[at, *_on_loopback(at, beside)])


@asynccontextmanager
async def served(app: ASGIApp, at: socket.socket) -> AsyncIterator[str]:
    """Serve beside other work in this event loop, until the end of the block; yields the address."""
    ready = asyncio.Event()
    server = _Server(_config(app), ready.set, _nothing)
    serving = asyncio.ensure_future(server.serve_quietly(at))
    serving.add_done_callback(lambda _: ready.set())  # one that ends at once must not be waited for
    await ready.wait()
    try:
        yield address_of(at)
    finally:
        server.end()
        await serving


def _have_more_files_open() -> None:
    """As many as this process may have when it asks for them: agents have connections of their own to it."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_OPEN_MAX if most == resource.RLIM_INFINITY else min(most, FILES_OPEN_MAX)
    if now != resource.RLIM_INFINITY and now < wanted:
        with suppress(ValueError, OSError):  # some systems allow fewer than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


class _Impatient(H11Protocol):
    """A connection that must bring a whole request soon: one that only stays takes a place from somebody."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._giving_up = self.loop.call_later(SECONDS_TO_ASK, transport.close)

    def handle_events(self) -> None:
        super().handle_events()
        if self.cycle is not None:
            self._giving_up.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self._giving_up.cancel()
        super().connection_lost(exc)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_end = on_end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_end()
        await super().shutdown(sockets)

    async def serve_quietly(self, at: socket.socket) -> None:
        """Serve, and leave signals to whoever has them."""
        await self._serve(sockets=[at])

    def end(self) -> None:
        self.should_exit = True


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        http=_Impatient,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=_SECONDS_TO_END,
    )


def _on_loopback(at: socket.socket, beside: ExitStack) -> list[socket.socket]:
    """The same port on the loopback addresses that are left: a browser may ask `localhost` at either.

    Nobody else may answer there; and the commands of this machine ask there, wherever else it is served.
    """
    host, port = at.getsockname()[:2]
    here = ip_address(host)
    mine = {4: "127.0.0.1", 6: "::1"}[here.version] if here.is_unspecified else host
    others = [one for one in ("127.0.0.1", "::1") if one != mine and _exists(one)]
    return [beside.enter_context(bind(other, port)) for other in others]


def _exists(host: str) -> bool:
    """Whether this machine has such an address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


def _nothing() -> None:
    pass


def address_of(at: socket.socket) -> str:
    """Where a bound socket is reached."""
    host, port = at.getsockname()[:2]
    return f"http://{'[::1]' if host == '::1' else 'localhost'}:{port}"
