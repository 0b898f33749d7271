"""A step that waits for its turn says so wherever a mission is seen, and a mission that ends leaves the queue."""

import asyncio
from typing import Any

from haloop.desks.missions.mission import run_of_mission
from haloop.kernel.fact import Fact, RunQueued, StepTried
from haloop.kernel.ids import RunId
from haloop.testing.practice import Practice
from tests.engines.outside import until
from tests.workshop.conftest import Shop


async def queued(shop: Shop) -> str:
    """A mission whose first step is third in the queue."""
    shop.agent.instead.append("queue")
    mission = await shop.begun()
    await shop.detail(mission)
    await shop.door.client.post(f"/api/missions/{mission}/continue")
    await stands_in_queue(shop.practice, mission)
    return mission


async def stands_in_queue(practice: Practice, mission: str, *, times: int = 1) -> None:
    """Wait until its history says so, so many times."""
    async with asyncio.timeout(30):
        while await _places(practice, mission) < times:  # noqa: ASYNC110  # a file says it
            await asyncio.sleep(0.01)


async def _places(practice: Practice, mission: str) -> int:
    return sum(isinstance(fact, RunQueued) and fact.place > 0 for fact in await facts(practice, mission))


async def facts(practice: Practice, mission: str) -> list[Fact]:
    """What its history says."""
    return await practice.engine.facts(practice.account, RunId(run_of_mission(mission)))


async def restarted(shop: Shop) -> None:
    """Kill the server and start it anew, with the files where agents look for them."""
    shop.agent.files._where = asyncio.Future()
    await shop.practice.crash()
    shop.agent.files.begin(shop.practice.ledger, shop.practice.engine)


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


async def test_to_wait_in_a_queue_is_no_attempt(shop: Shop) -> None:
    """However often the server starts anew meanwhile: nothing failed, and the step is done when its turn has come."""
    mission = await queued(shop)
    for times in range(2, 6):
        shop.agent.instead.append("queue")
        await restarted(shop)
        await stands_in_queue(shop.practice, mission, times=times)
    shop.agent.goes_on.set()
    await shop.practice.engine.settled()

    kinds = [fact.kind for fact in await facts(shop.practice, mission)]
    assert "step.failed" not in kinds
    assert kinds[-1] == "gate.opened"


async def test_a_turn_that_came_after_a_restart_is_an_attempt(shop: Shop) -> None:
    """Its turn came at once, so it is in no queue any more; where the process ends then, that counts."""
    mission = await queued(shop)
    shop.agent.instead.append("wait")
    await restarted(shop)
    await until(lambda: len(shop.agent.told) == 2)
    told = [fact.place for fact in await facts(shop.practice, mission) if isinstance(fact, RunQueued)]

    await restarted(shop)
    await shop.practice.engine.settled()

    failed = [fact.sentence for fact in await facts(shop.practice, mission) if isinstance(fact, StepTried)]
    assert (told, failed) == ([3, 0], ["The process ended in the middle of it."])


async def test_a_mission_that_is_ended_waits_nowhere(shop: Shop) -> None:
    """Marked as completed while it waits: its step is in no queue, and nothing of it runs."""
    mission = await queued(shop)
    answer = await shop.door.client.post(f"/api/missions/{mission}/mark-completed")
    await shop.practice.engine.settled()

    assert answer.status_code == 200
    assert await places(shop, mission) == (None, None)
    kinds = await shop.practice.kinds(RunId(run_of_mission(mission)))
    assert kinds[-1] == "run.ended"
