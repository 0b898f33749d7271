"""A step that waits for its turn says so wherever a mission is seen, and a mission that ends leaves the queue."""

import asyncio
from typing import Any

from haloop.desks.missions.mission import run_of_mission
from haloop.kernel.ids import RunId
from haloop.testing.practice import Practice
from tests.workshop.conftest import Shop


async def queued(shop: Shop) -> str:
    """A mission whose first step is third in the queue."""
    shop.agent.instead.append("queue")
    mission = await shop.begun()
    await shop.detail(mission)
    await shop.door.client.post(f"/api/missions/{mission}/continue")
    await stands_in_queue(shop.practice, mission)
    return mission


async def stands_in_queue(practice: Practice, mission: str) -> None:
    """Wait until its history says so."""
    async with asyncio.timeout(30):
        while "run.queued" not in await practice.kinds(RunId(run_of_mission(mission))):  # noqa: ASYNC110  # a file says it
            await asyncio.sleep(0.01)


async def places(shop: Shop, mission: str) -> tuple[Any, Any]:
    """In the list, and at the attempt."""
    (listed,) = (await shop.door.client.get("/api/missions")).json()["data"]
    return listed["place"], (await shop.detail(mission))["runs"][-1]["place"]


async def test_a_step_says_where_it_stands_until_its_turn_has_come(shop: Shop) -> None:
    """In the list and at its attempt; once it is at work, nowhere any more."""
    mission = await queued(shop)
    assert await places(shop, mission) == (3, 3)

    shop.agent.goes_on.set()
    await shop.practice.engine.settled()
    assert await places(shop, mission) == (None, None)


async def test_a_mission_that_is_ended_waits_nowhere(shop: Shop) -> None:
    """Marked as completed while it waits: its step is in no queue, and nothing of it runs."""
    mission = await queued(shop)
    answer = await shop.door.client.post(f"/api/missions/{mission}/mark-completed")
    await shop.practice.engine.settled()

    assert answer.status_code == 200
    assert await places(shop, mission) == (None, None)
    kinds = await shop.practice.kinds(RunId(run_of_mission(mission)))
    assert kinds[-1] == "run.ended"
