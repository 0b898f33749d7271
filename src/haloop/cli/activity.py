"""`haloop activity`: the newest runs, or those that somebody looks for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.parts import Table
from haloop.cli.reaching import reach
from haloop.cli.run_page import run_row
from haloop.cli.telling import names_of
from haloop.client import Client
from haloop.settings import Settings
from haloop.wire.runs import RunState, RunSummary

_STATES = click.Choice([state.value for state in RunState])


@click.command()
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="At most so many.")
@click.option("--waiting", is_flag=True, help="Only those that have not ended.")
@click.option("--search", metavar="WORDS", help="Only those that were asked for with all of these words.")
@click.option("--desk", help="Only this desk's.")
@click.option("--procedure", help="Only this procedure's.")
@click.option("--state", type=_STATES, help="Only those that stand so.")
@click.option("--asked-by", metavar="WHO", help="Only what this one asked for, as in agent:shopper.")
@click.option("--since", type=click.DateTime(), help="Only those begun then or later, by this machine's zone.")
@click.option("--until", type=click.DateTime(), help="Only those begun before.")
@answering
def activity(settings: Settings, /, limit: int, **wanted: Any) -> Answer:  # noqa: ANN401  # click hands them in
    """Show the newest runs, a line each: when, which, what, where it stands, who asked."""
    said = {name: _read(value) for name, value in wanted.items() if value not in (None, False)}
    if "state" in said:
        said["state"] = RunState(str(said["state"]))
    return reach(settings, lambda client: _activity(client, limit, said))


def _read(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone()
    return value


async def _activity(client: Client, limit: int, wanted: Mapping[str, Any]) -> Answer:
    runs: list[RunSummary] = []
    before, is_complete = None, True
    while True:
        page = await client.runs(limit=limit - len(runs), before=before, **wanted)
        runs += page.runs
        before, is_complete = page.before, is_complete and page.is_complete
        if before is None or len(runs) == limit:
            break
    names = await names_of(client)
    more = ["There are more; see them with --limit."] if before is not None else []
    part = [] if is_complete else ["Not every run was looked at: older ones are still being read, or are too many."]
    nothing = "Nothing fits." if wanted.keys() - {"waiting"} else "Nothing is under way."
    newest = Table(columns=("when", "run", "what", "where it stands"), rows=[run_row(run, names) for run in runs])
    return Answer(
        lines=[
            *([newest] if runs else [nothing if wanted else "Nothing was asked for yet."]),
            *more,
            *part,
        ],
        document={"is_complete": is_complete, "runs": [run.model_dump() for run in runs]},
    )
