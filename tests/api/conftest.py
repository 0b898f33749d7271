"""A house with its door open: real HTTP on the loopback interface, a clock to move, a shop around the corner."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from haloop.api.house import House
from haloop.api.server import let_go, make_app
from haloop.connectors.booking.town import TownBooking, town_booking
from haloop.connectors.mail.smtp import MailServer
from haloop.connectors.models.hosted import HostedModel, ModelHost, hosted_model
from haloop.desks.errands.desk import ERRANDS
from haloop.engines.granting import grants_desk
from haloop.identity import Caller, Identity
from haloop.issuer import CALLBACK, Issuer
from haloop.kernel.clock import as_datetime
from haloop.kernel.desk import Desk
from haloop.kernel.ids import PersonId, RunId
from haloop.serving import bind, served
from haloop.store.home import Home
from haloop.store.model_use import ModelUse
from haloop.store.sessions import Sessions
from haloop.testing.clock import MovableClock
from haloop.testing.practice import Practice
from haloop.town.street import Town, serve_town
from haloop.workshop.missions import Missions
from tests.engines.buying import Counter, desk, opened
from tests.notices.post import told

TOKEN = "the machine's own token"
VIEW = {"catalogue": "0" * 64, "language": "en", "renderer": "testing/1"}


@dataclass(kw_only=True)
class Door:
    """The door of a practice house, as somebody outside sees it."""

    practice: Practice
    shop: Counter
    house: House
    app: FastAPI
    address: str
    ana: PersonId
    client: httpx2.AsyncClient
    """Ana's, who owns the account."""
    _number: int = field(default=0)

    async def asked(self, **order: Any) -> RunId:
        """Somebody asks for something; the run that came of it."""
        answer = await self.client.post("/api/requests", json=tea(**order))
        assert answer.status_code == 201, answer.text
        await self.practice.engine.settled()
        return RunId(answer.json()["run"])

    async def gate(self, run: RunId) -> dict[str, Any]:
        gate: dict[str, Any] = await self.got(f"/api/gates/{self.practice.gate_of(run)}")
        return gate

    async def got(self, path: str, **how: Any) -> Any:
        answer = await self.client.get(path, **how)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def decision(self, gate: dict[str, Any], verdict: str = "approved", **more: Any) -> dict[str, Any]:
        """What somebody says to a gate as they saw it."""
        self._number += 1
        named = {"card": gate["card_hash"], "draft": gate["draft"], "expires": gate["expires"]}
        said = {"nonce": f"nonce number {self._number:08}", "revision": gate["revision"], "view": VIEW}
        return {"verdict": verdict, **named, **said, **more}

    async def decide(self, gate: dict[str, Any], verdict: str = "approved", **more: Any) -> httpx2.Response:
        answer = await self.client.post(f"/api/gates/{gate['id']}/decisions", json=self.decision(gate, verdict, **more))
        await self.practice.engine.settled()
        return answer

    async def agent(self, name: str = "shopper") -> httpx2.AsyncClient:
        """An agent with a token of its own."""
        answer = await self.client.post("/api/tokens", json={"agent": name})
        assert answer.status_code == 201, answer.text
        return client_of(self.address, answer.json()["token"])


def tea(*, cents: int = 500, item: str = "tea") -> dict[str, Any]:
    """A request for tea."""
    order = {"cents": cents, "item": item, "shop": "Karl"}
    return {"desk": "shop", "procedure": "buy_as_is" if cents < 0 else "buy_if_asked", "arguments": {"order": order}}


def client_of(address: str, token: str | None) -> httpx2.AsyncClient:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx2.AsyncClient(base_url=address, headers=headers)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened_door(tmp_path) as door:
        yield door


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Door]:
    """The same, and what is bought there is real."""
    async with opened_door(tmp_path, live=True) as door:
        yield door


@asynccontextmanager
async def opened_door(
    folder: Path,
    *,
    live: bool = False,
    issuer: Issuer | None = None,
    clock: MovableClock | None = None,
    mail: MailServer | None = None,
    service: str | None = None,
) -> AsyncIterator[Door]:
    """A practice house in this folder, with its door open; live: what is bought there is real.

    With an issuer it can be reached from elsewhere too, at the address that the issuer sends people back to.
    People are told by this mail server, and through the push service at this place of the machine.
    """
    shop = Counter()
    async with (
        opened(folder, shop, live=live, clock=clock) as practice,
        opened_to(practice, [desk()], shop, issuer=issuer, mail=mail, service=service) as door,
    ):
        yield door


@asynccontextmanager
async def _kept(practice: Practice) -> AsyncIterator[Sessions]:
    with Sessions.opened(Home(practice.home).sessions) as kept:
        yield kept


@asynccontextmanager
async def opened_to(
    practice: Practice,
    desks: Sequence[Desk],
    shop: Counter,
    *,
    issuer: Issuer | None = None,
    mail: MailServer | None = None,
    service: str | None = None,
    town: Town | None = None,
    port: int = 0,
    model: HostedModel | None = None,
    missions: Missions | None = None,
) -> AsyncIterator[Door]:
    """The door of a practice house with these desks behind it, which Ana owns; at any port, or at one it had before."""
    async with told(practice, mail=mail, service=service) as telling, _kept(practice) as kept:
        ana = await practice.person("Ana")
        owner = Caller(account=practice.account, person=ana)
        house = House(
            ledger=practice.ledger,
            engine=practice.engine,
            identity=Identity(engine=practice.engine, owner=owner, token=TOKEN, kept=kept),
            telling=telling,
            desks=[*desks, grants_desk()],
            version="0",
            public_address=issuer.callback.removesuffix(CALLBACK) if issuer else None,
            issuer=issuer,
            town=town,
            model=model,
            missions=missions,
        )
        app = make_app(house)
        async with served(app, bind("127.0.0.1", port)) as address, client_of(address, TOKEN) as client:
            yield Door(practice=practice, shop=shop, house=house, app=app, address=address, ana=ana, client=client)
            let_go(app)


@asynccontextmanager
async def opened_errands(
    folder: Path, *, host: ModelHost | None = None, tokens_max: int = 100_000
) -> AsyncIterator[Door]:
    """A house whose errands desk listens, in the town; it is noon on a Wednesday. A model there may read the words."""
    clock = MovableClock()
    clock.move(datetime(2027, 3, 3, 12, tzinfo=UTC) - as_datetime(clock.read().wall))
    async with (
        serve_town(clock=clock) as town,
        TownBooking.opened(town.booking_address) as site,
        _model(folder, host, tokens_max, clock) as model,
        Practice.opened(
            folder,
            desks=[ERRANDS],
            connectors=[town_booking(site), *([] if model is None else [hosted_model(model)])],
            clock=clock,
        ) as practice,
        opened_to(practice, [ERRANDS], Counter(), town=town, model=model) as door,
    ):
        yield door


@asynccontextmanager
async def _model(
    folder: Path, host: ModelHost | None, tokens_max: int, clock: MovableClock
) -> AsyncIterator[HostedModel | None]:
    if host is None:
        yield None
        return
    with ModelUse.opened(folder, tokens_max=tokens_max) as use:
        async with HostedModel.opened(host, use, clock=clock) as model:
            yield model


@pytest.fixture
async def errands(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened_errands(tmp_path) as door:
        yield door
