"""Addresses that lead a person to a draft, or to what was executed.

They go through mail, push services and whatever else people send each other, so they hold an id and nothing else:
whoever opens one has to say who they are, and reads the rest from the server.
"""

import re

from haloop.kernel.errors import NotFound
from haloop.kernel.gate import GateId, run_of
from haloop.kernel.ids import RunId

_DRAFT = re.compile(r"gate_[0-9a-f]{32}_[1-9][0-9]{0,4}")
_EXECUTION = re.compile(r"run_[0-9a-f]{32}")


def link_to(address: str, thing: str) -> str:
    """The address at which a person reads a gate's draft, or what a run executed."""
    named = "draft_id" if thing.startswith("gate_") else "execution_id"
    return f"{address}/open?{named}={thing}"


def read_link(*, draft_id: str | None, execution_id: str | None) -> tuple[RunId, GateId | None]:
    """The run that a link leads to, and its gate where it names a draft."""
    match draft_id, execution_id:
        case str(), None if _DRAFT.fullmatch(draft_id):
            return run_of(GateId(draft_id)), GateId(draft_id)
        case None, str() if _EXECUTION.fullmatch(execution_id):
            return RunId(execution_id), None
    raise leads_nowhere()


def leads_nowhere() -> NotFound:
    """The same for what never was, what is another account's, and what cannot be read: a link tells nothing."""
    return NotFound(
        "This leads to nothing in this account.",
        code="link.unknown",
        next_step="If it is about another of your accounts, go on in that one, and open it again.",
    )
