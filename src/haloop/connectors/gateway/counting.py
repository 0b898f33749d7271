"""Reading what a call used from its answer while that is passed on, a piece at a time."""

import json

from haloop.connectors.gateway.dialects import Dialect, Tokens

_DATA, _OF_USE = b"data:", b"sage"
"""All four forms call it `usage`, or something that ends so."""


class Counted:
    """What one answer tells."""

    def __init__(self, dialect: Dialect) -> None:
        self.in_events = False
        """Whether it comes as events, each of which may say something of it."""
        self._dialect = dialect
        self._unread = bytearray()
        self._tokens = Tokens()

    def take(self, piece: bytes) -> None:
        """A piece of it; where it ends in the middle of an event, that is read with the next."""
        self._unread += piece
        if self.in_events and b"\n" in piece:
            whole, _, rest = bytes(self._unread).rpartition(b"\n")
            self._unread = bytearray(rest)
            for line in whole.splitlines():
                self._take_line(line)

    def told(self) -> Tokens | None:
        """What was used, now that there is no more; none where it did not come to say so."""
        if self.in_events:
            self._take_line(bytes(self._unread))
        else:
            self._take_json(bytes(self._unread))
        self._unread.clear()
        return self._tokens if self._tokens.is_whole else None

    def _take_line(self, line: bytes) -> None:
        if line.startswith(_DATA):
            self._take_json(line.removeprefix(_DATA))

    def _take_json(self, text: bytes) -> None:
        if _OF_USE not in text:
            return
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return
        for one in said if isinstance(said, list) else [said]:
            told = self._dialect.told(one) if isinstance(one, dict) else None
            if told is not None:
                self._tokens = self._tokens.and_then(told)
