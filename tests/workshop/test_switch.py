"""The switch that stops every agent, while agents are at work on missions."""

from pathlib import Path

import pytest

from haloop.desks.missions.progress import Progress
from haloop.kernel.errors import AnswerRefused, NoRoom
from tests.connectors.sandboxes.conftest import require
from tests.engines.disk import full_disk
from tests.engines.outside import until
from tests.faults.missions import Life, opened
from tests.workshop.conftest import put_templates

WAITS = """
[agents.cleanup-agent]
speaks = "command"
command = ["sh", "-c", "touch begun; until [ -e go ]; do sleep 0.05; done; cp {input} {output}"]
"""


async def test_a_stopped_agent_s_step_falls_and_is_done_again_once_agents_go_on(tmp_path: Path) -> None:
    """It ends at once, whatever it was at; nobody begins it again before an owner lets work go on."""
    require("bubblewrap")
    (tmp_path / "agents.toml").write_text(WAITS, encoding="utf-8")
    put_templates(tmp_path / "home")
    async with opened(tmp_path, tmp_path / "agents.toml") as life:
        engine, account, owner = life.haloop.engine, life.haloop.account, life.haloop.owner
        mission = await life.begun()
        await life.say_yes(mission)
        work = tmp_path / "home" / "missions" / mission / "work"
        await until(lambda: bool(list(work.glob("*/begun"))))

        await engine.stop_agents(account, by=owner, reason="It ordered a piano.")

        fallen = await _waits(life, mission)
        assert fallen.gate is not None
        assert (fallen.gate.asks, fallen.last_error) == ("again", "An owner stopped every agent.")
        assert list(work.iterdir()) == []
        with pytest.raises(AnswerRefused, match="until they go on, only a no counts"):
            await life.say_yes(mission)

        await engine.resume_agents(account, by=owner)
        await life.say_yes(mission)
        await until(lambda: bool(list(work.glob("*/begun"))))
        (next(work.iterdir()) / "go").touch()
        reviewed = await _waits(life, mission)

    assert (reviewed.place, len(reviewed.attempts)) == (1, 2)


async def test_on_a_full_disk_no_agent_works_on_either(tmp_path: Path) -> None:
    """The owner hears that the word was not kept, and what was at work ends at once all the same."""
    require("bubblewrap")
    (tmp_path / "agents.toml").write_text(WAITS, encoding="utf-8")
    put_templates(tmp_path / "home")
    async with opened(tmp_path, tmp_path / "agents.toml") as life:
        engine, account, owner = life.haloop.engine, life.haloop.account, life.haloop.owner
        mission = await life.begun()
        await life.say_yes(mission)
        work = tmp_path / "home" / "missions" / mission / "work"
        await until(lambda: bool(list(work.glob("*/begun"))))

        with full_disk(life.haloop.ledger):
            with pytest.raises(NoRoom):
                await engine.stop_agents(account, by=owner, reason="It ordered a piano.")
            await until(lambda: not list(work.iterdir()))

        assert (await engine.account(account)).is_stopped


async def _waits(life: Life, mission: str) -> Progress:
    """Once people are asked, and nothing is at work."""
    await life.haloop.engine.settled()
    progress = await life.missions.show(life.ana, mission)
    assert progress.gate is not None, progress.status
    return progress
