"""Gates and what is said to them, as they go over the wire."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from haloop.wire.passkeys import PasskeyAnswer

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
