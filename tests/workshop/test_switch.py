"""The switch that stops every agent, while agents are at work on missions."""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from haloop.app import open_haloop
from haloop.desks.missions.desk import MISSIONS
from haloop.desks.missions.progress import Progress
from haloop.kernel import canonical
from haloop.kernel.errors import AnswerRefused, NoRoom
from haloop.settings import Settings
from haloop.workshop.opening import open_workshop
from tests.connectors.agents.plain import PlainSandboxes
from tests.connectors.agents.test_acp import ACTOR
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


async def test_a_mistake_in_ending_an_agent_ends_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The house goes on, and a mission begins in it once an owner lets it; of the mistake the log has all."""
    command = canonical.encode([sys.executable, str(ACTOR), "run make\nleave # Done", "{output}"]).decode()
    agents = tmp_path / "agents.toml"
    agents.write_text(f'[agents.cleanup-agent]\nspeaks = "acp"\ncommand = {command}\n', encoding="utf-8")
    settings = Settings(home=tmp_path / "home", state=tmp_path / "state", agents_file=agents)
    put_templates(settings.home)
    sandboxes = Mistaken()
    async with (
        open_workshop(settings, sandboxes, {}) as workshop,
        open_haloop(settings, desks=[MISSIONS], connectors=workshop.connectors) as haloop,
        workshop.serving(haloop.ledger, haloop.engine, keeper=haloop.account) as missions,
    ):
        life = Life(haloop=haloop, missions=missions)
        mission = await life.begun()
        await life.say_yes(mission)
        await _waits(life, mission)
        assert len(sandboxes.there) == 1
        sandboxes.mistakes = 1

        await haloop.engine.stop_agents(haloop.account, by=haloop.owner, reason="")

        await until(lambda: bool(caplog.records))
        assert [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR] == [
            "what an agent was at has not ended well"
        ]
        await haloop.engine.resume_agents(haloop.account, by=haloop.owner)
        assert await life.begun() != mission


@dataclass
class Mistaken(PlainSandboxes):
    """Where it does not all come to its end as it should."""

    mistakes: int = 0

    async def remove(self, name: str) -> None:
        await super().remove(name)
        if self.mistakes:
            self.mistakes -= 1
            raise RuntimeError("Nobody thought of that.")


async def _waits(life: Life, mission: str) -> Progress:
    """Once people are asked, and nothing is at work."""
    await life.haloop.engine.settled()
    progress = await life.missions.show(life.ana, mission)
    assert progress.gate is not None, progress.status
    return progress
