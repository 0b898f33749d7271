"""`haloop owner`: an owner's word about the home itself."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.settings import Settings


@click.group()
def owner() -> None:
    """Say what only an owner may say of the home: that its clock is right, or that a recovery is over."""


@owner.command("trust-clock")
@answering
def trust_clock(settings: Settings) -> Answer:
    """Say that the clock is right although it was moved; what waited for that goes on."""
    return reach(settings, _trust_clock)


@owner.command("end-recovery")
@answering
def end_recovery(settings: Settings) -> Answer:
    """Say that whatever the ledger may have forgotten was looked at; then effects may begin again."""
    return reach(settings, _end_recovery)


async def _trust_clock(client: Client) -> Answer:
    await client.trust_clock()
    status = await client.status()
    lines = ["The clock is believed from now on; your word stands in the ledger."]
    return Answer(lines=lines, document={"clock_moved_seconds": status.clock_moved_seconds})


async def _end_recovery(client: Client) -> Answer:
    await client.end_recovery()
    status = await client.status()
    return Answer(
        lines=["Recovery mode is over; your word stands in the ledger."], document={"recovery": status.recovery}
    )
