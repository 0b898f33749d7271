"""A secret by its name: where the value goes nobody but a connector needs to see it.

Desks, drafts, cards and the ledger hold this handle. The connector that needs the value looks it up at the
moment of the call and keeps it to itself.
"""

from pydantic import BaseModel, ConfigDict


class Secret(BaseModel):
    """A handle for something that is kept elsewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
