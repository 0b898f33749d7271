"""Finding runs: by words that are nowhere on the disk in plain, by where they stand, and never what was erased."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from haloop.api.search import Search
from haloop.kernel.clock import as_text
from haloop.store.sqlite import SqliteLedger
from tests.api.conftest import Door, tea

DAY = timedelta(days=1)


async def found(door: Door, **query: Any) -> list[str]:
    """What a search finds, over all its pages: the items that were asked for."""
    items: list[str] = []
    before = None
    while True:
        params = {**query, **({} if before is None else {"before": before})}
        page = await door.got("/api/runs", params=params)
        items += [run["arguments"].get("order", {}).get("item", "?") for run in page["runs"]]
        before = page["before"]
        if before is None:
            assert page["is_complete"]
            return items


async def test_runs_are_found_by_what_they_were_asked_for_with(door: Door) -> None:
    """All words, in any order, in part, in any case, with or without accents; the newest first."""
    for item in ("Crème brûlée", "green tea", "GREEN paint"):
        await door.asked(item=item)

    assert await found(door, search="green") == ["GREEN paint", "green tea"]
    assert await found(door, search="tea GRE") == ["green tea"]
    assert await found(door, search="creme BRULEE") == ["Crème brûlée"]
    assert await found(door, search="karl shop") == ["GREEN paint", "green tea", "Crème brûlée"]
    assert await found(door, search="500 paint") == ["GREEN paint"]
    assert await found(door, search='"; DROP * %') == []
    assert await found(door, search="  ") == ["GREEN paint", "green tea", "Crème brûlée"]


async def test_runs_are_found_by_what_stands_of_them(door: Door) -> None:
    """Desk, procedure, state, asker, time: each alone and together."""
    ended, waiting = await door.asked(item="ended"), await door.asked(item="waiting")
    await door.decide(await door.gate(ended))
    await door.practice.move(DAY)
    later = as_text(door.practice.engine.world.now())
    async with await door.agent() as agent:
        await agent.post("/api/requests", json=tea(item="theirs"))
        await door.practice.engine.settled()

    assert await found(door, desk="shop") == ["theirs", "waiting", "ended"]
    assert await found(door, desk="kitchen") == []
    assert await found(door, procedure="buy_if_asked", state="ended") == ["ended"]
    assert await found(door, state="waits_for_you") == ["theirs", "waiting"]
    assert await found(door, asked_by="agent:shopper") == ["theirs"]
    assert await found(door, asked_by=f"person:{door.ana}", waiting=True) == ["waiting"]
    assert await found(door, since=later) == ["theirs"]
    assert await found(door, until=later) == ["waiting", "ended"]
    await door.decide(await door.gate(waiting))
    assert await found(door, state="waits_for_you") == ["theirs"]
    for bad in ({"state": "asleep"}, {"since": "yesterday"}, {"since": "2026-01-01T00:00:00"}, {"search": "x" * 201}):
        assert (await door.client.get("/api/runs", params=bad)).status_code == 422, bad


async def test_a_page_goes_on_where_the_one_before_ended(door: Door) -> None:
    """One at a time, each run once, also while new ones begin."""
    for number in range(4):
        await door.asked(item=f"tea {number}")
    page = await door.got("/api/runs", params={"search": "tea", "limit": 2})
    await door.asked(item="tea 9")

    rest = await door.got("/api/runs", params={"search": "tea", "limit": 2, "before": page["before"]})

    assert [run["arguments"]["order"]["item"] for run in page["runs"] + rest["runs"]] == [
        *("tea 3", "tea 2", "tea 1", "tea 0")
    ]
    assert await found(door, search="tea", limit=1) == ["tea 9", "tea 3", "tea 2", "tea 1", "tea 0"]


async def test_what_was_erased_is_not_found_again(door: Door) -> None:
    """Not by its words nor by who asked; and not after a restart either."""
    run, _ = await door.asked(item="a secret"), await door.asked(item="no secret")
    await door.decide(await door.gate(run))
    assert await found(door, search="secret") == ["no secret", "a secret"]

    await door.practice.engine.erase(door.practice.account, run, by=door.ana, why="asked for it")

    assert await found(door, search="secret") == ["no secret"]
    assert await found(door, desk="shop") == ["no secret"]
    assert "a secret" not in str([vars_of(one) for one in _search(door)._lines.values()])
    fresh = Search(door.house)
    door.app.state.search = fresh
    assert await found(door, search="secret") == ["no secret"]
    fresh.end()


async def test_an_agent_finds_its_own_alone(door: Door) -> None:
    """Whatever it asks for, also by somebody else's name."""
    await door.asked(item="tea of Ana's")
    async with await door.agent() as agent:
        await agent.post("/api/requests", json=tea(item="tea of mine"))
        await door.practice.engine.settled()
        for query in ({"search": "tea"}, {"desk": "shop"}, {"search": "tea", "asked_by": "agent:shopper"}):
            runs = (await agent.get("/api/runs", params=query)).json()["runs"]
            assert [run["arguments"]["order"]["item"] for run in runs] == ["tea of mine"]
        named = await agent.get("/api/runs", params={"search": "tea", "asked_by": f"person:{door.ana}"})
        assert named.json()["runs"] == []


