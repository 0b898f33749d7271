"""What is left on disk of missions that are over."""

from pathlib import Path

from haloop.settings import Settings
from haloop.workshop.opening import open_workshop
from tests.connectors.agents.plain import PlainSandboxes
from tests.workshop.conftest import Shop


async def test_what_a_killed_process_left_of_an_attempt_goes_with_its_mission(shop: Shop, tmp_path: Path) -> None:
    """A copy of a project may be large: where an attempt was cut short and the mission then ended, nobody clears it."""
    practice = shop.practice
    settings = Settings(home=practice.home, state=tmp_path)
    async with (
        open_workshop(settings, PlainSandboxes(), {}) as workshop,
        workshop.serving(practice.ledger, practice.engine, keeper=practice.account),
    ):
        ended, going = await shop.begun(), await shop.begun()
        work = {name: practice.home / "missions" / name / "work" for name in (ended, going)}
        for folder in work.values():
            (folder / "r-1" / "project").mkdir(parents=True)
            (folder / "r-1.git").mkdir()

        await shop.door.client.post(f"/api/missions/{ended}/mark-completed")

    assert not work[ended].exists()
    assert (work[going] / "r-1.git").exists()
