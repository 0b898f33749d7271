"""The town's switches: each server, where it is, and the troubles that can be put on it and taken away again.

A trouble that is on meets every request until it is off. What a server has beside the troubles of its line is its own:
the shop's walls and pages, deposits and sign-ins at the second booking site.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from haloop.kernel.money import Money
from haloop.town.line import Line, Trouble
from haloop.town.street import Town

_DEPOSIT = Money(minor=25_00, currency="EUR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Something about one server that is on or off."""

    is_on: Callable[[], bool]
    turn: Callable[[bool], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server of the town."""

    address: str
    line: Line
    own: Mapping[str, Switch] = field(default_factory=dict)

    @property
    def troubles(self) -> dict[str, bool]:
        """Every trouble there is here, and whether it is on."""
        on_the_line = {str(one): self.line.steady is one for one in Trouble if one is not Trouble.NONE}
        return on_the_line | {name: switch.is_on() for name, switch in self.own.items()}

    async def turn(self, trouble: str, *, on: bool) -> None:
        """Put a trouble on or take it away; a line has one at a time."""
        if trouble in self.own:
            self.own[trouble].turn(on)
        elif on or self.line.steady is Trouble(trouble):
            self.line.steady = Trouble(trouble) if on else Trouble.NONE
            await self.line.let_go()


def servers_of(town: Town) -> dict[str, Server]:
    """The town's servers, by their names."""
    return {
        "booking": Server(address=town.booking_address, line=town.booking_line),
        "resy": Server(
            address=town.resy_address,
            line=town.resy_line,
            own={"deposit": _deposit(town), "signed_out": _signed_out(town)},
        ),
        "subscriptions": Server(address=town.subscriptions_address, line=town.subscriptions_line),
        "shop": Server(
            address=town.shop_address,
            line=town.shop_line,
            own={wall: _wall(town, wall) for wall in ("captcha", "second_factor")}
            | {"half_loaded": _half_loaded(town)},
        ),
    }


def _deposit(town: Town) -> Switch:
    counter = town.resy_counter

    def turn(on: bool) -> None:  # noqa: FBT001  # which way a switch is turned
        counter.late_deposit = _DEPOSIT if on else None

    return Switch(is_on=lambda: counter.late_deposit is not None, turn=turn)


def _signed_out(town: Town) -> Switch:
    counter = town.resy_counter

    def turn(on: bool) -> None:  # noqa: FBT001
        counter.is_closed_to_all = on

    return Switch(is_on=lambda: counter.is_closed_to_all, turn=turn)


def _wall(town: Town, wall: str) -> Switch:
    book = town.shop_book

    def turn(on: bool) -> None:  # noqa: FBT001
        if on or book.asks_all == wall:
            book.asks_all = wall if on else ""

    return Switch(is_on=lambda: book.asks_all == wall, turn=turn)


def _half_loaded(town: Town) -> Switch:
    book = town.shop_book

    def turn(on: bool) -> None:  # noqa: FBT001
        book.is_half_loaded = on

    return Switch(is_on=lambda: book.is_half_loaded, turn=turn)
