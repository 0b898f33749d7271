"""What the door opens onto: the parts of a running Haloop that its routes call."""

from collections.abc import Sequence
from dataclasses import dataclass

from haloop.engines.local import LocalEngine
from haloop.kernel.desk import Desk
from haloop.store.sqlite import SqliteLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Handed to the API by `app.py`, which built it."""

    ledger: SqliteLedger
    engine: LocalEngine
    desks: Sequence[Desk]
    version: str
