"""`haloop inbox`: what waits for a person."""

from collections.abc import Set as AbstractSet

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.card import about_words, asked_words
from haloop.cli.naming import short, waiting_gates
from haloop.cli.parts import Table
from haloop.cli.reaching import reach
from haloop.cli.shown import remember
from haloop.cli.telling import moment
from haloop.client import Client
from haloop.settings import Settings
from haloop.wire.gates import GateOut


@click.command()
@answering
def inbox(settings: Settings) -> Answer:
    """Show what waits for you, oldest first: its number, its gate, what it is about, what is asked, until when.

    The number names the gate in haloop show, approve, decline and change until the inbox is shown again.
    """
    return reach(settings, lambda client: _inbox(settings, client))


async def _inbox(settings: Settings, client: Client) -> Answer:
    gates = await waiting_gates(client)
    desks = await _desks_of(client, {gate.run for gate in gates})
    has_numbers = remember(settings, gates)
    rows = [
        (f"{number:3}" if has_numbers else "", *_row(gate, desks[gate.run]))
        for number, gate in enumerate(gates, start=1)
    ]
    waiting = Table(columns=("", "gate", "desk", "about", "what is asked", "until"), rows=rows)
    return Answer(
        lines=[waiting, "next: haloop show NUMBER, then haloop approve NUMBER"]
        if gates
        else ["Nothing waits for you."],
        document={"gates": [{**gate.model_dump(), "desk": desks[gate.run]} for gate in gates], "waiting": len(gates)},
    )


async def _desks_of(client: Client, runs: AbstractSet[str]) -> dict[str, str]:
    """Which desk asks in each of these runs."""
    found = dict.fromkeys(runs, "")
    before: int | None = None
    while not all(found.values()):
        page = await client.runs(before=before, limit=200, waiting=True)
        found.update({run.id: run.desk for run in page.runs if run.id in runs})
        before = page.before
        if before is None:
            break
    return found


def _row(gate: GateOut, desk: str) -> tuple[str, ...]:
    return short(gate.id), desk, about_words(gate.card), asked_words(gate.card), f"until {moment(gate.expires_at)}"
