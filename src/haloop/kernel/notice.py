"""When a person is told that something waits for them or went wrong, and when the rest is told in one go.

What waits and what failed is told at once, but not in the hours in which a person wants quiet: then it is told when
they end, unless the time to answer would be over by then. All that is no news of the hour is counted once a day.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from haloop.kernel.clock import as_datetime
from haloop.kernel.errors import BadInput, BadProcedure
from haloop.kernel.mail_address import is_mail_address
from haloop.kernel.procedure import Daily

TIME_TO_ANSWER = timedelta(minutes=30)
"""Quiet is broken where less than this would be left when it ends."""
WARNED_BEFORE = timedelta(hours=1)
"""So long before a gate expires its people are told once more; sooner, where it was open for a short time only."""

_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


class NoticeKind(StrEnum):
    """What a person is told."""

    WAITS = "waits"
    """A gate waits for their answer."""
    EXPIRES = "expires"
    """It still does, and soon no answer will count."""
    FAILED = "failed"
    """A run ended badly or cannot go on, or nobody knows how an effect ended."""
    DIGEST = "digest"
    """What else happened since the last one."""
    TEST = "test"
    """Nothing: somebody tries whether they would be told."""
    RECOVERED = "recovered"
    """A passkey was added with a recovery code."""
    LOOSENED = "loosened"
    """The account's rules allow more than before: a ceiling rose or is gone, or a yes takes less."""
    OVER = "over"
    """A gate that one of their devices shows as waiting waits for them no more."""


BREAKS_QUIET = frozenset({NoticeKind.DIGEST, NoticeKind.RECOVERED, NoticeKind.LOOSENED, NoticeKind.OVER})
"""What is told in hours of quiet too: at the hour that was asked for, because it may be a theft, or without a sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """How one person wants to be told; nobody is told anything who has not said so."""

    address: str = ""
    """Where mail goes."""
    mail: bool = False
    push: bool = True
    """To the devices they have subscribed, if any."""
    zone: str = "UTC"
    quiet_from: str = ""
    quiet_to: str = ""
    digest_at: str = ""
    """The time of day of the digest; nothing where none is wanted."""
    _quiet: Daily | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._require_readable()
        if self.quiet_from and self.quiet_from != self.quiet_to:
            object.__setattr__(self, "_quiet", Daily(self.quiet_to, zone=self.zone))

    def told_at(self, moment: int, until: int | None) -> int:
        """When something is told that is to be told from a moment on, and is of use until another."""
        if self._quiet is None or not self._is_quiet(moment):
            return moment
        over = _microseconds(self._quiet.next_after(as_datetime(moment)))
        is_too_late = until is not None and until - over < _length(TIME_TO_ANSWER)
        return moment if is_too_late else over

    def next_digest(self, moment: int) -> int | None:
        """When the next digest is told."""
        if not self.digest_at:
            return None
        return _microseconds(Daily(self.digest_at, zone=self.zone).next_after(as_datetime(moment)))

    def _is_quiet(self, moment: int) -> bool:
        here = as_datetime(moment).astimezone(ZoneInfo(self.zone)).time()
        begins, ends = time.fromisoformat(self.quiet_from), time.fromisoformat(self.quiet_to)
        return begins <= here < ends if begins < ends else here >= begins or here < ends

    def _require_readable(self) -> None:
        if self.address and not is_mail_address(self.address):
            raise _bad("This is no e-mail address as a mail server takes it.")
        if self.mail and not self.address:
            raise _bad("Mail needs an address to go to.")
        if bool(self.quiet_from) != bool(self.quiet_to):
            raise _bad("Quiet hours have a beginning and an end.")
        for one in (self.quiet_from, self.quiet_to, self.digest_at):
            if one and not _TIME.fullmatch(one):
                raise _bad(f"{one[:20]!r} is no time of day.")
        try:
            Daily("00:00", zone=self.zone)
        except (BadProcedure, OSError) as error:  # some names are read as folders of the database of zones
            raise _bad(f"{self.zone[:60]!r} is no time zone.") from error


def warned_at(opened_at: int, expires_at: int) -> int:
    """When a gate's people are told that soon no answer will count."""
    return expires_at - min(_length(WARNED_BEFORE), (expires_at - opened_at) // 4)


def _bad(sentence: str) -> BadInput:
    return BadInput(
        sentence, code="notices.bad", next_step="Give a zone such as Europe/Berlin, and times such as 22:00 and 07:00."
    )


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _length(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
