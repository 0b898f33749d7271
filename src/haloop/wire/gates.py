"""Gates and what is said to them, as they go over the wire."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from haloop.wire.passkeys import PasskeyAnswer
from haloop.wire.problems import Problem

GATE = "^gate_[0-9a-f]{32}_[1-9][0-9]{0,4}$"
Signed = PasskeyAnswer | Annotated[str, Field(max_length=8_000)]
"""What a passkey signed: as a browser gave it, or as the ledger keeps it, in base64."""


class NeedOut(BaseModel, frozen=True):
    """What it takes to approve."""

    count: int
    roles: list[str]
    passkey: bool
    separation: bool


class GateOut(BaseModel, frozen=True):
    """A gate, and all that an answer to it must name."""

    id: str
    run: str
    revision: int
    draft: str
    """The draft's hash; an answer names it, so that nobody approves what they have not seen."""
    card_hash: str
    card: dict[str, Any]
    status: str
    need: NeedOut
    yeses: list[str]
    """Who has said yes to this revision."""
    must_read: bool
    """The card discloses something that must be read before a yes."""
    change_takes: dict[str, Any] | None = None
    """The JSON schema of a change; none where the draft cannot be changed."""
    opened_at: str
    expires_at: str
    expires: int
    """The same in microseconds since 1970, as an answer names it."""


class GatePage(BaseModel, frozen=True):
    """What waits, the oldest first."""

    gates: list[GateOut]
    waiting: int
    """How many wait altogether."""


class Seen(BaseModel, extra="forbid", strict=True):
    """How the card was shown."""

    language: str = Field(min_length=1, max_length=35)
    renderer: str = Field(min_length=1, max_length=60)
    catalogue: str = Field(min_length=1, max_length=64)


class Said(BaseModel, extra="forbid", strict=True):
    """What every answer names."""

    revision: int = Field(ge=1)
    draft: str = Field(max_length=64)
    card: str = Field(max_length=64)
    view: Seen
    nonce: str = Field(min_length=16, max_length=64)
    expires: int = Field(ge=0)
    assertion: Signed | None = None


class Approval(Said):
    verdict: Literal["approved"]
    disclosures_read: bool = False


class Refusal(Said):
    verdict: Literal["refused"]
    reason: str = Field(default="", max_length=2_000)
    back_to: str | None = Field(default=None, max_length=60)


class Change(Said):
    verdict: Literal["changed"]
    change: Any


Decision = Annotated[Approval | Refusal | Change, Field(discriminator="verdict")]


BATCH_MAX = 25
"""So many gates are decided together; each keeps the whole list that was signed."""


class Row(BaseModel, extra="forbid", strict=True):
    """What is said to one of several gates."""

    gate: str = Field(pattern=GATE)
    decision: Decision


class Batch(BaseModel, extra="forbid", strict=True):
    """Decisions about several gates at once."""

    rows: list[Row] = Field(min_length=1, max_length=BATCH_MAX)
    assertion: Signed | None = None
    """What a passkey signed for all of them together."""


class RowOut(BaseModel, frozen=True):
    """What became of one of them."""

    gate: str
    counts: bool
    now: GateOut | None = None
    """The gate as it stands now, where the answer counts."""
    problem: Problem | None = None
    """Why it does not; with the difference, where the draft was changed meanwhile."""


class BatchOut(BaseModel, frozen=True):
    """In the order in which they were sent."""

    rows: list[RowOut]


class MoreTime(BaseModel, extra="forbid", strict=True):
    until: int = Field(ge=0)
    """Microseconds since 1970."""


class Withdrawal(BaseModel, extra="forbid", strict=True):
    reason: str = Field(default="", max_length=500)


class Found(BaseModel, extra="forbid", strict=True):
    """How an effect ended of which nobody knew."""

    effect: str = Field(max_length=200)
    happened: bool
    result: Any = None
    sentence: str = Field(default="", max_length=500)
    assertion: Signed | None = None


class UncertainOut(BaseModel, frozen=True):
    """An effect of which nobody knows how it ended, for a person to find out."""

    gate: str
    effect: str
    operation: str
    connector: str
    live: bool
    executed: Any
    """The argument that was sent."""
    payee: str | None
    cost_max: dict[str, Any] | None
    begun_at: str
    sentence: str
    """Why nobody knows."""
    passkey: bool
    """Saying how it ended takes one."""
    result: dict[str, Any]
    """A JSON schema of what a finding says where it happened."""
