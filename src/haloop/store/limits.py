"""What may be recorded just now.

Some facts are the home's alone to record. In recovery mode no effect starts. On a full disk only how effects
ended is written, from space that was set aside for it, until there is room again. And a run has an end,
however talkative: past its limit only its outcomes and its end are taken.
"""

import time
from collections.abc import Sequence

from haloop.kernel.errors import BadEntry, NoRoom, RecoveryOpen, RunFull
from haloop.kernel.ledger import (
    EFFECT_INTENDED,
    LAST_WORDS,
    OUTCOMES,
    PAYLOAD_ERASED,
    RUN_EVENTS_MAX,
    Chain,
    Entry,
    Head,
)
from haloop.store.doubt import EPOCH_STARTED, JUMPED, TRUSTED
from haloop.store.home import Ballast, Room
from haloop.store.recovery import ENDED, ENTERED, Recovery

SIGNER_ENROLLED = "signer.enrolled"

HOME_KINDS = frozenset({PAYLOAD_ERASED, SIGNER_ENROLLED, ENTERED, ENDED, EPOCH_STARTED, JUMPED, TRUSTED})
"""Facts that a start acts upon: nobody else may record them, and what they say is never erased."""

_ROOM_SECONDS = 1.0


class Limits:
    """Refuses what may not be recorded now, by name."""

    def __init__(self, ballast: Ballast, room: Room, recovery: Recovery) -> None:
        self._ballast = ballast
        self._room = room
        self._room_seen_at = float("-inf")
        self._recovery = recovery

    @property
    def room(self) -> Room:
        return self._room

    def require_allowed(self, chain: Chain, after: Head, entries: Sequence[Entry]) -> None:
        """Raise why these facts may not be recorded after `after`, if so."""
        if any(entry.kind in HOME_KINDS for entry in entries):
            raise BadEntry(
                "The home acts upon this kind of fact, so it is recorded by the home alone.", code="entry.reserved"
            )
        if not entries:
            raise BadEntry("An append records at least one fact.")
        if self._recovery.why is not None and any(entry.kind == EFFECT_INTENDED for entry in entries):
            raise RecoveryOpen(f"Nothing irreversible starts in recovery mode. {self._recovery.why}")
        if self._room is Room.OUTCOMES_ONLY and not all(entry.kind in OUTCOMES for entry in entries):
            self._require_room()
        if after.run_seq + len(entries) > RUN_EVENTS_MAX and not chain.is_own:
            _require_last_words(chain, entries)

    def _require_room(self) -> None:
        now = time.monotonic()
        if now >= self._room_seen_at + _ROOM_SECONDS:
            self._room_seen_at = now
            self._room = self._ballast.look()
        if self._room is Room.OUTCOMES_ONLY:
            raise NoRoom("The disk is full: only how effects ended is written until there is room.")


def _require_last_words(chain: Chain, entries: Sequence[Entry]) -> None:
    """How effects ended, and the end itself, may be said however long a run is."""
    if not all(entry.kind in OUTCOMES or entry.kind in LAST_WORDS for entry in entries):
        raise RunFull(f"{chain.run_id} has {RUN_EVENTS_MAX:,} events, as many as a run may have.")
