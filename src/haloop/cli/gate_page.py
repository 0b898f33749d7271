"""A gate as a terminal shows it, and what every answer given there says about how it was shown."""

import asyncio

from haloop.cli.answer import Answer
from haloop.cli.card import VIEW, card_lines, effect_words, value_words
from haloop.cli.naming import short
from haloop.cli.parts import Framed, Part
from haloop.cli.telling import moment
from haloop.client import Client, Problem
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import Exit, HaloopError
from haloop.wire.gates import GateOut, Seen

SEEN = Seen(language=VIEW.language, renderer=VIEW.renderer, catalogue=VIEW.catalogue)
SECONDS_TO_WAIT = 5.0
_SECONDS_BETWEEN = 0.1


class NotOpen(HaloopError):
    """Nobody can answer this gate any more."""

    code = "gate.not_open"
    next_step = "Look with haloop inbox what waits."
    exit = Exit.REFUSED


def gate_lines(gate: GateOut) -> list[Part]:
    """A gate with its whole card."""
    return [
        f"gate {short(gate.id)}, revision {gate.revision}: {gate.status}, until {moment(gate.expires_at)}",
        Framed(lines=list(card_lines(gate.card))),
        f"  it takes {_need(gate)}" + (f"; {len(gate.yeses)} said so already" if gate.yeses else ""),
    ]


def how_to_answer(gate: GateOut, page: str) -> str:
    """What to type, or where to go."""
    if gate.need.passkey:
        return f"next: approve it in the browser with your passkey: {page}"
    return f"next: haloop approve {short(gate.id)}, or haloop decline {short(gate.id)}"


def require_open(gate: GateOut) -> None:
    """An answer must still be wanted."""
    if gate.status not in ("open", "revising"):
        raise NotOpen(f"Gate {short(gate.id)} is {gate.status}; nobody can answer it any more.")


async def settled_gate(client: Client, gate: GateOut) -> GateOut:
    """The gate once its new revision is made, or as it is after a while."""
    for _ in range(round(SECONDS_TO_WAIT / _SECONDS_BETWEEN)):
        if gate.status != "revising":
            break
        await asyncio.sleep(_SECONDS_BETWEEN)
        gate = await client.gate(gate.id)
    return gate


def too_late(gate: GateOut, problem: Problem) -> Answer:
    """The draft was changed meanwhile: say what is different now."""
    difference = problem.more.get("difference", [])
    return Answer(
        lines=[
            f"Not counted: {problem.sentence}",
            *difference_lines(difference),
            f"next: haloop show {short(gate.id)}, and answer what it shows now.",
        ],
        document={
            "difference": difference,
            "error": {"code": problem.code, "next_step": problem.next_step, "sentence": problem.sentence},
            "gate": gate.id,
        },
        exit=problem.exit,
    )


def is_too_late(problem: Problem) -> bool:
    return problem.code == "answer.stale"


def difference_lines(difference: Canonical) -> list[str]:
    """What is different now, a line each."""
    lines = []
    for one in difference if isinstance(difference, list) else []:
        match one:
            case {"at": str(at), "before": before, "now": now}:
                lines.append(f"  {at.rpartition('.')[2]}: {_words(before)} → {_words(now)}")
    return lines


def _words(value: Canonical) -> str:
    match value:
        case None:
            return "nothing"
        case {"operation": _}:
            return effect_words(value)
    return value_words(value)


def _need(gate: GateOut) -> str:
    who = " or ".join(gate.need.roles)
    said = f"the yes of an {who}" if gate.need.count == 1 else f"{gate.need.count} yeses of an {who}"
    passkey = " with a passkey" if gate.need.passkey else ""
    separation = ", who did not ask for it" if gate.need.separation else ""
    return f"{said}{passkey}{separation}"
