"""One attempt's door to its model: it lets the model's own calls through, holds them to the budget and counts them.

An answer in events is passed on as it comes. It is read to its end even where the agent has gone or takes no more of
it: what a call used is said last, and a call of which that is not known counts as all that was reserved for it.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from http import HTTPStatus

import httpx2
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from haloop.connectors.egress import Blocked, TooMuch
from haloop.connectors.gateway.answering import EVENTS, Answering, Refused
from haloop.connectors.gateway.asked import BYTES_OF_A_TOKEN, Asked, read_asked, read_counting
from haloop.connectors.gateway.body import NotAsked
from haloop.connectors.gateway.counting import Counted
from haloop.connectors.gateway.dialects import Dialect
from haloop.connectors.gateway.price import FREE, Tariff
from haloop.connectors.gateway.prices import Prices
from haloop.connectors.gateway.providers import REQUEST_BYTES_MAX, Call, Upstream, call_of
from haloop.connectors.gateway.refusing import is_free, refused
from haloop.connectors.gateway.reserving import GivenUp, Reserving
from haloop.kernel import canonical
from haloop.kernel.failure import Permanent
from haloop.ports.models import Cost, Expense, Spender, Spent

_TOLD = ("content-type", "retry-after", "request-id", "x-request-id")
"""The headers of an answer that go in; who pays, and for what, is nobody's business there."""
_ASKED_FOR = frozenset({"alt=sse", "beta=true"})
"""What an address may ask behind its question mark; a key has no place there."""
CALLS_AT_ONCE_MAX = 12
"""Those whose agent has gone among them; more are told that it is busy."""
SECONDS_TO_READ_ON = 3.0
"""So long what has begun to come is read when its attempt is over."""
_SECONDS_TO_SAY_SO = 0.5
_TAKEN = "Calls under way have taken what is left of a budget, for so long that this one waits no more. Ask again."
_NOT_REACHED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, Blocked)


