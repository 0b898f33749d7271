"""The answers that one attempt was given, of which each yes is handed out once.

An attempt may begin anew, after a restart or because it gave its sandbox away, and its task still says every answer
there was. So each yes is on disk before its agent hears it: whatever comes then, it is not handed out again.
"""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from haloop.ports.agents import Permission


class Answers:
    """One attempt's; in its file stands the hash of each act that a yes was handed out for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, act: str, permissions: Iterable[Permission]) -> bool | None:
        """The answer to an act: a no each time, a yes for one; None where there is none, or none any more."""
        said = [one.allowed for one in permissions if one.act == act]
        if not said or not said[-1]:
            return said[-1] if said else None
        if self._handed_out()[act] >= sum(said):
            return None
        self._hand_out(act)
        return True

    def _handed_out(self) -> Counter[str]:
        try:
            return Counter(self._path.read_text(encoding="ascii").split())
        except FileNotFoundError:
            return Counter()

    def _hand_out(self, act: str) -> None:
        """On a line of its own, also after one that a full disk cut short."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(self._path, flags, 0o600), "wb") as file:
            file.write(f"\n{act}\n".encode())
            file.flush()
            os.fsync(file.fileno())
