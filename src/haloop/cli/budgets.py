"""`haloop budgets`: the most that the account spends, whoever says yes."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.grants import used_words
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.settings import Settings


@click.command()
@answering
def budgets(settings: Settings) -> Answer:
    """Show each ceiling of the account, what is used up of it, and when that is free again."""
    return reach(settings, _list)


async def _list(client: Client) -> Answer:
    found = await client.budgets()
    lines = [f"{one.amount.format()} in {one.window_days} day(s): {used_words(one.used)}" for one in found]
    return Answer(
        lines=lines or ["No ceiling is set: each yes is bound by its own amounts alone."],
        document={"budgets": [one.model_dump() for one in found]},
    )
