"""`haloop ask`: somebody wants something."""

import asyncio
import re
from collections.abc import Sequence

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.arguments import read_arguments
from haloop.cli.conversation import converse, understood_lines
from haloop.cli.gate_page import SECONDS_TO_WAIT, gate_lines, how_to_answer
from haloop.cli.naming import short
from haloop.cli.offers import offer_lines
from haloop.cli.parts import Part
from haloop.cli.reaching import reach
from haloop.cli.run_page import how_it_ended
from haloop.client import Client
from haloop.kernel.errors import BadInput, Exit
from haloop.settings import Settings
from haloop.wire.gates import GateOut
from haloop.wire.requests import DeskOut, Understood
from haloop.wire.runs import RunDetail, RunState

_SECONDS_BETWEEN = 0.1
_TYPED = re.compile(r"\w+\.\w+")
_STOPPED = frozenset({RunState.ENDED, RunState.PARKED, RunState.UNCERTAIN})


@click.command()
@click.argument("wanted", metavar="[WORDS|DESK.PROCEDURE]", required=False)
@click.argument("arguments", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--desk", help="The desk that shall hear the words; without it, whichever does such things.")
@click.option("--key", help="A name for this request: asked again under the same one, it is not asked twice.")
@answering
def ask(settings: Settings, wanted: str | None, arguments: Sequence[str], desk: str | None, key: str | None) -> Answer:
    """Ask for something, in plain words or typed, and see what would be done.

    What is missing in plain words is asked back. Typed: a value is JSON if it reads as JSON, else text; a dotted name
    fills a field inside: wish.party=2. With nothing to ask for, it lists what can be asked for.
    """
    if key is not None and not (key.isascii() and key.isprintable()):
        raise BadInput("A key is written in plain letters, digits and signs.", code="usage.bad")
    if wanted is None or _TYPED.fullmatch(wanted):
        return reach(settings, lambda client: _ask(client, wanted, arguments, key))
    begun = converse(settings, " ".join([wanted, *arguments]), desk=desk, key=key)
    if isinstance(begun, Answer):
        return begun
    return reach(settings, lambda client: what_came(client, begun.run, begun.understood))


async def _ask(client: Client, wanted: str | None, arguments: Sequence[str], key: str | None) -> Answer:
    desks = await client.desks()
    desk, _, procedure = (wanted or "").partition(".")
    if not any(desk == one.name and procedure == offered.name for one in desks for offered in one.procedures):
        return _offers(desks, wanted)
    run = await client.ask(desk, procedure, read_arguments(arguments), key=key)
    return await what_came(client, run)


def _offers(desks: Sequence[DeskOut], wanted: str | None) -> Answer:
    lines = [line for desk in desks for offered in desk.procedures for line in offer_lines(desk.name, offered)]
    unknown = [] if wanted is None else [f"Nobody here does {wanted}."]
    words = [f"  {example}" for desk in desks for example in desk.examples]
    in_words = ["In plain words, such as:", *words] if words else []
    return Answer(
        lines=[*unknown, *(["You can ask for:", *lines, *in_words] if lines else ["No desk is installed here."])],
        document={
            "desks": [
                {"name": desk.name, "procedures": [f"{desk.name}.{one.name}" for one in desk.procedures]}
                for desk in desks
            ],
            "unknown": wanted,
        },
        exit=Exit.OK if wanted is None else Exit.USAGE,
    )


async def what_came(client: Client, name: str, understood: Understood | None = None) -> Answer:
    """Wait until it asks, or has stopped, or takes longer than somebody likes to sit there."""
    run, gates = await _look(client, name)
    for _ in range(round(SECONDS_TO_WAIT / _SECONDS_BETWEEN)):
        if gates or run.state in _STOPPED:
            break
        await asyncio.sleep(_SECONDS_BETWEEN)
        run, gates = await _look(client, name)
    return Answer(
        lines=[run.id, *understood_lines(understood), *(_asks(gates, client) if gates else _goes_on(run))],
        document={
            "code": run.code,
            "gates": [gate.model_dump() for gate in gates],
            "reason": run.reason,
            "run": run.id,
            "state": str(run.state),
            **({} if understood is None else {"understood": understood.model_dump()}),
        },
    )


async def _look(client: Client, name: str) -> tuple[RunDetail, list[GateOut]]:
    run = await client.run(name)
    gates = [await client.gate(gate) for gate in run.gates]
    return run, [gate for gate in gates if gate.status == "open"]


def _asks(gates: Sequence[GateOut], client: Client) -> list[Part]:
    return [line for gate in gates for line in (*gate_lines(gate), how_to_answer(gate, client.page_of(gate.id)))]


def _goes_on(run: RunDetail) -> list[Part]:
    next_step = "show" if run.state in _STOPPED else "watch"
    return [how_it_ended(run), f"next: haloop {next_step} {short(run.id)}"]
