"""How often somebody may do something: a window that slides, for each caller and each kind of thing.

What is counted is kept in memory and forgotten at a restart. It slows whoever guesses keys and whatever has run
wild; who may do what at all is decided elsewhere.
"""

from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Network, ip_address

from fastapi import Request

from haloop.api.asking import By, In, peer_of
from haloop.api.house import House
from haloop.identity import Caller
from haloop.kernel.errors import Refused

_SECOND = 1_000_000
_KNOWN_MAX = 10_000
_IPV6_LINE_BITS = 64


class TooMany(Refused):
    """Somebody does something more often than is taken."""

    code = "request.too_many"

    def __init__(self, sentence: str, *, after_seconds: int) -> None:
        super().__init__(sentence, next_step=f"Try again in {after_seconds} seconds.")
        self.after_seconds = after_seconds


@dataclass(slots=True, kw_only=True)
class Rate:
    """So often within so many seconds."""

    count: int
    seconds: int
    _seen: OrderedDict[str, deque[int]] = field(default_factory=OrderedDict)

    def take(self, who: str, now: int) -> None:
        """Count once more; TooMany where that is too often."""
        times = self._seen.setdefault(who, deque())
        self._seen.move_to_end(who)
        while times and times[0] <= now - self.seconds * _SECOND:
            times.popleft()
        if len(times) >= self.count:
            wait = -(-(times[0] + self.seconds * _SECOND - now) // _SECOND)
            raise TooMany(f"More than {self.count} in {self.seconds} seconds are not taken.", after_seconds=wait)
        times.append(now)
        if len(self._seen) > _KNOWN_MAX:
            self._seen.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Rates:
    """The limits of one door."""

    visits: Rate = field(default_factory=lambda: Rate(count=20, seconds=60))
    """Keys tried by one line."""
    proposals: Rate = field(default_factory=lambda: Rate(count=120, seconds=60))
    calls: Rate = field(default_factory=lambda: Rate(count=600, seconds=60))
    """What an agent says over MCP; what its tools then ask for counts as itself too."""
    artifacts: Rate = field(default_factory=lambda: Rate(count=120, seconds=60))
    decisions: Rate = field(default_factory=lambda: Rate(count=600, seconds=60))
    recoveries: Rate = field(default_factory=lambda: Rate(count=5, seconds=3_600))
    """Recovery codes tried by somebody."""
    trials: Rate = field(default_factory=lambda: Rate(count=6, seconds=60))
    """Messages to try whether one would be told."""


def caller_limited(pick: Callable[[Rates], Rate]) -> Callable[..., Awaitable[None]]:
    """For a route: each caller so often."""

    async def limited(request: Request, house: In, caller: By) -> None:
        count(request, caller, house, pick)

    return limited


def count(request: Request, caller: Caller, house: House, pick: Callable[[Rates], Rate], *, times: int = 1) -> None:
    """Count what a caller does so many times at once; TooMany where that is too often."""
    for _ in range(times):
        pick(request.app.state.rates).take(f"{caller.account} {caller.actor}", house.engine.world.now())


async def visits_limited(request: Request, house: In) -> None:
    """For a route that anybody may call: each line so often."""
    rates: Rates = request.app.state.rates
    rates.visits.take(_line_of(peer_of(request)), house.engine.world.now())


def _line_of(peer: str) -> str:
    """What one line has: an address, or with IPv6 all 2^64 of a network, of which it may use another each time."""
    try:
        address = ip_address(peer)
    except ValueError:  # a proxy says something else, and is believed
        return peer
    if isinstance(address, IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Network((address.packed, _IPV6_LINE_BITS), strict=False))
