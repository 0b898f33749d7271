"""`haloop change`: what should be different, which is no yes."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.arguments import read_json
from haloop.cli.gate_page import SEEN, gate_lines, how_to_answer, is_too_late, require_open, settled_gate, too_late
from haloop.cli.naming import gate_named
from haloop.cli.reaching import reach
from haloop.client import Client, Problem
from haloop.kernel.errors import BadInput
from haloop.settings import Settings
from haloop.wire.gates import GateOut


@click.command(context_settings={"ignore_unknown_options": True})  # -1 is JSON too
@click.argument("gate", metavar="GATE")
@click.argument("wanted", metavar="JSON")
@answering
def change(settings: Settings, gate: str, wanted: str) -> Answer:
    """Say what should be different about GATE, as JSON. Its desk makes a new draft, which asks again."""
    try:
        read = read_json(wanted)
    except ValueError as error:
        raise BadInput(
            f"{wanted[:60]!r} is not JSON.",
            code="usage.bad",
            next_step="""Write it as JSON, in quotes for your shell: '{"party": 3}'.""",
        ) from error
    return reach(settings, lambda client: _change(settings, client, gate, read))


async def _change(settings: Settings, client: Client, name: str, wanted: object) -> Answer:
    gate = await gate_named(settings, client, name)
    require_open(gate)
    try:
        after = await settled_gate(client, await client.change(gate, wanted, view=SEEN))
    except Problem as problem:
        if is_too_late(problem):
            return too_late(gate, problem)
        raise
    why_not = await _why_not(client, after)
    return Answer(
        lines=[
            *([f"It could not be changed: {why_not}"] if why_not else []),
            *(["The new draft is still being made."] if after.status == "revising" else gate_lines(after)),
            how_to_answer(after, client.page_of(after.id)),
        ],
        document={"gate": after.model_dump(), "problem": why_not, "run": gate.run},
    )


async def _why_not(client: Client, gate: GateOut) -> str:
    """Why the draft is the old one again, where it is."""
    for told in reversed((await client.run(gate.run)).trail):
        if told.kind == "gate.revised" and told.says and told.says.get("gate") == gate.id:
            return str(told.says.get("problem") or "")
    return ""
