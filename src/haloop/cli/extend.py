"""`haloop extend`: more time to answer a gate."""

from datetime import timedelta

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.gate_page import require_open
from haloop.cli.naming import gate_named, short
from haloop.cli.reaching import reach
from haloop.cli.telling import moment
from haloop.client import Client
from haloop.settings import Settings

_SECOND = 1_000_000


@click.command()
@click.argument("gate", metavar="GATE")
@click.option("--days", type=click.IntRange(1, 90), default=1, show_default=True, help="So many days more.")
@answering
def extend(settings: Settings, gate: str, days: int) -> Answer:
    """Give people more time to answer GATE, as an owner. It stands in the ledger, and never goes beyond 90 days."""
    return reach(settings, lambda client: _extend(settings, client, gate, timedelta(days=days)))


async def _extend(settings: Settings, client: Client, name: str, more: timedelta) -> Answer:
    gate = await gate_named(settings, client, name)
    require_open(gate)
    after = await client.give_more_time(gate.id, until=gate.expires + int(more.total_seconds()) * _SECOND)
    return Answer(
        lines=[f"Gate {short(after.id)} waits until {moment(after.expires_at)}."],
        document={"gate": after.model_dump(), "run": after.run},
    )
