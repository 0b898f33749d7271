"""`haloop erase`: what a run said, made unreadable for good."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.approve import TakesPasskey
from haloop.cli.naming import run_named
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.settings import Settings


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--because", required=True, help="Why; it stays in the ledger.")
@click.confirmation_option(prompt="What it said can never be read again. Erase it?")
@answering
def erase(settings: Settings, run: str, because: str) -> Answer:
    """Make what RUN said unreadable for good, with its files, once it has ended. That it was there stays in the ledger.

    Where the home has a passkey it takes one, which a terminal cannot ask.
    """
    return reach(settings, lambda client: _erase(client, run, because))


async def _erase(client: Client, name: str, because: str) -> Answer:
    run = await run_named(client, name)
    asked = await client.begin_erasing(run)
    if asked.credentials:
        raise TakesPasskey(
            "This takes a passkey, which a terminal cannot ask.",
            next_step=f"Erase it in the browser: {client.address}/",
        )
    await client.erase(run, why=because)
    return Answer(lines=[f"What {run} said is erased."], document={"erased": run})
