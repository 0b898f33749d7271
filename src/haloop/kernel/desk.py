"""A desk: a family of procedures for one kind of work, under one name; and all that its author needs.

`from haloop.kernel.desk import ...` is the whole vocabulary of somebody who writes a desk: ports and their
operations, drafts and their effects, procedures and what their runs answer.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from haloop.kernel.card import FOR_PROGRAMS, ModelText
from haloop.kernel.connector import Connector
from haloop.kernel.draft import Draft, DraftPart, Effect, Later
from haloop.kernel.errors import BadDraft, BadProcedure, StepFailed
from haloop.kernel.failure import Malformed, Permanent, RateLimited, Transient
from haloop.kernel.gate import Approved, Escalation, Expired, Need, Refused
from haloop.kernel.hearing import Asks, Context, Foreign, Heard, Hearing, ModelHearing, Outcome, Question
from haloop.kernel.inbox import Arrival, TimedOut
from haloop.kernel.money import Money
from haloop.kernel.operation import (
    Absent,
    Call,
    Found,
    NotDone,
    Unknown,
    Why,
    effect,
    idempotent,
    queryable,
    step,
)
from haloop.kernel.people import Proof, Role
from haloop.kernel.procedure import Daily, Procedure, procedure
from haloop.kernel.prompt import Prompt
from haloop.kernel.run import Ended, Receipt, Run


class Desk:
    """What an engine is given to run."""

    def __init__(
        self,
        name: str,
        *,
        procedures: Sequence[Procedure[..., Any]],
        hearing: Hearing | None = None,
        defaults: type[BaseModel] | None = None,
    ) -> None:
        self.name = name
        self.procedures = tuple(procedures)
        self.hearing = hearing
        """Hears plain words for it; without one it takes typed requests alone."""
        self.defaults = defaults
        """What an account may set for what is not said; its hearing reads it from the context."""
        known = {(one.name, one.version) for one in procedures}
        if len(known) != len(self.procedures):
            raise BadProcedure(f"The desk {name!r} lists one version of a procedure twice.", code="desk.twice")


__all__ = [
    "FOR_PROGRAMS",
    "Absent",
    "Approved",
    "Arrival",
    "Asks",
    "BadDraft",
    "Call",
    "Connector",
    "Context",
    "Daily",
    "Desk",
    "Draft",
    "DraftPart",
    "Effect",
    "Ended",
    "Escalation",
    "Expired",
    "Foreign",
    "Found",
    "Heard",
    "Hearing",
    "Later",
    "Malformed",
    "ModelHearing",
    "ModelText",
    "Money",
    "Need",
    "NotDone",
    "Outcome",
    "Permanent",
    "Procedure",
    "Prompt",
    "Proof",
    "Question",
    "RateLimited",
    "Receipt",
    "Refused",
    "Role",
    "Run",
    "StepFailed",
    "TimedOut",
    "Transient",
    "Unknown",
    "Why",
    "effect",
    "idempotent",
    "procedure",
    "queryable",
    "step",
]
