"""The shop that households order from, as the settings name it: the town's for practice, or a real one by its recipe.

A real shop is switched on by name, and then works as a dry run until the settings say otherwise. What a failed visit
saw becomes files of its run.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from haloop.connectors.profiles import Profiles
from haloop.connectors.storefront.evidence import Evidence
from haloop.connectors.storefront.recipe import read_recipe
from haloop.connectors.storefront.shop import BrowsedShop, browsed_shop
from haloop.connectors.storefront.terms import Terms
from haloop.engines.local import LocalEngine
from haloop.kernel.connector import Connector
from haloop.kernel.errors import BadInput, HaloopError
from haloop.kernel.fact import ArtifactAdded
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import Chain
from haloop.kernel.money import Money
from haloop.ports.storefront import Visit
from haloop.settings import PRACTICE_SHOP, Settings
from haloop.store.sqlite import SqliteLedger

FAILED_VISITS_MAX = 10
"""So many failed visits of one run leave what they saw; an order that nobody finds is looked for every hour."""
_FOLDER = "shops"

log = logging.getLogger("haloop.shopping")


def read_terms(settings: Settings, *, town_address: str) -> Terms:
    """The shop and its terms; BadInput where the settings do not say enough to know them."""
    recipe = read_recipe(settings.shop_recipe)
    is_practice = settings.shop_recipe == PRACTICE_SHOP
    address = town_address if is_practice else recipe.address or settings.shop_address
    amount, _, currency = settings.shop_spend_max.partition(" ")
    most = Money.of_major(amount, currency)
    if not address:
        raise _unset("shop.address", f"the recipe {recipe.name} does not say where the shop is")
    if currency != recipe.amounts.currency:
        raise _unset("shop.spend_max", f"{recipe.shop} sells in {recipe.amounts.currency}")
    dry_run = settings.shop_dry_run == "true" and not is_practice
    return Terms(recipe=recipe, address=address, dry_run=dry_run, spend_max=most)


def profiles_of(settings: Settings) -> Profiles:
    """Where a home keeps who is signed in."""
    return Profiles(settings.home / _FOLDER)


@asynccontextmanager
async def open_shop(settings: Settings, *, town_address: str) -> AsyncIterator[BrowsedShop]:
    """The shop, ready for visits."""
    async with BrowsedShop.opened(read_terms(settings, town_address=town_address), profiles_of(settings)) as shop:
        yield shop


def shop_connector(settings: Settings, shop: BrowsedShop) -> Connector:
    """The shop behind its port; only the town's is practice."""
    return browsed_shop(shop, practice=settings.shop_recipe == PRACTICE_SHOP)


def keep_evidence(shop: BrowsedShop, ledger: SqliteLedger, engine: LocalEngine) -> None:
    """From now on what a failed visit saw is kept with its run."""

    async def keep(visit: Visit, evidence: Evidence) -> None:
        account, run = AccountId(visit.household), RunId(visit.run)
        kept = [fact for fact in await engine.facts(account, run) if isinstance(fact, ArtifactAdded)]
        if sum(fact.name == evidence.name for fact in kept) >= FAILED_VISITS_MAX:
            return
        incoming = await ledger.artifacts.receive(account, len(evidence.content))
        incoming.add(evidence.content)

        async def refer(key: bytes) -> None:
            fact = ArtifactAdded(
                digest=incoming.digest,
                size=incoming.size,
                name=evidence.name,
                media_type=evidence.media_type,
                key=key,
            )
            await engine.add_artifact(account, run, fact, by="kernel")

        await ledger.artifacts.keep(Chain(account=account, run_id=run), incoming, refer)

    async def keep_if_possible(visit: Visit, evidence: Evidence) -> None:
        try:
            await keep(visit, evidence)
        except HaloopError as error:  # how a visit ended must not hang on whether its run still takes a file
            log.warning("what a visit saw was not kept", extra={"code": error.code})

    shop.keep = keep_if_possible


def _unset(name: str, reason: str) -> BadInput:
    return BadInput(
        f"{name} does not fit: {reason}.", code="settings.shop", next_step="Set it; docs/settings.md says how."
    )
