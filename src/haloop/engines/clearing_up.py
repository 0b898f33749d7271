"""Finding out how an effect ended whose answer never came: as the intent declared it, and never by a guess.

The first try comes at once, the next ones after longer and longer whiles. Where neither sending again nor looking
is allowed, nothing is tried: a person must find out, and the hold stays.
"""

from typing import Protocol

from haloop.engines.at import Host
from haloop.engines.outgoing import Outgoing
from haloop.kernel.drive import Position
from haloop.kernel.fact import EffectResent
from haloop.kernel.operation import Absent, Found, Idempotent, NotDone, Queryable, Unknown, Why

AGAIN_SECONDS = 2
AGAIN_SECONDS_MAX = 3_600
_SECOND = 1_000_000


class Unclear(Protocol):
    """An effect as whoever clears it up sees it."""

    at: Position
    host: Host
    is_under_way: bool

    @property
    def outgoing(self) -> Outgoing: ...

    @property
    def is_settled(self) -> bool: ...

    def hold_back(self) -> None:
        """Nothing is under way after all."""
        ...

    def resend(self) -> None:
        """Send once more, now that the ledger says so."""
        ...

    def note_unclear(self, sentence: str) -> None:
        """Say why nobody knows, where that is not known yet."""
        ...

    def looked_up(self, found: Found[object] | NotDone) -> None:
        """Take in what a lookup has shown."""
        ...


class ClearingUp:
    """The tries for one effect, in this process."""

    def __init__(self, effect: Unclear) -> None:
        self._effect = effect
        self._tries = 0

    def soon(self) -> None:
        """Try now, or after a while if it was tried before."""
        self._tries += 1
        if self._tries == 1:
            self.now()
        else:
            wait = min(AGAIN_SECONDS * 2 ** (self._tries - 2), AGAIN_SECONDS_MAX)
            self._at(self._effect.host.world.now() + wait * _SECOND)

    def now(self) -> None:
        """Send again or look, where the intent allows it."""
        effect = self._effect
        if effect.is_under_way or effect.is_settled or effect.host.world.is_closing:
            return
        match effect.outgoing.recovery():
            case Idempotent() as how:
                self._resend(until=effect.outgoing.intent.begun_at + int(how.for_.total_seconds()) * _SECOND)
            case Queryable() as how:
                effect.is_under_way = True
                effect.host.world.tasks.spawn(self._look(how))

    def _at(self, due: int) -> None:
        self._effect.host.world.timers.set(self._effect.host.id, self._effect.at, due)

    def _resend(self, *, until: int) -> None:
        """Send the stored bytes under the same key, as long as the outside knows the key for certain."""
        effect, now = self._effect, self._effect.host.world.now()
        if now >= until:
            return
        intent, patience = effect.outgoing.intent, int(effect.outgoing.patience.total_seconds() * _SECOND)
        effect.host.note(
            EffectResent(
                at=effect.at,
                gate=intent.gate,
                effect=intent.effect,
                attempt=effect.outgoing.attempt + 1,
                deadline=min(until, now + patience),
            )
        )
        effect.is_under_way = True
        effect.host.after_recorded(self._send_again, otherwise=effect.hold_back)

    def _send_again(self) -> None:
        if self._effect.is_settled:  # somebody found out while this waited for the disk
            self._effect.hold_back()
        elif self._effect.outgoing.is_in_time:
            self._effect.resend()
        else:
            self._effect.hold_back()
            self.soon()

    async def _look(self, how: Queryable) -> None:
        asked_at = self._effect.host.world.now()
        found = await self._effect.outgoing.ask(how)
        self._effect.is_under_way = False
        self._effect.host.work(lambda: self._take_finding(found, how, asked_at))

    def _take_finding(self, found: object, how: Queryable, asked_at: int) -> None:
        """An absence counts only if it was seen after the outside had time to settle."""
        settled_at = self._effect.outgoing.deadline + int(how.settled_after.total_seconds()) * _SECOND
        if isinstance(found, Found):
            self._effect.looked_up(found)
        elif isinstance(found, Absent) and asked_at >= settled_at:
            sentence = "The outside has no trace of it."
            self._effect.looked_up(NotDone(why=Why.SETTLED, code="effect.absent", sentence=sentence))
        elif not self._effect.is_settled and isinstance(found, Absent):
            self._at(settled_at)
        elif not self._effect.is_settled:
            if isinstance(found, Unknown):
                self._effect.note_unclear(found.sentence)
            self.soon()
