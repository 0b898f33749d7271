"""`haloop activity`: the newest runs."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.parts import Table
from haloop.cli.reaching import reach
from haloop.cli.run_page import run_row
from haloop.cli.telling import names_of
from haloop.client import Client
from haloop.settings import Settings


@click.command()
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="At most so many.")
@click.option("--waiting", is_flag=True, help="Only those that have not ended.")
@answering
def activity(settings: Settings, limit: int, waiting: bool) -> Answer:  # noqa: FBT001
    """Show the newest runs, a line each: when, which, what, where it stands, who asked."""
    return reach(settings, lambda client: _activity(client, limit, waiting=waiting))


async def _activity(client: Client, limit: int, *, waiting: bool) -> Answer:
    page, names = await client.runs(limit=limit, waiting=waiting), await names_of(client)
    more = ["There are more; see them with --limit."] if page.before is not None else []
    newest = Table(columns=("when", "run", "what", "where it stands"), rows=[run_row(run, names) for run in page.runs])
    return Answer(
        lines=[newest, *more]
        if page.runs
        else ["Nothing was asked for yet." if not waiting else "Nothing is under way."],
        document={"runs": [run.model_dump() for run in page.runs]},
    )