class Door:
    """The application that is served at one attempt's socket."""

    def __init__(
        self,
        upstream: Upstream,
        http: httpx2.AsyncClient,
        spender: Spender,
        *,
        spending: Reserving,
        prices: Prices,
        reading: asyncio.Lock,
        may_reach_out: bool,
    ) -> None:
        self._upstream = upstream
        self._http = http
        self._spender = spender
        self._spending = spending
        self._prices = prices
        self._may_reach_out = may_reach_out
        self._reading = reading
        self._next_to_read = asyncio.Lock()
        self._open: dict[asyncio.Timeout, Answering] = {}
        self.was_reached = False
        """Whether anything ever came in by it."""
        self.spent: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why no call goes through any more, as soon as that is so: too little is left, or it was ended."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.was_reached = True
        answering = Answering(send, self._upstream.provider)
        try:
            async with self._until_closed(answering):
                await self._pass_on(Request(scope, receive), answering)
        except Refused as no:
            await answering.refuse(no)
        except TimeoutError:
            await self._say_it_is_over(answering)
        except ClientDisconnect:
            return  # nobody is there any more

    def end(self, why: str) -> None:
        """The attempt is to go no further: what is on its way is given up, and what comes after it refused."""
        self._let_nothing_through(why)
        self.close()

    def close(self) -> None:
        """The attempt is over: what has not begun to come is given up, and soon the rest."""
        now = asyncio.get_running_loop().time()
        for limit, answering in self._open.items():
            if not limit.expired():
                limit.reschedule(now + SECONDS_TO_READ_ON if answering.is_begun else now)

    async def _say_it_is_over(self, answering: Answering) -> None:
        """As far as that is still taken."""
        why = self.spent.result() if self.spent.done() else "The attempt is over."
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS_TO_SAY_SO):
                await answering.refuse(Refused(HTTPStatus.PAYMENT_REQUIRED, why))

    @property
    def use(self) -> Cost:
        """What the attempt used so far."""
        return self._spending.used_by(self._spender.attempt)

    @asynccontextmanager
    async def _until_closed(self, answering: Answering) -> AsyncIterator[None]:
        if len(self._open) >= CALLS_AT_ONCE_MAX:
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"One agent has at most {CALLS_AT_ONCE_MAX} calls under way; try again when one of them has ended.",
                headers={"retry-after": "1"},
            )
        async with asyncio.timeout(None) as limit:
            self._open[limit] = answering
            try:
                yield
            finally:
                del self._open[limit]

    def _let_nothing_through(self, why: str) -> None:
        if not self.spent.done():
            self.spent.set_result(why)

    def _require_open(self) -> None:
        if self.spent.done():
            raise Refused(HTTPStatus.PAYMENT_REQUIRED, self.spent.result())

    async def _pass_on(self, request: Request, answering: Answering) -> None:
        self._require_open()
        path = request.scope["path"]
        call = call_of(self._upstream.provider, request.method, path)
        if call is None:
            raise Refused(
                HTTPStatus.NOT_FOUND,
                f"This way leads to {self._upstream.provider}'s models and nowhere else;"
                f" {request.method} {path[:200]} is not passed on.",
            )
        body = await _body(request)
        if call.dialect is None:
            await self._exchange(self._sent(request, call, await self._only_counting(body)), answering)
        else:
            await self._counted(request, call, call.dialect, body, answering)

    def _sent(self, request: Request, call: Call, body: bytes) -> httpx2.Request:
        asked_for = [one for one in request.scope["query_string"].decode("latin-1").split("&") if one in _ASKED_FOR]
        return self._http.build_request(
            request.method,
            "?".join((f"{self._upstream.address}{call.path}", *asked_for[:1])),
            content=body,
            headers=dict(self._upstream.headers(_plain(request.headers))),
        )

    async def _only_counting(self, body: bytes) -> bytes:
        if not body:
            return body
        try:
            async with self._turn_to_read():
                return await asyncio.to_thread(read_counting, body, may_reach_out=self._may_reach_out)
        except NotAsked as no:
            raise Refused(HTTPStatus.BAD_REQUEST, str(no)) from no

    async def _counted(self, request: Request, call: Call, dialect: Dialect, body: bytes, answering: Answering) -> None:
        """Reserved before it leaves, and settled whatever comes of it."""
        with _going(request) as gone:
            async with self._turn_to_read():
                tariff, asked = await asyncio.to_thread(self._worth, call, dialect, body)  # up to 32 MiB of anything
            came_to = tariff.at_most(asked)
            reservation = await self._reserved(came_to, gone)
        counted, costs_nothing = Counted(dialect), False
        try:
            costs_nothing = not await self._exchange(self._sent(request, call, asked.body), answering, counted)
        except Refused as no:
            costs_nothing = no.is_free
            raise
        finally:
            try:
                came_to = Cost() if costs_nothing else await _came_to(tariff, asked, counted)
            finally:  # others may wait for it
                self._spending.settle(reservation, came_to)

    @asynccontextmanager
    async def _turn_to_read(self) -> AsyncIterator[None]:
        """One request of all agents at a time, and of one agent none before another's that waits.

        Reading keeps the process from all else, and many that read at once keep it from that for as long as all need.
        """
        async with self._next_to_read, self._reading:
            yield

    def _worth(self, call: Call, dialect: Dialect, body: bytes) -> tuple[Tariff, Asked]:
        try:
            asked = read_asked(
                body,
                dialect,
                model=call.model,
                may_reach_out=self._may_reach_out,
                answer_tokens_max=self._upstream.answer_tokens_max,
            )
        except NotAsked as no:
            raise Refused(HTTPStatus.BAD_REQUEST, str(no)) from no
        if self._upstream.is_practice:
            return FREE, asked
        provider = self._upstream.provider
        tariff = self._prices.of(provider, asked.model)
        if tariff is None:
            name = canonical.encode(asked.model).decode()
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                f"No price is known for {asked.model}, so no budget could hold it. Whoever runs Haloop can say it in"
                f" the file that gateway.prices_file names, in dollars for a million tokens, below [{provider}]:"
                f" {name} = {{ read = 1.25, written = 10 }}",
            )
        return tariff, asked

    async def _reserved(self, at_most: Cost, gone: asyncio.Future[None]) -> int:
        """The reservation; it waits for others' calls as long as a call may take.

        Not once another was refused, nor for an agent that has gone: what it waited for is left to the others.
        """
        expense = Expense(spender=self._spender, at_most=at_most)
        try:
            async with asyncio.timeout(self._upstream.seconds_max):
                return await self._spending.reserve(expense, self.spent, gone)
        except GivenUp as no:
            self._require_open()
            raise ClientDisconnect from no
        except Spent as spent:
            self._let_nothing_through(str(spent))
            raise Refused(HTTPStatus.PAYMENT_REQUIRED, str(spent)) from spent
        except Permanent as fault:
            raise Refused(HTTPStatus.BAD_GATEWAY, str(fault)) from fault
        except TimeoutError as late:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, _TAKEN) from late

    async def _exchange(self, sent: httpx2.Request, answering: Answering, counted: Counted | None = None) -> bool:
        """Send it and hand the answer in; whether the provider did anything for it."""
        who = f"{self._upstream.provider}'s models"
        try:
            async with asyncio.timeout(self._upstream.seconds_max):
                answer = await self._http.send(sent, stream=True)
                try:
                    return await self._hand_in(answer, answering, counted)
                finally:
                    await answer.aclose()
        except _NOT_REACHED as error:
            raise Refused(HTTPStatus.BAD_GATEWAY, f"{who} cannot be reached from Haloop.") from error
        except (httpx2.TimeoutException, TimeoutError) as error:
            raise Refused(HTTPStatus.GATEWAY_TIMEOUT, f"{who} took too long.", is_free=False) from error
        except (httpx2.HTTPError, TooMuch) as error:
            raise Refused(HTTPStatus.BAD_GATEWAY, f"{who} broke off in their answer.", is_free=False) from error

    async def _hand_in(self, answer: httpx2.Response, answering: Answering, counted: Counted | None) -> bool:
        """Events as they come; anything else when it is whole, so that what breaks off can still be said."""
        status, said = answer.status_code, _plain(answer.headers)
        headers = {name: said[name] for name in _TOLD if name in said}
        if not answer.is_error and said.get("content-type", "").startswith(EVENTS):
            await _hand_in_events(answer, headers, answering, counted)
            return True
        body = await answer.aread()
        if no := refused(self._upstream.provider, status, body, headers):
            raise no
        if counted is not None:
            counted.take(body)
        await answering.begin(status, {**headers, "content-length": str(len(body))})
        await answering.piece(body)
        await answering.end()
        return not is_free(status, body)


