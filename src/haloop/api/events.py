"""Live events: what happens in an account, as it happens, from wherever a client left off.

The account's own tree is the queue: a client is a place in it, and reads on from there whenever something is
new. So a slow client costs one number, a vanished one nothing, and nothing is ever lost between two visits.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from haloop.api.asking import ByPerson, In
from haloop.api.house import House
from haloop.api.runs import PLACE_MAX
from haloop.api.told import tell
from haloop.engines.reading import read_known
from haloop.identity import Caller
from haloop.kernel import canonical
from haloop.kernel.errors import Refused
from haloop.kernel.fact import Fact
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import Event

router = APIRouter(tags=["events"])

HEARTBEAT_SECONDS = 15.0
STREAMS_MAX = 600
OF_ONE_MAX = 500
"""Of one person, so that nobody takes all the room there is."""
_PAGE = 100
_TEXTS_MAX = 200
_TEXT_SECONDS = 2.0


class Streams:
    """The open streams, and who rings for them."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._bells: dict[asyncio.Event, Caller] = {}
        self._texts: OrderedDict[tuple[AccountId, int], tuple[float, str]] = OrderedDict()
        house.engine.watch(self._ring)

    async def read(self, caller: Caller, after: int) -> AsyncIterator[str]:
        """Everything after that place, and then what comes, for as long as whoever listens may."""
        bell, account = asyncio.Event(), caller.account
        self._bells[bell] = caller
        try:
            yield "retry: 2000\n\n"
            while not self._house.closing.is_set() and await self._may_listen(caller):
                bell.clear()
                async for index, text in self._page(account, after):
                    after = index
                    yield text
                if not await _rings(bell):
                    yield ": still here\n\n"
        finally:
            del self._bells[bell]

    async def _may_listen(self, caller: Caller) -> bool:
        """Whether they still belong to the account, and their session still is one."""
        account = await self._house.engine.account(caller.account)
        return caller.person in account.people and self._house.identity.is_open(caller)

    def require_room(self, caller: Caller) -> None:
        if len(self._bells) >= STREAMS_MAX or sum(one == caller for one in self._bells.values()) >= OF_ONE_MAX:
            raise Refused(
                "So many streams are open that no more are taken.",
                code="request.too_many",
                next_step="Close one, or ask for the ledger's events now and then instead.",
            )

    def end(self) -> None:
        """Let everybody go who waits."""
        for bell in self._bells:
            bell.set()

    async def _page(self, account: AccountId, after: int) -> AsyncIterator[tuple[int, str]]:
        while events := await self._house.ledger.events(account, start=after + 1, limit=_PAGE):
            for event in events:
                yield event.index, await self._text(account, event)
            after = events[-1].index

    async def _text(self, account: AccountId, event: Event) -> str:
        """An event as it goes over the wire; what is told to many at once is spelled once, and soon forgotten."""
        place, now = (account, event.index), asyncio.get_running_loop().time()
        if place not in self._texts or now > self._texts[place][0] + _TEXT_SECONDS:
            told = tell(event, await read_known(self._house.ledger, event))
            body = canonical.encode({**told.model_dump(), "run": event.header.run_id}).decode()
            self._texts[place] = now, f"id: {event.index}\nevent: {told.kind}\ndata: {body}\n\n"
            if len(self._texts) > _TEXTS_MAX:
                self._texts.popitem(last=False)
        return self._texts[place][1]

    def _ring(self, account: AccountId, _run: RunId, _fact: Fact) -> None:
        for bell, listens in self._bells.items():
            if listens.account == account:
                bell.set()


@router.get("/api/events", response_class=StreamingResponse)
async def stream_events(
    house: In,
    caller: ByPerson,
    request: Request,
    last_event_id: Annotated[int | None, Header(ge=-1, lt=PLACE_MAX)] = None,
    after: Annotated[int | None, Query(ge=-1, lt=PLACE_MAX)] = None,
) -> StreamingResponse:
    """What happens from now on, or since the event that `Last-Event-ID` (or `after`) names."""
    streams: Streams = request.app.state.streams
    streams.require_room(caller)
    known = last_event_id if last_event_id is not None else after
    start = await house.ledger.size(caller.account) - 1 if known is None else known
    return StreamingResponse(streams.read(caller, start), media_type="text/event-stream")


async def _rings(bell: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(HEARTBEAT_SECONDS):
            return await bell.wait()
    except TimeoutError:
        return False
