"""`haloop decline`: a no, and why."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.card import card_lines
from haloop.cli.gate_page import SEEN, is_too_late, require_open, too_late
from haloop.cli.naming import gate_named, short
from haloop.cli.parts import Framed
from haloop.cli.reaching import reach
from haloop.client import Client, Problem
from haloop.settings import Settings


@click.command()
@click.argument("gate", metavar="GATE")
@click.option("--reason", default="", help="Why not; whoever asked reads it.")
@click.option("--back-to", metavar="STEP", help="Of a mission: the step to which it goes back.")
@answering
def decline(settings: Settings, gate: str, reason: str, back_to: str | None) -> Answer:
    """Say no to GATE: its id, an end of it, or the number that haloop inbox showed."""
    return reach(settings, lambda client: _decline(settings, client, gate, reason, back_to))


async def _decline(settings: Settings, client: Client, name: str, reason: str, back_to: str | None) -> Answer:
    gate = await gate_named(settings, client, name)
    require_open(gate)
    try:
        after = await client.refuse(gate, view=SEEN, reason=reason, back_to=back_to)
    except Problem as problem:
        if is_too_late(problem):
            return too_late(gate, problem)
        raise
    return Answer(
        lines=[f"Declined gate {short(gate.id)}; nothing of this happens:", Framed(lines=list(card_lines(gate.card)))],
        document={"gate": after.model_dump(), "run": gate.run},
    )
