"""A mission whose history is as long as one may be: it is decided to its end, or says why not and how to go on."""

import asyncio

from haloop.desks.missions.mission import run_of_mission
from haloop.kernel.fact import ArtifactAdded
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import RUN_EVENTS_MAX
from tests.workshop.conftest import Shop

OTHERS = ArtifactAdded(digest="0" * 64, size=0, name="not a mission's", media_type="text/plain", key=b"k" * 32)


async def grown(shop: Shop, *, left: int) -> str:
    """A mission at its first review, whose history has room for so much more."""
    mission = await shop.begun()
    await shop.go_on(mission)
    run, engine = RunId(run_of_mission(mission)), shop.practice.engine
    more = RUN_EVENTS_MAX - left - len(await shop.practice.facts(run))
    by = f"person:{shop.door.ana}"
    await asyncio.gather(*(engine.add_artifact(shop.practice.account, run, OTHERS, by=by) for _ in range(more)))
    return mission


async def test_changes_leave_a_mission_the_room_to_be_decided_and_to_end(shop: Shop) -> None:
    """Long before its history is full no change is taken any more; every step after that is done and approved."""
    mission = await grown(shop, left=200)
    await shop.detail(mission)

    for name in ("structured-text.md", "notes.md"):
        refused = await shop.save(mission, name, "more\n")
        assert (refused.status_code, refused.headers["X-Haloop-Code"]) == (409, "mission.long")
        assert "mark it completed" in refused.json()["error"]
    for _ in range(4):
        await shop.go_on(mission)
    assert (await shop.detail(mission))["status"] == "completed"


async def test_a_full_mission_says_why_it_does_not_go_on_and_is_marked_completed(shop: Shop) -> None:
    """A yes finds no room: it is refused, nothing of it counts, the files are there, and it can be ended."""
    mission = await grown(shop, left=0)

    refused = await shop.go_on(mission)
    parked = await shop.detail(mission)
    completed = await shop.door.client.post(f"/api/missions/{mission}/mark-completed")

    assert refused.status_code == 409
    assert (parked["status"], parked["current_step"], len(parked["runs"])) == ("failed", 1, 1)
    assert "mark it completed, and begin another" in parked["last_error"]
    assert parked["artifacts"]["structured-text.md"]
    assert (completed.status_code, (await shop.detail(mission))["status"]) == (200, "completed")
