"""`haloop cancel`: the end of a run."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.naming import run_named
from haloop.cli.reaching import reach
from haloop.cli.run_page import how_it_ended
from haloop.client import Client
from haloop.settings import Settings


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--reason", default="", help="Why; it stands in the ledger.")
@answering
def cancel(settings: Settings, run: str, reason: str) -> Answer:
    """End RUN as soon as nothing is under way that cannot be taken back."""
    return reach(settings, lambda client: _cancel(client, run, reason))


async def _cancel(client: Client, name: str, reason: str) -> Answer:
    run = await client.cancel(await run_named(client, name), reason=reason)
    return Answer(
        lines=[run.id, f"To be cancelled; now: {how_it_ended(run)}"],
        document={"run": run.model_dump()},
    )
