"""`haloop approve`: a yes to exactly what the card shows, or several cards."""

import sys
from collections.abc import Callable, Sequence

import click

from haloop.cli.answer import Answer, answering, show
from haloop.cli.card import WORDS, amount_words, disclosure_lines
from haloop.cli.gate_page import (
    SEEN,
    NotOpen,
    difference_lines,
    gate_lines,
    is_too_late,
    require_open,
    too_late,
)
from haloop.cli.naming import gate_named, short
from haloop.cli.parts import visible, write
from haloop.cli.reaching import reach
from haloop.cli.shown import revision_shown
from haloop.client import Client, Problem
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadInput, Exit, HaloopError
from haloop.settings import Settings
from haloop.wire.gates import GateOut, RowOut

_ANSWERS = {"y": True, "yes": True, "n": False, "no": False}


class TakesPasskey(HaloopError):
    """A terminal cannot ask a passkey."""

    code = "gate.passkey"
    exit = Exit.REFUSED


@click.command()
@click.argument("gates", metavar="GATE...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Ask nothing: you have read the card elsewhere.")
@click.option("--read", is_flag=True, help="You have also read what the card discloses; with --yes.")
@click.option("--revision", type=click.IntRange(min=1), help="Only if the card you read is still this one.")
@answering
def approve(settings: Settings, gates: Sequence[str], yes: bool, read: bool, revision: int | None) -> Answer:  # noqa: FBT001
    """Say yes to GATE: its id, an end of it, or the number that haloop inbox showed.

    The whole card is shown first, then you are asked. Of several gates every card is shown, and one yes is to all of
    them; what is changed meanwhile does not count. Only with --yes nothing is asked.
    """
    found, page_of = reach(settings, lambda client: _open_gates(settings, client, gates))
    _require_distinct(found, revision)
    for gate in found:
        show(sys.stderr, gate_lines(gate))
        _require_answerable_here(gate, page_of(gate.id))
    for name, gate in zip(gates, found, strict=True):
        # Where nothing is asked nobody sees the card now: the yes is to the one that the inbox showed.
        shown = revision_shown(settings, gate.id) if yes and name.isdecimal() else None
        _require_revision(gate, revision or shown)
    if yes:
        for gate in found:
            _require_read(gate, read=read)
    elif not _asks_yes(found):
        return _left_open(found)
    if len(found) == 1:
        return reach(settings, lambda client: _approve(client, found[0]))
    return reach(settings, lambda client: _approve_together(client, found))


async def _open_gates(
    settings: Settings, client: Client, names: Sequence[str]
) -> tuple[list[GateOut], Callable[[str], str]]:
    found = [await gate_named(settings, client, name) for name in names]
    for gate in found:
        require_open(gate)
    return found, client.page_of


async def _approve(client: Client, gate: GateOut) -> Answer:
    try:
        after = await client.approve(gate, view=SEEN, read=gate.must_read)
    except Problem as problem:
        if is_too_late(problem):
            return too_late(gate, problem)
        raise
    return Answer(
        lines=[_counted(gate, after), f"next: haloop show {short(gate.run)}"],
        document={"gate": after.model_dump(), "run": gate.run},
    )


async def _approve_together(client: Client, gates: Sequence[GateOut]) -> Answer:
    rows = await client.approve_together(gates, view=SEEN, read=any(gate.must_read for gate in gates))
    shown = {gate.id: gate for gate in gates}
    return Answer(
        lines=[line for row in rows for line in _row_lines(shown[row.gate], row)],
        document={"rows": [row.model_dump() for row in rows]},
        exit=Exit.OK if all(row.counts for row in rows) else Exit.REFUSED,
    )


def _row_lines(gate: GateOut, row: RowOut) -> list[str]:
    if row.now is not None:
        return [f"{short(gate.id)}: {_counted(gate, row.now)}"]
    assert row.problem is not None
    return [f"{short(gate.id)}: Not counted: {row.problem.title}", *difference_lines(row.problem.difference)]


def _counted(gate: GateOut, after: GateOut) -> str:
    said = "Approved" if after.status == "approved" else f"Your yes counts; the gate is {after.status}"
    return f"{said}: {amount_words(gate.card)}."


def _require_distinct(gates: Sequence[GateOut], revision: int | None) -> None:
    if len({gate.id for gate in gates}) < len(gates):
        raise BadInput("The same gate is named twice.", code="usage.bad")
    if len(gates) > 1 and revision is not None:
        raise BadInput("--revision is of one gate.", code="usage.bad", next_step="Approve that gate by itself.")


def _require_answerable_here(gate: GateOut, page: str) -> None:
    if gate.need.passkey:
        raise TakesPasskey(
            "This takes a passkey, which a terminal cannot ask.",
            next_step=f"Approve it in the browser: {page}",
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


def _asks_yes(gates: Sequence[GateOut]) -> bool:
    """Whoever sits here says yes, to what must be read and then to the amount."""
    require_terminal()
    for gate in gates:
        if gate.must_read and not _says_read(gate):
            return False
    together: dict[str, Canonical] = {"effects": [line for gate in gates for line in gate.card["effects"]]}
    asked = "a yes" if len(gates) == 1 else "a yes to all"
    return says_yes(str(WORDS[asked]).format(amount_words(together), len(gates)))


def require_terminal() -> None:
    """Somebody must sit here to be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadInput(
            "There is no terminal to ask on, so nothing was approved.",
            code="approve.no_terminal",
            next_step="Approve at a terminal, or with --yes if you have read the card.",
        )


def _says_read(gate: GateOut) -> bool:
    for line in disclosure_lines(gate.card):
        write(sys.stderr, visible(line))
    return says_yes(str(WORDS["read"]))


def says_yes(question: str) -> bool:
    """Ask whoever sits here until they say yes or no."""
    while True:
        write(sys.stderr, visible(question), end=" ")
        line = sys.stdin.readline()
        if not line:
            raise click.Abort
        said = line.strip().lower()
        if said in _ANSWERS:
            return _ANSWERS[said]
        write(sys.stderr, str(WORDS["again"]))


def _left_open(gates: Sequence[GateOut]) -> Answer:
    waiting: dict[str, Canonical] = {"gates": [gate.model_dump() for gate in gates]}
    return Answer(
        lines=[
            "Not approved; it still waits." if len(gates) == 1 else "None of them is approved; they still wait.",
            *(f"next: haloop decline {short(gate.id)}, to say no for good." for gate in gates),
        ],
        document={"approved": False, **({"gate": gates[0].model_dump()} if len(gates) == 1 else waiting)},
        exit=Exit.REFUSED,
    )
