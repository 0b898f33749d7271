"""Turns: so many at once, one of a household, the approved first, and everybody hears where they stand."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from haloop.connectors.storefront.turns import Turns
from haloop.kernel.failure import Transient
from haloop.kernel.queueing import heard_by


class Office:
    """Visitors who come in, stay until they are let go, and what each has heard of its place."""

    def __init__(self) -> None:
        self.turns = Turns("browser", at_once_max=2)
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
            async with self.turns.turn(household, is_approved=is_approved):
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
    assert office.heard["orders"] == [1]


async def test_everybody_hears_where_they_stand(office: Office) -> None:
    """At first, and again once half of those before have gone; who goes right in hears nothing."""
    for number in range(10):
        await office.come(f"{number}")
    for number in range(9):
        await office.go(f"{number}")
    assert (office.heard["0"], office.heard["9"]) == ([], [8, 4, 2, 1])


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
        async with office.turns.turn("c", is_approved=True, patience=timedelta(milliseconds=20)):
            pass
    await office.come("d")
    await office.go("a")
    assert office.inside == ["b", "d"]
    for name in ("b", "d"):
        await office.go(name)
