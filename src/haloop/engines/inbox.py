"""What has arrived for runs and was not taken yet, in the order it arrived."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from haloop.kernel.canonical import Canonical
from haloop.kernel.ids import AccountId, RunId

Waiter = tuple[RunId, str]
_Place = tuple[AccountId, str, str]  # account, kind of arrival, key


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One arrival: where its fact stands, and what it says."""

    index: int
    value: Canonical


@dataclass(slots=True, kw_only=True)
class Inbox:
    """The arrivals nobody took, and the runs that wait for some."""

    on_arrival: Callable[[RunId, str], None]
    _arrived: dict[_Place, deque[Arrived]] = field(default_factory=dict)
    _waiting: dict[_Place, deque[Waiter]] = field(default_factory=dict)

    def put(self, account: AccountId, kind: str, key: str, arrived: Arrived) -> None:
        """Keep an arrival, and wake whoever has waited longest for it."""
        place = (account, kind, key)
        self._arrived.setdefault(place, deque()).append(arrived)
        if self._waiting.get(place):
            self.on_arrival(*self._waiting[place][0])

    def oldest(self, account: AccountId, kind: str, key: str) -> Arrived | None:
        arrived = self._arrived.get((account, kind, key))
        return arrived[0] if arrived else None

    def take(self, account: AccountId, kind: str, key: str, index: int) -> None:
        """An arrival was taken by a run, now or in its history."""
        place = (account, kind, key)
        left = deque(one for one in self._arrived.get(place, ()) if one.index != index)
        self._arrived[place] = left
        if not left:
            del self._arrived[place]

    def put_back(self, account: AccountId, kind: str, key: str, arrived: Arrived) -> None:
        """It was not taken after all."""
        self._arrived.setdefault((account, kind, key), deque()).appendleft(arrived)

    def wait(self, account: AccountId, kind: str, key: str, waiter: Waiter) -> None:
        waiting = self._waiting.setdefault((account, kind, key), deque())
        if waiter not in waiting:
            waiting.append(waiter)

    def leave(self, account: AccountId, kind: str, key: str, waiter: Waiter) -> None:
        """Somebody waits no longer; what has arrived meanwhile is for the next."""
        place = (account, kind, key)
        waiting = self._waiting.get(place)
        if waiting is None or waiter not in waiting:
            return
        waiting.remove(waiter)
        if not waiting:
            del self._waiting[place]
        elif self._arrived.get(place):
            self.on_arrival(*waiting[0])
