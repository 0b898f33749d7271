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
