"""The only file that knows everything: it builds a running Haloop from a home, desks and connectors."""

import gc
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from socket import socket

from haloop.api.browsers import page_with
from haloop.api.house import House
from haloop.api.server import let_go, make_app
from haloop.connectors.models.hosted import HostedModel, hosted_model
from haloop.connectors.subscriptions.town import TownSubscriptions, town_subscriptions
from haloop.desks.errands.desk import ERRANDS
from haloop.desks.missions.desk import MISSIONS
from haloop.engines.granting import grants_desk
from haloop.engines.local import LocalEngine
from haloop.engines.receipts import prove
from haloop.identity import Caller, Identity, read_or_make_token
from haloop.issuer import Issuer
from haloop.kernel.clock import SystemClock
from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.errors import Poisoned, RecoveryOpen
from haloop.kernel.fact import PersonAdded
from haloop.kernel.ids import AccountId, PersonId, RunId, new_person_id
from haloop.kernel.people import Role
from haloop.kernel.receipt import Receipt
from haloop.logs import Answered, log_answer, log_fact, open_logs
from haloop.mcp.door import agents_door
from haloop.notices.telling import Telling
from haloop.outward import Outward, Post, open_model, open_post, open_telling, practice_mail, practising, taking_letters
from haloop.sandboxing import open_sandboxes
from haloop.serving import address_of, serve
from haloop.settings import PRACTICE_MAIL, Settings
from haloop.shopping import keep_evidence, open_shop, shop_connector
from haloop.store.home import Home
from haloop.store.sessions import Sessions
from haloop.store.signing import read_or_make_signer, verify_passkey
from haloop.store.sqlite import SqliteLedger, end_process
from haloop.tables import open_booking
from haloop.telemetry import Wanted, open_telemetry
from haloop.town.street import Town, serve_town
from haloop.web import plain
from haloop.web.pages import Begins, make_pages
from haloop.workshop.missions import Missions
from haloop.workshop.opening import open_workshop

log = logging.getLogger("haloop.app")


@dataclass(frozen=True, slots=True, kw_only=True)
class Haloop:
    """A running Haloop with one account and its owner."""

    ledger: SqliteLedger
    engine: LocalEngine
    account: AccountId
    owner: PersonId

    async def receipt(self, run: RunId, effect: str) -> Receipt:
        """The file that proves one effect of a run to a stranger."""
        return await prove(self.ledger, self.account, run, effect)


@asynccontextmanager
async def open_haloop(
    settings: Settings, *, desks: Sequence[Desk], connectors: Sequence[Connector]
) -> AsyncIterator[Haloop]:
    """Open a home, made on first use, and take up every run that has not ended."""
    home = Home(settings.home)
    home.make()
    signer = read_or_make_signer(home.secrets)
    async with (
        SqliteLedger.opened(
            home.path,
            signer=signer,
            witness_folder=settings.state,
            checkpoints=settings.checkpoints,
            on_death=_note_and_end,
        ) as ledger,
        LocalEngine.opened(ledger, desks=desks, connectors=connectors, verify=verify_passkey) as engine,
    ):
        account = await _first_account(ledger)
        owner = await _owner(engine, account)
        _collect_seldom()
        yield Haloop(ledger=ledger, engine=engine, account=account, owner=owner)


async def run_server(settings: Settings, at: socket, *, on_ready: Callable[[str, str], None]) -> None:
    """Serve a home until the process is told to stop; `on_ready` hears its address, and one that opens the page once.

    Its desks work in the practice world.
    """
    os.umask(0o077)  # whatever this process makes is its owner's alone
    wanted = Wanted.read(os.environ)
    Home(settings.home).make()
    token, outward = read_or_make_token(settings.home / "token"), Outward.read(settings)
    with open_logs(settings.home / "logs", secrets=[token, *outward.secrets]):
        await _serve(settings, at, token, outward, wanted, on_ready)


