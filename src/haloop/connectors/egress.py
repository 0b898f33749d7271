"""The way out: every call over HTTP to an address that our own code does not fix goes through here.

An address that somebody else wrote must not lead back into this house or its network. So each purpose names the hosts
it may reach, over TLS and at TLS's own port. A name is looked up once, all its answers are held against the table of
addresses that are no public place, and the connection is made to the very address that was looked at, while the
certificate must be the name's: a name that answers differently the second time is never asked a second time. A
redirect is an answer like any other; whoever follows one comes through here again. What comes back has a size and a
time. No proxy of the environment is used, because it would look names up for itself.

The table and the reading of addresses are ssrfguard's; what may be reached, and how, is decided here.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore2
import httpx2
from ssrfguard import Policy, SSRFGuardError, resolve

from haloop.kernel.errors import Refused

TRIES_MAX = 3
"""So many of a name's addresses are tried: whoever answers for the name says how many there are."""

CONNECTIONS_MAX = 16
"""Of one client; more calls at once wait for one another."""
SECONDS_IDLE = 5.0
"""So long a connection is kept: of one that somebody on the way forgets meanwhile, the next call would hear nothing."""

_NEAR = re.compile(r"http://(127\.0\.0\.1|\[::1\]):[0-9]{1,5}")
_PORT = 443

Found = Sequence[tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]]
"""What the system's own lookup of a name answers."""


class Blocked(Refused):
    """This does not leave the house."""

    code = "egress.blocked"
    next_step = "Use an address that its purpose may reach; none on this machine or its network ever is."


class TooMuch(Refused):
    """What came back is more than anybody asked for."""

    code = "egress.too_much"
    next_step = "Nothing more of it was read; ask whoever runs that host."


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where calls of one purpose may go; nowhere, unless it is said here."""

    purpose: str
    hosts: frozenset[str] = frozenset()
    """By name; `*.` in front stands for any names below it."""
    near: frozenset[str] = frozenset()
    """Places of this machine's own loopback, such as the practice world's: only code names one, never data."""
    bytes_max: int = 1 << 20
    seconds_max: float = 20.0

    def __post_init__(self) -> None:
        assert all(_NEAR.fullmatch(one) for one in self.near), "near is on the loopback interface, with its port"


async def look_up(host: str, port: int) -> Found:
    """All that the system knows of a name."""
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def connect(address: str, port: int, timeout: float | None) -> httpcore2.AsyncNetworkStream:  # noqa: ASYNC109
    """A connection to an address; a name is never given here."""
    return await httpcore2.AnyIOBackend().connect_tcp(address, port, timeout=timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How names are looked up, connections made and certificates believed."""

    look_up: Callable[[str, int], Awaitable[Found]] = look_up
    connect: Callable[[str, int, float | None], Awaitable[httpcore2.AsyncNetworkStream]] = connect
    certificates: ssl.SSLContext | None = None
    """Whose certificates are believed; where nobody says, those of the usual authorities."""


def require_reachable(way: Way, url: str) -> None:
    """Raise Blocked for an address that this purpose may not reach, as far as it can be said without asking anybody."""
    if _origin(url) not in way.near:
        try:
            _policy(way).check_url(url)
        except SSRFGuardError as error:
            raise _blocked(way, error) from error


