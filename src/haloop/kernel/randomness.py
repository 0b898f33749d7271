"""Random bytes for keys, salts and names, drawn from the system in advance.

Asking the system each time would let go of the interpreter each time, and a busy writer thread then makes each
question wait.
"""

import os

_DRAWN_AHEAD = 16 * 1024


class Randomness:
    """Random bytes drawn ahead, each given out once.

    A forked child must not give out its parent's bytes again: two parts under one key and nonce would betray
    each other, and two runs would bear one name.
    """

    def __init__(self) -> None:
        self._drawn = b""
        self._at = 0
        self._process = 0

    def draw(self, count: int) -> bytes:
        if self._at + count > len(self._drawn) or self._process != os.getpid():
            self._drawn, self._at, self._process = os.urandom(_DRAWN_AHEAD), 0, os.getpid()
        self._at += count
        return self._drawn[self._at - count : self._at]
