"""Turns: so many at once, one of a household, the approved first, and everybody hears where they stand."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from haloop.connectors.turns import Turns
from haloop.kernel.failure import Transient
from haloop.kernel.queueing import heard_by


class Office:
    """Visitors who come in, stay until they are let go, and what each has heard of its place."""

    def __init__(self, *, at_once_max: int = 2, of_one_account_max: int | None = 1) -> None:
        self.turns = Turns("browser", at_once_max=at_once_max, of_one_account_max=of_one_account_max)
        self.inside: list[str] = []
        self.heard: dict[str, list[int]] = {}
        self.visits: dict[str, asyncio.Task[None]] = {}
        self._let_go: dict[str, asyncio.Event] = {}

    async def come(self, name: str, household: str = "", *, is_approved: bool = False) -> None:
        self.heard[name], self._let_go[name] = [], asyncio.Event()
        visit = self._visit(name, household or name, is_approved=is_approved)
        self.visits[name] = asyncio.create_task(visit)
        await asyncio.sleep(0)

    async def go(self, name: str) -> None:
        self._let_go[name].set()
        await self.visits[name]
        await asyncio.sleep(0)

    async def _visit(self, name: str, household: str, *, is_approved: bool) -> None:
        with heard_by(lambda _, place: self.heard[name].append(place)):
            async with self.turns.turn(household, is_first=is_approved):
                self.inside.append(name)
                await self._let_go[name].wait()
        self.inside.remove(name)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    office = Office()
    yield office
    for visit in office.visits.values():
        visit.cancel()
    await asyncio.gather(*office.visits.values(), return_exceptions=True)


async def test_two_are_inside_and_never_two_of_a_household(office: Office) -> None:
    """Whoever could go in does, past those whose own household is inside."""
    for name, household in (("a", "x"), ("b", "x"), ("c", "y"), ("d", "z")):
        await office.come(name, household)
    assert office.inside == ["a", "c"]
    await office.go("c")
    assert office.inside == ["a", "d"]
    await office.go("a")
    assert office.inside == ["d", "b"]


async def test_what_was_approved_stands_before_what_only_looks(office: Office) -> None:
    """Among their like everybody keeps their place."""
    for name in ("a", "b", "looks", "looks too"):
        await office.come(name)
    await office.come("orders", is_approved=True)
    for name in ("a", "b"):
        await office.go(name)
    assert office.inside == ["orders", "looks"]
    assert office.heard["orders"] == [1, 0]


async def test_everybody_hears_where_they_stand(office: Office) -> None:
    """At first, once half of those before have gone, and when their turn comes; who goes right in hears nothing."""
    for number in range(10):
        await office.come(f"{number}")
    for number in range(9):
        await office.go(f"{number}")
    assert (office.heard["0"], office.heard["9"]) == ([], [8, 4, 2, 1, 0])


async def test_whoever_is_overtaken_hears_so_and_not_each_time(office: Office) -> None:
    """It was next; nine others go before it, one after another and then again: it hears when it is twice as far as
    ever."""
    office = Office(at_once_max=1, of_one_account_max=None)
    for name in ("first", "next"):
        await office.come(name, "many")
    for number in range(9):
        await office.come(f"{number}")
    assert office.heard["next"] == [1, 2, 4, 8]
    await office.go("first")
    for number in range(9):
        await office.come(f"again {number}", f"{number}")
        await office.go(f"{number}")
    assert office.heard["next"] == [1, 2, 4, 8, 4, 2, 1, 0]
    await office.go("next")


async def test_whoever_gives_up_leaves_no_gap(office: Office) -> None:
    """Cancelled while waiting or while inside: the next one's turn comes."""
    for name in ("a", "b", "c", "d"):
        await office.come(name)
    for name in ("c", "a"):
        office.visits[name].cancel()
        await asyncio.gather(office.visits[name], return_exceptions=True)
    await asyncio.sleep(0)
    assert "d" in office.inside


async def test_an_order_that_waits_too_long_is_told_so_before_anything_is_sent() -> None:
    """It leaves the queue, and those behind it move up."""
    office = Office()
    for name in ("a", "b"):
        await office.come(name)
    with pytest.raises(Transient, match="No browser became free in time"):
        async with office.turns.turn("c", is_first=True, patience=timedelta(milliseconds=20)):
            pass
    await office.come("d")
    await office.go("a")
    assert office.inside == ["b", "d"]
    for name in ("b", "d"):
        await office.go(name)


async def test_whoever_asks_for_much_keeps_nobody_waiting_who_asks_for_little() -> None:
    """Six of one account are there first; another's come in as soon as somebody goes, and then they take turns."""
    office = Office(of_one_account_max=None)
    for number in range(6):
        await office.come(f"many {number}", "many")
    for name in ("few 1", "few 2"):
        await office.come(name, "few")
    assert office.heard["few 1"] == [1]
    for gone in ("many 0", "many 1", "few 1"):
        await office.go(gone)
    assert office.inside == ["many 2", "few 2"]
    for gone in ("many 2", "few 2", "many 3", "many 4", "many 5"):
        await office.go(gone)


async def test_of_three_who_want_the_same_each_has_its_turn_before_any_has_a_second() -> None:
    """One place, three accounts with three wishes each, all of the first one's there before the others'."""
    office, came = Office(at_once_max=1, of_one_account_max=None), []
    for account in "abc":
        for number in range(3):
            await office.come(f"{account}{number}", account)
    while office.inside:
        came += office.inside
        await office.go(office.inside[0])
    assert came == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]
