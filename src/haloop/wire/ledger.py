"""The ledger as it goes over the wire."""

from pydantic import BaseModel

from haloop.wire.told import Told


class EventOut(Told, frozen=True):
    """An event, with what its leaf is made of."""

    run: str
    run_seq: int
    payload: str
    leaf_hash: str


class EventPage(BaseModel, frozen=True):
    """In the order of the tree."""

    events: list[EventOut]
    after: int | None
    """Ask for the next page with it; none at the end."""


class CheckpointOut(BaseModel, frozen=True):
    """A signed note over the account's tree."""

    note: str


class StoredCheckpoint(BaseModel, frozen=True):
    """A checkpoint that was signed, and how many events it saw."""

    size: int
    note: str


class CheckpointPage(BaseModel, frozen=True):
    """The newest first."""

    checkpoints: list[StoredCheckpoint]
    before: int | None
    """Ask for what comes after this page with it; none at the end."""


class InclusionOut(BaseModel, frozen=True):
    """That an event is in the ledger, for whoever has the account's key."""

    header: str
    """The event's own bytes, which its leaf is the hash of."""
    proof: str
    """The path from that leaf to a signed checkpoint: C2SP tlog-proof."""


class GrowthOut(BaseModel, frozen=True):
    """That the ledger still begins with what a checkpoint saw, for whoever kept that checkpoint."""

    since: int
    size: int
    hashes: list[str]
    """RFC 6962's consistency proof from the one size to the other, each hash in base64."""
    note: str
    """The signed checkpoint of the larger size."""