async def _serve(
    settings: Settings,
    at: socket,
    token: str,
    outward: Outward,
    wanted: Wanted,
    on_ready: Callable[[str, str], None],
) -> None:
    running = version("haloop-app")
    desks = [ERRANDS, MISSIONS]
    async with (
        serve_town(settings.home / "town", clock=SystemClock()) as town,  # the outermost: effects under way need it
        open_booking(settings, town) as booking,
        TownSubscriptions.opened(town.subscriptions_address) as subscriptions,
        open_shop(settings, town_address=town.shop_address) as shop,
        open_model(settings, outward.model) as model,
        open_sandboxes(settings) as sandboxes,
        open_workshop(settings, sandboxes, practising(outward.upstreams, town.model_address)) as workshop,
        open_haloop(
            settings,
            desks=desks,
            connectors=[
                booking,
                town_subscriptions(subscriptions),
                shop_connector(settings, shop),
                *([] if model is None else [hosted_model(model)]),
                *workshop.connectors,
            ],
        ) as haloop,
        workshop.serving(haloop.ledger, haloop.engine, keeper=haloop.account) as missions,
        open_telemetry(wanted, ledger=haloop.ledger, engine=haloop.engine, version=running) as tell,
        open_telling(
            settings,
            practice_mail(town.post_office.port) if settings.mail_host == PRACTICE_MAIL else outward.mail,
            ledger=haloop.ledger,
            engine=haloop.engine,
            address=settings.server_public_address or address_of(at),
        ) as telling,
        open_post(settings, outward, SystemClock()) as post,
    ):

        def answered(request: Answered) -> None:
            log_answer(request)
            tell(request)

        keep_evidence(shop, haloop.ledger, haloop.engine)
        with Sessions.opened(Home(settings.home).sessions) as kept:
            haloop.engine.watch(log_fact)
            owner = Caller(account=haloop.account, person=haloop.owner)
            identity = Identity(engine=haloop.engine, owner=owner, token=token, kept=kept)
            house = _house(
                settings,
                haloop,
                identity,
                desks=desks,
                telling=telling,
                issuer=outward.issuer,
                town=town,
                post=post,
                model=model,
                missions=missions,
            )
            app = make_app(house, on_answered=answered)
            begins = Begins(
                version=running,
                desks=[desk.name for desk in house.desks],
                live=any(one.live and one.leaves for one in haloop.engine.world.connectors.all),
            )
            app.include_router(make_pages(begins))
            app.include_router(plain.router)
            await app.state.search.begin()
            log.info("started", extra={"result": running})
            if haloop.ledger.recovery is not None:
                log.warning("recovery mode is on", extra={"code": RecoveryOpen.code})
            async with agents_door(app, house), taking_letters(post, house, telling.address):
                await serve(
                    app,
                    at,
                    on_ready=lambda address: on_ready(address, page_with(house, address, house.identity.issue_once())),
                    on_end=lambda: let_go(app),
                )
    log.info("stopped")


def _house(
    settings: Settings,
    haloop: Haloop,
    identity: Identity,
    *,
    desks: Sequence[Desk],
    telling: Telling,
    issuer: Issuer | None,
    town: Town,
    post: Post | None,
    model: HostedModel | None,
    missions: Missions,
) -> House:
    """What the door opens onto."""
    return House(
        ledger=haloop.ledger,
        engine=haloop.engine,
        identity=identity,
        telling=telling,
        desks=[*desks, grants_desk()],
        version=version("haloop-app"),
        allowed_origins=settings.web_allowed_origins,
        public_address=settings.server_public_address,
        issuer=issuer,
        town=town,
        letterbox=post.connector if post else None,
        writes_to=post.addresses if post else None,
        model=model,
        missions=missions,
        artifact_bytes_max=settings.artifacts_bytes_max,
        search_runs_max=settings.search_runs_max,
        zone=settings.zone,
    )


def _note_and_end(poison: Poisoned) -> None:
    log.error(poison.sentence, extra={"code": poison.code})
    end_process(poison)


def _collect_seldom() -> None:
    """Look for circles of dead objects seldom: a run leaves none behind, and looking took a tenth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


async def _first_account(ledger: SqliteLedger) -> AccountId:
    known = await ledger.accounts()
    return known[0] if known else await ledger.open_account()


async def _owner(engine: LocalEngine, account: AccountId) -> PersonId:
    people = (await engine.account(account)).people.values()
    owners = [person.id for person in people if Role.OWNER in person.roles]
    if owners:
        return owners[0]
    owner = new_person_id()
    await engine.record(account, PersonAdded(person=owner, name="You", roles=[Role.OWNER.value]), by="kernel")
    return owner
