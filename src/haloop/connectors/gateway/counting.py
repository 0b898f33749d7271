"""Reading what a call used from its answer while that is passed on, a piece at a time.

Most events are small and read where everything else waits for them; what is large is read beside that, and only where
it is not made of so many parts that reading it would keep everybody else from going on.
"""

import asyncio

from haloop.connectors.gateway.body import read_if_plain
from haloop.connectors.gateway.dialects import Dialect, Tokens

READ_AT_ONCE_MAX = 256 << 10

_DATA, _OF_USE = b"data:", b"sage"
"""All four forms call it `usage`, or something that ends so."""


class Counted:
    """What one answer tells."""

    def __init__(self, dialect: Dialect) -> None:
        self.in_events = False
        """Whether it comes as events, each of which may say something of it."""
        self.seen = 0
        """How many bytes of it came."""
        self._dialect = dialect
        self._unread = bytearray()
        self._large = b""
        """The last of the large events: the one in which OpenAI repeats the whole answer comes at its end."""
        self._tokens = Tokens()

    def take(self, piece: bytes) -> None:
        """A piece of it; where it ends in the middle of an event, that is read with the next."""
        self.seen += len(piece)
        self._unread += piece
        if self.in_events and b"\n" in piece:
            whole, _, rest = bytes(self._unread).rpartition(b"\n")
            self._unread = bytearray(rest)
            for line in whole.splitlines():
                self._take_line(line)

    async def told(self) -> Tokens | None:
        """What was used, now that there is no more; none where it did not come to say so."""
        rest = bytes(self._unread)
        self._unread.clear()
        if self.in_events:
            self._take_line(rest)
            rest = self._large
        if len(rest) > READ_AT_ONCE_MAX:
            await asyncio.to_thread(self._take_json, rest)
        else:
            self._take_json(rest)
        return self._tokens if self._tokens.is_whole else None

    def _take_line(self, line: bytes) -> None:
        if not line.startswith(_DATA) or _OF_USE not in line:
            return
        if len(line) > READ_AT_ONCE_MAX:
            self._large = line.removeprefix(_DATA)
        else:
            self._take_json(line.removeprefix(_DATA))

    def _take_json(self, text: bytes) -> None:
        if _OF_USE not in text:
            return
        said = read_if_plain(text)
        for one in said if isinstance(said, list) else [said]:
            told = self._dialect.told(one) if isinstance(one, dict) else None
            if told is not None:
                self._tokens = self._tokens.and_then(told)
