"""`haloop approve`: a yes to exactly what the card shows."""

import sys

import click

from haloop.cli.answer import Answer, answering, show, visible, write
from haloop.cli.card import WORDS, amount_words, disclosure_lines
from haloop.cli.gate_page import SEEN, NotOpen, gate_lines, is_too_late, page_of, require_open, too_late
from haloop.cli.naming import gate_named, short
from haloop.cli.reaching import reach
from haloop.cli.shown import revision_shown
from haloop.client import Client, Problem
from haloop.kernel.errors import BadInput, Exit, HaloopError
from haloop.settings import Settings
from haloop.wire.gates import GateOut

_ANSWERS = {"y": True, "yes": True, "n": False, "no": False}


class TakesPasskey(HaloopError):
    """A terminal cannot ask a passkey."""

    code = "gate.passkey"
    exit = Exit.REFUSED


@click.command()
@click.argument("gate", metavar="GATE")
@click.option("--yes", is_flag=True, help="Ask nothing: you have read the card elsewhere.")
@click.option("--read", is_flag=True, help="You have also read what the card discloses; with --yes.")
@click.option("--revision", type=click.IntRange(min=1), help="Only if the card you read is still this one.")
@answering
def approve(settings: Settings, gate: str, yes: bool, read: bool, revision: int | None) -> Answer:  # noqa: FBT001
    """Say yes to GATE: its id, an end of it, or the number that haloop inbox showed.

    The whole card is shown first, then you are asked. Only with --yes nothing is asked.
    """
    found, address = reach(settings, lambda client: _open_gate(settings, client, gate))
    show(sys.stderr, gate_lines(found))
    _require_answerable_here(found, address)
    if yes and gate.isdecimal():  # nobody sees the card now: the yes is to the one that the inbox showed
        revision = revision or revision_shown(settings, found.id)
    _require_revision(found, revision)
    if yes:
        _require_read(found, read=read)
    elif not _asks_yes(found):
        return _left_open(found)
    return reach(settings, lambda client: _approve(client, found))


async def _open_gate(settings: Settings, client: Client, name: str) -> tuple[GateOut, str]:
    found = await gate_named(settings, client, name)
    require_open(found)
    return found, client.address


async def _approve(client: Client, gate: GateOut) -> Answer:
    try:
        after = await client.approve(gate, view=SEEN, read=gate.must_read)
    except Problem as problem:
        if is_too_late(problem):
            return too_late(gate, problem)
        raise
    said = "Approved" if after.status == "approved" else f"Your yes counts; the gate is {after.status}"
    return Answer(
        lines=[f"{said}: {amount_words(gate.card)}.", f"next: haloop show {short(gate.run)}"],
        document={"gate": after.model_dump(), "run": gate.run},
    )


def _require_answerable_here(gate: GateOut, address: str) -> None:
    if gate.need.passkey:
        raise TakesPasskey(
            "This takes a passkey, which a terminal cannot ask.",
            next_step=f"Approve it in the browser: {page_of(gate, address)}",
        )
    if not gate.card.get("effects") and not gate.card.get("rows"):
        raise NotOpen("This card shows nothing that could be approved.", code="gate.empty")


def _require_revision(gate: GateOut, revision: int | None) -> None:
    if revision not in (None, gate.revision):
        raise NotOpen(
            f"It stands at revision {gate.revision}, not {revision}.",
            code="answer.stale",
            next_step="Read what is shown now, and answer that.",
        )


def _require_read(gate: GateOut, *, read: bool) -> None:
    if gate.must_read and not read:
        raise BadInput(
            "This card discloses something that must be read before a yes.",
            code="approve.disclosures",
            next_step="Read it, and say so with --read beside --yes.",
        )


def _asks_yes(gate: GateOut) -> bool:
    """Whoever sits here says yes, to what must be read and then to the amount."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadInput(
            "There is no terminal to ask on, so nothing was approved.",
            code="approve.no_terminal",
            next_step="Approve at a terminal, or with --yes if you have read the card.",
        )
    if gate.must_read:
        for line in disclosure_lines(gate.card):
            write(sys.stderr, visible(line))
        if not _says_yes(str(WORDS["read"])):
            return False
    return _says_yes(str(WORDS["a yes"]).format(amount_words(gate.card)))


def _says_yes(question: str) -> bool:
    while True:
        write(sys.stderr, visible(question), end=" ")
        line = sys.stdin.readline()
        if not line:
            raise click.Abort
        said = line.strip().lower()
        if said in _ANSWERS:
            return _ANSWERS[said]
        write(sys.stderr, str(WORDS["again"]))


def _left_open(gate: GateOut) -> Answer:
    return Answer(
        lines=["Not approved; it still waits.", f"next: haloop decline {short(gate.id)}, to say no for good."],
        document={"approved": False, "gate": gate.model_dump()},
        exit=Exit.REFUSED,
    )
