"""A mission that stands still: it says why and what to do, and once that is mended it is where it was."""

import asyncio
from dataclasses import dataclass
from typing import Any

from haloop.desks.missions.desk import MISSIONS
from haloop.desks.missions.mission import run_of_mission
from haloop.desks.missions.progress import MissionStatus, Progress
from haloop.kernel.errors import NoRoom
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import Chain, Entry, Head, Ledger, Pending
from haloop.testing.practice import Practice
from haloop.workshop.known import KnownMissions
from tests.workshop.conftest import Shop


@dataclass
class Crowded:
    """A ledger on a disk that has room for a few words more, and for nobody's answer."""

    ledger: Ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    def append(self, chain: Chain, after: Head, *entries: Entry) -> Pending:
        if any(entry.kind == "gate.approved" for entry in entries):
            raise NoRoom("The disk is full.")
        return self.ledger.append(chain, after, *entries)


async def test_a_mission_that_stood_still_at_its_gate_waits_there_again(shop: Shop) -> None:
    """A yes finds no room, and the mission stands still; there is room, it goes on, and the same question is asked."""
    mission = await shop.begun()
    await shop.go_on(mission)
    before = await shop.detail(mission)
    world = shop.practice.engine.world
    world.ledger, roomy = Crowded(world.ledger), world.ledger

    await shop.go_on(mission)
    parked = await shop.detail(mission)
    world.ledger = roomy
    again = await shop.say_yes(mission)
    now = await shop.detail(mission)

    assert (parked["status"], parked["parked"], parked["gate"]) == ("failed", True, None)
    assert "Let it go on once that is mended" in parked["last_error"]
    assert again.status_code == 200
    assert (now["status"], now["parked"], now["gate"]) == ("waiting_human", False, before["gate"])
    assert [one["status"] for one in (await shop.door.got("/api/missions"))["data"]] == ["waiting_human"]
    assert (await shop.go_on(mission)).status_code == 200
    assert (await shop.detail(mission))["current_step"] == 3


async def test_a_mission_that_a_start_took_up_again_waits_as_before(shop: Shop) -> None:
    """A process without the desk parks it; the next has the desk, and nobody has to say anything for it to wait."""
    mission = await shop.begun()
    await shop.go_on(mission)

    shop.practice.desks = []
    await restarted(shop)
    parked = await known(shop.practice, mission)
    shop.practice.desks = [MISSIONS]
    await restarted(shop)

    assert (parked.status, parked.last_error is not None) == (MissionStatus.FAILED, True)
    now = await known(shop.practice, mission)
    assert (now.status, now.place, now.last_error) == (MissionStatus.WAITING_HUMAN, 1, None)


async def restarted(shop: Shop) -> None:
    shop.agent.files._where = asyncio.Future()
    await shop.practice.restart()
    shop.agent.files.begin(shop.practice.ledger, shop.practice.engine)
    await shop.practice.engine.settled()


async def known(practice: Practice, mission: str) -> Progress:
    """As a workshop of the process that runs now would know it."""
    found = await KnownMissions(practice.ledger, practice.engine).of_run(
        practice.account, RunId(run_of_mission(mission))
    )
    assert found is not None
    return found