async def test_it_says_so_where_not_every_run_was_looked_at(door: Door) -> None:
    """The limit holds two of four: what is found is the newest, and the answer says that it is not all."""
    for number in range(4):
        await door.asked(item=f"tea {number}")
    small = Search(replace(door.house, search_runs_max=2))
    door.app.state.search = small

    first = await door.got("/api/runs", params={"search": "tea"})
    await door.asked(item="tea 9")
    second = await door.got("/api/runs", params={"search": "tea"})

    small.end()
    told = [[run["arguments"]["order"]["item"] for run in page["runs"]] for page in (first, second)]
    assert told[0][0] == "tea 3"
    assert told[1] == ["tea 9", "tea 3"]
    assert (first["is_complete"], second["is_complete"]) == (False, False)


async def test_many_that_begin_at_once_are_all_found(door: Door) -> None:
    """Also those that begin while somebody searches."""
    assert await found(door, search="tea") == []
    asked = [door.client.post("/api/requests", json=tea(item=f"tea {number}")) for number in range(60)]
    looked = [door.got("/api/runs", params={"search": "tea"}) for _ in range(5)]
    await asyncio.gather(*asked, *looked)
    await door.practice.engine.settled()

    assert sorted(await found(door, search="tea")) == sorted(f"tea {number}" for number in range(60))


@dataclass(frozen=True)
class HeldUp:
    """A ledger whose pages of runs are read at once, and handed over only when they may go."""

    ledger: SqliteLedger
    is_read: asyncio.Event = field(default_factory=asyncio.Event)
    may_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def runs(self, *which: Any, **how: Any) -> Any:
        page = await self.ledger.runs(*which, **how)
        self.is_read.set()
        await self.may_go.wait()
        return page

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)


async def test_a_run_that_ends_while_it_is_first_read_has_ended(door: Door) -> None:
    """Its page still said that it waits; whoever searches hears that it is over."""
    run = await door.asked()
    held = HeldUp(door.practice.ledger)
    search = Search(replace(door.house, ledger=held))  # type: ignore[arg-type]  # it stands before one
    door.app.state.search = search
    await search.begin()
    await held.is_read.wait()
    await door.decide(await door.gate(run))

    held.may_go.set()

    assert await found(door, state="ended") == ["tea"]
    assert await found(door, waiting=True, search="tea") == []
    search.end()


async def test_a_run_with_an_open_gate_waits_whatever_else_it_does(door: Door) -> None:
    """Its newest fact is no gate, and still a person can do something about it."""
    run = await door.asked()
    content = b"something else happens"
    await door.client.put(f"/api/runs/{run}/artifacts/{sha256(content).hexdigest()}", content=content)

    shown = await door.got(f"/api/runs/{run}")

    assert (shown["newest"], shown["state"]) == ("artifact.added", "waits_for_you")
    (listed,) = (await door.got("/api/runs"))["runs"]
    assert listed["state"] == "waits_for_you"


@pytest.mark.parametrize("query", [{}, {"search": "tea"}])
async def test_what_nobody_knows_is_uncertain_in_every_list(door: Door, query: dict[str, str]) -> None:
    """Until somebody has found out."""
    door.shop.fails = True
    await door.decide(await door.gate(await door.asked()))
    (run,) = (await door.got("/api/runs", params=query))["runs"]
    assert run["state"] == "uncertain"
    assert await found(door, state="uncertain") == ["tea"]


def _search(door: Door) -> Search:
    search: Search = door.app.state.search
    return search


def vars_of(lines: Any) -> str:
    """All that is held of an account, as text."""
    return str([lines.newer, lines.older])
