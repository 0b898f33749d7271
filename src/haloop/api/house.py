"""What the door opens onto: the parts of a running Haloop that its routes call."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from haloop.connectors.models.hosted import HostedModel
from haloop.engines.local import LocalEngine
from haloop.identity import Identity
from haloop.issuer import Issuer
from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.letter_address import LetterAddresses
from haloop.notices.telling import Telling
from haloop.settings import ARTIFACT_BYTES_MAX, SEARCH_RUNS_MAX
from haloop.store.sqlite import SqliteLedger
from haloop.town.street import Town
from haloop.workshop.missions import Missions


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Handed to the API by `app.py`, which built it."""

    ledger: SqliteLedger
    engine: LocalEngine
    identity: Identity
    telling: Telling
    desks: Sequence[Desk]
    version: str
    allowed_origins: Sequence[str] = ()
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """Where people are who do not say, as far as clocks go."""
    public_address: str | None = None
    """Where people reach it from elsewhere, if they may."""
    issuer: Issuer | None = None
    """Who says who they are."""
    town: Town | None = None
    """The practice world beside it, whose troubles can be seen and turned."""
    letterbox: Connector | None = None
    """Where people's letters come in, if they may write."""
    writes_to: LetterAddresses | None = None
    """Where each of them writes to."""
    model: HostedModel | None = None
    """What reads plain words, where it is not the built-in reader alone."""
    missions: Missions | None = None
    """The missions of this home, where their desk is installed."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held from looking at an account's people to changing them: two at once could leave it without an owner."""
    artifact_bytes_max: int = ARTIFACT_BYTES_MAX
    search_runs_max: int = SEARCH_RUNS_MAX
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is told to end: whoever holds a connection open lets go."""
