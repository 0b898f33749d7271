"""Which shop the settings name, under which terms, and that what a failed visit saw becomes files of its run."""

from pathlib import Path

import pytest

from haloop.connectors.booking.town import TownBooking, town_booking
from haloop.connectors.storefront.evidence import Evidence
from haloop.desks.errands.book_table import book_table
from haloop.desks.errands.desk import ERRANDS
from haloop.kernel.errors import BadInput
from haloop.kernel.fact import ArtifactAdded
from haloop.kernel.money import Money
from haloop.ports.booking import TableWish
from haloop.ports.storefront import Visit
from haloop.settings import Settings
from haloop.shopping import FAILED_VISITS_MAX, keep_evidence, open_shop, read_terms, shop_connector
from haloop.testing.fixtures import OpenPractice
from haloop.testing.practice import Practice
from haloop.town.street import Town

WISH = TableWish.model_validate_json('{"place": "Old Town", "party": 2, "at": "2027-01-15T18:00:00Z"}')
TOWN = "http://localhost:1"


def settings(home: Path, **said: str) -> Settings:
    return Settings.read({f"HALOOP_SHOP_{name.upper()}": value for name, value in said.items()}, home=home)


async def test_practice_is_the_default(tmp_path: Path) -> None:
    """The town's own shop, where orders cost nothing, are placed, and stay on this machine."""
    said = settings(tmp_path)
    terms = read_terms(said, town_address=TOWN)
    async with open_shop(said, town_address=TOWN) as shop:
        connector = shop_connector(said, shop)
    assert (terms.recipe.name, terms.address, terms.dry_run) == ("town", TOWN, False)
    assert terms.spend_max == Money(minor=15_000, currency="EUR")
    assert (connector.live, connector.leaves) == (False, False)


async def test_a_real_shop_is_live_and_a_dry_run_until_somebody_says_otherwise(tmp_path: Path) -> None:
    """Its recipe may be a file of one's own."""
    own = tmp_path / "mine.toml"
    own.write_text((Path("src/haloop/connectors/storefront/recipes/town.toml")).read_text())
    there = {"recipe": str(own), "address": "https://shop.example.org"}
    async with open_shop(settings(tmp_path, **there), town_address=TOWN) as shop:
        connector = shop_connector(settings(tmp_path, **there), shop)
    assert (shop.terms.address, shop.terms.dry_run, connector.live, connector.leaves) == (
        "https://shop.example.org",
        True,
        True,
        True,
    )
    assert not read_terms(settings(tmp_path, **there, dry_run="false"), town_address=TOWN).dry_run


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"recipe": "nowhere"}, "there is no such recipe"),
        ({"recipe": "mine.toml"}, "there is no such recipe"),
        ({"spend_max": "150.00 USD"}, "sells in EUR"),
        ({"spend_max": "much"}, "an amount and its currency"),
        ({"dry_run": "perhaps"}, "true or false"),
        ({"address": "ftp://shop.example.org"}, "an origin over https"),
        ({"address": "http://shop.example.org"}, "an origin over https"),
    ],
)
def test_a_shop_that_is_not_known_well_enough_is_refused(tmp_path: Path, said: dict[str, str], why: str) -> None:
    """Before anything starts, with what is wrong."""
    with pytest.raises(BadInput, match=why):
        read_terms(settings(tmp_path, **said), town_address=TOWN)


def test_a_recipe_that_is_wrong_says_where(tmp_path: Path) -> None:
    """Whoever writes one finds the line."""
    own = tmp_path / "mine.toml"
    town = (Path("src/haloop/connectors/storefront/recipes/town.toml")).read_text()
    for wrong, why in (
        (town.replace('currency = "EUR"', 'currency = "euros"'), "amounts.currency"),
        (town.replace('go = "/login"', 'go = "/login"\nclick = "a"'), "exactly one thing"),
        (town.replace("[walls]", "[wals]"), "walls"),
        (town.replace("[walls]", "[walls"), "cannot be used"),
    ):
        own.write_text(wrong)
        with pytest.raises(BadInput, match=why):
            read_terms(settings(tmp_path, recipe=str(own), address="https://a.example"), town_address=TOWN)


def test_the_plans_variables_are_honoured_and_no_others(tmp_path: Path) -> None:
    """`HALO_AMAZON_ADAPTER=browser` names the recipe; what nobody knows is refused."""
    said = Settings.read({"HALO_AMAZON_ADAPTER": "browser", "HALO_AMAZON_DRY_RUN": "false"}, home=tmp_path)
    assert (said.shop_recipe, said.shop_dry_run) == ("amazon", "false")
    with pytest.raises(BadInput, match="HALO_AMAZON_ADAPTR"):
        Settings.read({"HALO_AMAZON_ADAPTR": "browser"}, home=tmp_path)


async def a_run(house: Practice) -> Visit:
    await house.person("Ana")
    return Visit(household=house.account, run=await house.start(book_table.of(WISH)))


async def test_what_a_failed_visit_saw_is_a_file_of_its_run(
    open_practice: OpenPractice, town: Town, tmp_path: Path
) -> None:
    """Locked beside the ledger like any other; a run that is over takes none, and the visit ends as it would."""
    async with (
        TownBooking.opened(town.booking_address) as site,
        open_shop(settings(tmp_path), town_address=town.shop_address) as shop,
    ):
        house = await open_practice(ERRANDS, town_booking(site))
        visit = await a_run(house)
        keep_evidence(shop, house.ledger, house.engine)

        await shop.keep(visit, Evidence(name="page.html", media_type="text/html", content=b"<h1>Oh</h1>"))
        await shop.keep(
            visit.model_copy(update={"run": "run_" + "0" * 32}),
            Evidence(name="page.html", media_type="text/html", content=b"nobody's"),
        )

        (added,) = [fact for fact in await house.facts(visit.run) if isinstance(fact, ArtifactAdded)]  # type: ignore[arg-type]  # it is one
        assert added.name == "page.html"
        assert b"".join(house.ledger.artifacts.read(house.account, added.key)) == b"<h1>Oh</h1>"


async def test_an_order_that_nobody_finds_fills_no_disk(
    open_practice: OpenPractice, town: Town, tmp_path: Path
) -> None:
    """It is looked for every hour, and the first failed visits show why; later ones leave no more files."""
    async with (
        TownBooking.opened(town.booking_address) as site,
        open_shop(settings(tmp_path), town_address=town.shop_address) as shop,
    ):
        house = await open_practice(ERRANDS, town_booking(site))
        visit = await a_run(house)
        keep_evidence(shop, house.ledger, house.engine)
        for number in range(FAILED_VISITS_MAX + 3):
            for name in ("page.html", "trace.zip"):
                await shop.keep(visit, Evidence(name=name, media_type="text/html", content=f"{name} {number}".encode()))

        added = [fact.name for fact in await house.facts(visit.run) if isinstance(fact, ArtifactAdded)]  # type: ignore[arg-type]  # it is one
        assert (added.count("page.html"), added.count("trace.zip")) == (FAILED_VISITS_MAX, FAILED_VISITS_MAX)
