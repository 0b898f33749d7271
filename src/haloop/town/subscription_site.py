"""The town's subscriptions: one HTTP API for all the providers that somebody pays every month.

    GET  /subscriptions                                  one's subscriptions, and what leaving each would mean today
    POST /subscriptions/{id}/cancellation {ends_on, fee, declined}  leave under these terms, under an Idempotency-Key

Guests name themselves with `Authorization: Bearer <guest>`. Whoever wants to leave may be asked to stay first (200
with an `offer`); sending its `decline` back goes on. A cancellation remembers its key. A request is worked on within
half a minute of its arrival or never. A no is 409 (404 for what does not exist) with a code.
"""

from typing import Annotated

from fastapi import Depends, FastAPI, Header, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from haloop.town.line import Line
from haloop.town.subscriptions import Contracts, Kept, Leaving, No


class Held(BaseModel):
    subscriptions: list[Kept]


def _guest(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> str:
    return credentials.credentials


Guest = Annotated[str, Depends(_guest)]
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=16, max_length=200)]


def make_subscription_site(contracts: Contracts, line: Line) -> FastAPI:
    """The site over all contracts, at the end of a line."""
    site = FastAPI(title="Subscriptions in town", openapi_url=None)
    site.middleware("http")(line.carry)

    @site.get("/subscriptions")
    async def subscriptions(guest: Guest) -> Held:
        return Held(subscriptions=contracts.of(guest))

    @site.post("/subscriptions/{subscription}/cancellation")
    async def cancel(subscription: str, leaving: Leaving, guest: Guest, key: Key) -> Response:
        answer = contracts.cancel(guest, key, subscription, leaving)
        status = {"unknown_subscription": 404}.get(answer.code, 409) if isinstance(answer, No) else 200
        return Response(content=answer.model_dump_json(), status_code=status, media_type="application/json")

    return site
