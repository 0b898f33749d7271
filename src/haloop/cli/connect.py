"""`haloop connect`: sign a household in where orders go, once: in a shop's own window, or by what Resy knows it by."""

import sys
from getpass import getpass

import click

from haloop.cli.answer import Answer, answering
from haloop.kernel.errors import BadInput
from haloop.settings import PRACTICE_BOOKING, PRACTICE_SHOP, Settings


@click.command()
@click.argument("what", type=click.Choice(["resy", "shop"]))
@click.option("--account", required=True, help="Whose sign-in it is: the account's id.")
@click.option("--shop", help="The recipe of the shop, for this time. [default: shop.recipe]")
@click.option("--port", type=int, help="Open no window; another browser reaches the page at this port.")
@click.option("--venue", "venues", multiple=True, help="A restaurant at Resy, as NAME=NUMBER; may be repeated.")
@answering
def connect(
    settings: Settings, what: str, account: str, shop: str | None, port: int | None, venues: tuple[str, ...]
) -> Answer:
    """Open the shop, let you sign in there, and keep that for this household and this shop alone.

    For Resy it asks for the key and the token that a browser signed in there sends; both are kept locked.
    """
    if what == "resy":
        return _at_resy(settings, account, venues)
    settings = settings.with_flags({"shop.recipe": shop})
    if settings.shop_recipe == PRACTICE_SHOP:
        raise BadInput(
            "In the town's shop every household is known.",
            code="connect.practice",
            next_step="Name a real shop with --shop or shop.recipe.",
        )
    name = _signed_in(settings, account, port)
    return Answer(lines=[f"{account} is signed in at {name}."], document={"account": account, "shop": name})


def _at_resy(settings: Settings, account: str, venues: tuple[str, ...]) -> Answer:
    # Keys take longer to load than any other command should wait.
    from haloop.connectors.booking.resy_logins import ResyLogin, ResyLogins, Venue  # noqa: PLC0415
    from haloop.shopping import profiles_of  # noqa: PLC0415

    if settings.booking_at == PRACTICE_BOOKING:
        raise BadInput(
            "Tables are booked in the town, where every household is known.",
            code="connect.practice",
            next_step="Set booking.at first; docs/booking.md says what that means.",
        )
    logins = ResyLogins(profiles_of(settings), settings.booking_at)
    before = logins.read(account)
    try:
        login = ResyLogin(
            api_key=_secret("Resy's api_key: ") or (before.api_key if before else ""),
            token=_secret("Your X-Resy-Auth-Token: ") or (before.token if before else ""),
            venues=before.venues if before else (),
        ).with_venues([Venue.of(one) for one in venues])
    except ValueError:
        raise BadInput(
            "That is no sign-in: a key and a token have no spaces, and a restaurant is NAME=NUMBER.",
            code="connect.not_signed_in",
            next_step="Give both again, and each restaurant as --venue NAME=NUMBER.",
        ) from None
    logins.keep(account, login)
    names = [one.name for one in login.venues]
    listed = ", ".join(names) or "no restaurant yet: name some with --venue NAME=NUMBER"
    return Answer(
        lines=[f"{account} is signed in at Resy, for {listed}."],
        document={"account": account, "shop": "Resy", "venues": names},
    )


def _secret(asks: str) -> str:
    """A line that is shown to nobody; empty keeps what was kept before."""
    if sys.stdin.isatty():
        return getpass(asks).strip()
    print(asks, file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _signed_in(settings: Settings, account: str, port: int | None) -> str:
    # What drives a browser takes longer to load than any other command should wait.
    import asyncio  # noqa: PLC0415

    try:
        from haloop.connectors.storefront.connecting import connect as open_window  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BadInput(
            "A shop takes a browser.", code="connect.no_browser", next_step="Install haloop-app[browser]."
        ) from error
    from haloop.shopping import profiles_of, read_terms  # noqa: PLC0415

    terms = read_terms(settings, town_address="")
    where = "in the window that has opened" if port is None else f"through port {port} of this machine"
    if terms.recipe.notice:
        print(terms.recipe.notice, file=sys.stderr)

    async def done() -> None:
        print(f"Sign in at {terms.recipe.shop} {where}, then press Enter here.", file=sys.stderr, flush=True)
        await asyncio.to_thread(sys.stdin.readline)

    asyncio.run(open_window(terms, profiles_of(settings), account, port=port, done=done))
    return terms.recipe.shop
