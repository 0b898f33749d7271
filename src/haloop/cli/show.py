"""`haloop show`: a run with its trail, or a gate with its whole card."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.gate_page import gate_lines, how_to_answer
from haloop.cli.naming import gate_named, is_number, run_named, short
from haloop.cli.reaching import reach
from haloop.cli.run_page import run_line, word_lines
from haloop.cli.telling import names_of, told_line
from haloop.client import Client
from haloop.settings import Settings


@click.command()
@click.argument("name", metavar="RUN|GATE")
@answering
def show(settings: Settings, name: str) -> Answer:
    """Show a run with all that happened in it, or a gate with its whole card.

    A gate is also named by the number that haloop inbox showed; both by an end of their ids.
    """
    return reach(settings, lambda client: _show(settings, client, name))


async def _show(settings: Settings, client: Client, name: str) -> Answer:
    if name.startswith("run_") or not (is_number(name) or "_" in name):
        return await _show_run(client, await run_named(client, name))
    gate = await gate_named(settings, client, name)
    next_step = [how_to_answer(gate, client.page_of(gate.id))] if gate.status == "open" else []
    return Answer(lines=[*gate_lines(gate), *next_step], document={"gate": gate.model_dump()})


async def _show_run(client: Client, name: str) -> Answer:
    run, names = await client.run(name), await names_of(client)
    gates = [gate for gate in run.gates if (await client.gate(gate)).status == "open"]
    return Answer(
        lines=[
            f"{run.id}",
            run_line(run, names),
            *word_lines(run),
            *(told_line(told, names) for told in run.trail),
            *(f"next: haloop show {short(gate)}" for gate in gates),
        ],
        document={"run": run.model_dump()},
    )
