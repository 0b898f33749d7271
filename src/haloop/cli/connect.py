"""`haloop connect`: sign a household in where orders go, once, in a window that a person works."""

import sys

import click

from haloop.cli.answer import Answer, answering
from haloop.kernel.errors import BadInput
from haloop.settings import PRACTICE_SHOP, Settings


@click.command()
@click.argument("what", type=click.Choice(["shop"]))
@click.option("--account", required=True, help="Whose sign-in it is: the account's id.")
@click.option("--shop", help="The recipe of the shop, for this time. [default: shop.recipe]")
@click.option("--port", type=int, help="Open no window; another browser reaches the page at this port.")
@answering
def connect(settings: Settings, what: str, account: str, shop: str | None, port: int | None) -> Answer:  # noqa: ARG001
    """Open the shop, let you sign in there, and keep that for this household and this shop alone."""
    settings = settings.with_flags({"shop.recipe": shop})
    if settings.shop_recipe == PRACTICE_SHOP:
        raise BadInput(
            "In the town's shop every household is known.",
            code="connect.practice",
            next_step="Name a real shop with --shop or shop.recipe.",
        )
    name = _signed_in(settings, account, port)
    return Answer(lines=[f"{account} is signed in at {name}."], document={"account": account, "shop": name})


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