async def _hand_in_events(
    answer: httpx2.Response, headers: Mapping[str, str], answering: Answering, counted: Counted | None
) -> None:
    if counted is not None:
        counted.in_events = True
    await answering.begin(answer.status_code, headers)
    async for piece in answer.aiter_raw():
        if counted is not None:
            counted.take(piece)
        await answering.piece(piece)
    await answering.end()


def _plain(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Those that are read alike by everybody."""
    return {name: headers[name] for name in headers if headers[name].isascii()}


async def _came_to(tariff: Tariff, asked: Asked, counted: Counted) -> Cost:
    """What was used; where that is not said, all that was reserved, and all that was seen if that is more."""
    told = await counted.told()
    if told is not None:
        return tariff.use(told)
    return tariff.at_most(replace(asked, tokens_out=max(asked.tokens_out, math.ceil(counted.seen / BYTES_OF_A_TOKEN))))


@contextmanager
def _going(request: Request) -> Iterator[asyncio.Future[None]]:
    """Done as soon as whoever asked has gone."""
    gone = asyncio.create_task(_gone(request))
    try:
        yield gone
    finally:
        gone.cancel()


async def _gone(request: Request) -> None:
    """Until then; all that they asked was read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request) -> bytes:
    """What was sent, as far as it may go."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > REQUEST_BYTES_MAX:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request holds at most {REQUEST_BYTES_MAX >> 20} MiB."
            )
    return bytes(body)