@asynccontextmanager
async def open_way(way: Way, network: Network | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that gets no further than the way leads."""
    transport = _Guarded(way, network or Network())
    forgetful = CookieJar(DefaultCookiePolicy(allowed_domains=()))  # what one account was told is no other's to say
    async with httpx2.AsyncClient(
        transport=transport, timeout=way.seconds_max, trust_env=False, cookies=forgetful
    ) as client:
        yield client


class _Guarded(httpx2.AsyncHTTPTransport):
    """Looks at each request before it goes out, and at what comes back."""

    def __init__(self, way: Way, network: Network) -> None:
        certificates = network.certificates or httpx2.create_ssl_context(trust_env=False)
        super().__init__(verify=certificates, trust_env=False)
        assert isinstance(self._pool, httpcore2.AsyncConnectionPool)  # or what is put in its place would guard nothing
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=certificates,
            network_backend=_Pinned(way, network),
            max_connections=CONNECTIONS_MAX,
            keepalive_expiry=SECONDS_IDLE,
        )
        self._way = way

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        require_reachable(self._way, str(request.url))
        request.headers["Accept-Encoding"] = "identity"  # what comes packed grows past any limit as it is unpacked
        give_up_at = asyncio.get_running_loop().time() + self._way.seconds_max
        try:
            async with asyncio.timeout_at(give_up_at):
                answer = await super().handle_async_request(request)
        except TimeoutError as error:
            raise httpx2.ReadTimeout("No answer came in time.", request=request) from error
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        try:
            self._require_small(answer)
        except TooMuch:
            await answer.aclose()
            raise
        body = _Bounded(answer.stream, self._way, request, give_up_at)
        return httpx2.Response(
            answer.status_code, headers=answer.headers, stream=body, extensions=answer.extensions, request=request
        )

    def _require_small(self, answer: httpx2.Response) -> None:
        length = answer.headers.get("content-length", "0")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise TooMuch(f"For {self._way.purpose}, an answer came packed although that was not asked for.")
        if not length.isdecimal() or int(length) > self._way.bytes_max:
            raise _too_much(self._way)


class _Bounded(httpx2.AsyncByteStream):
    """An answer's body, as far as its purpose needs it and as long as it takes."""

    def __init__(self, body: httpx2.AsyncByteStream, way: Way, request: httpx2.Request, give_up_at: float) -> None:
        self._body = body
        self._way = way
        self._request = request
        self._give_up_at = give_up_at

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        pieces = aiter(self._body)
        while True:
            try:
                async with asyncio.timeout_at(self._give_up_at):
                    piece = await anext(pieces, None)
            except TimeoutError as error:
                raise httpx2.ReadTimeout("The answer took too long.", request=self._request) from error
            if piece is None:
                return
            seen += len(piece)
            if seen > self._way.bytes_max:
                raise _too_much(self._way)
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()


class _Pinned(httpcore2.AsyncNetworkBackend):
    """Makes connections to addresses that were looked at, and to nothing else."""

    def __init__(self, way: Way, network: Network) -> None:
        self._way = way
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the library's
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception = httpcore2.ConnectError("The name has no address.")
        for address in await self._addresses(host, port, timeout):
            try:
                return await self._network.connect(address, port, timeout)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _addresses(self, host: str, port: int, timeout: float | None) -> list[str]:  # noqa: ASYNC109
        """The addresses behind a name, each of which is a public place, from one lookup."""
        named = f"[{host}]" if ":" in host else host
        if f"http://{named}:{port}" in self._way.near:
            return [host]
        policy = _policy(self._way)
        try:
            target = policy.check_url(f"https://{named}:{port}/")
            async with asyncio.timeout(timeout):
                found = await self._network.look_up(target.host, port)
            allowed = resolve(target, policy=policy, resolver=lambda *_: found)
        except SSRFGuardError as error:
            raise _blocked(self._way, error) from error
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("The name was not found in time.") from error
        except OSError as error:
            raise httpcore2.ConnectError("The name could not be looked up.") from error
        return [str(one.ip) for one in allowed[:TRIES_MAX]]


def _policy(way: Way) -> Policy:
    """What a way allows; a list without a host would allow them all, so it names one that cannot be."""
    return Policy(
        allowed_schemes=frozenset({"https"}),
        allowed_ports=frozenset({_PORT}),
        allowed_hosts=way.hosts or frozenset({"nowhere.invalid"}),
    )


def _origin(url: str) -> str:
    """The beginning of an address that says where it leads, exactly as it is written."""
    found = re.match(r"https?://[^/?#@\\\s]+(?=/|$)", url)
    return found[0] if found else ""


def _blocked(way: Way, error: SSRFGuardError) -> Blocked:
    """What is wrong with it, without the address itself: that may be a secret between two others."""
    return Blocked(f"This address may not be called for {way.purpose}: {getattr(error, 'reason', 'it is refused')}.")


def _too_much(way: Way) -> TooMuch:
    return TooMuch(f"For {way.purpose}, an answer holds more than {way.bytes_max:,} bytes.")
