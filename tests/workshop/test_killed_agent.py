"""An agent that is killed in the middle of its work: its step falls, a person is asked, and it is done again."""

import asyncio
import os
import signal
from pathlib import Path

from haloop.connectors.sandboxes.records import Records
from haloop.desks.missions.progress import Progress
from tests.connectors.sandboxes.conftest import require
from tests.faults.missions import Life, opened
from tests.workshop.conftest import put_templates

WAITS = """
[agents.cleanup-agent]
speaks = "command"
command = ["sh", "-c", "touch begun; until [ -e go ]; do sleep 0.05; done; cp {input} {output}"]
"""


async def test_a_killed_agent_s_step_falls_and_is_done_again_after_a_yes(tmp_path: Path) -> None:
    """Whatever is killed in there, nothing half made counts; the next attempt is another, and the first is told."""
    require("bubblewrap")
    (tmp_path / "agents.toml").write_text(WAITS, encoding="utf-8")
    put_templates(tmp_path / "home")
    async with opened(tmp_path, tmp_path / "agents.toml") as life:
        mission = await life.begun()
        await life.say_yes(mission)
        records = Records(tmp_path / "home" / "runtime" / "sandboxes")
        while not list((tmp_path / "home" / "missions" / mission / "work").glob("*/begun")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for pid in [pid for one in records.all() for pid in one.first.children()]:
            os.kill(pid, signal.SIGKILL)

        fallen = await _waits(life, mission)
        assert fallen.gate is not None
        assert (fallen.gate.asks, fallen.last_error) == ("again", "It ended without leaving structured-text.md.")
        assert list(fallen.files) == ["raw-input.md"]

        await life.say_yes(mission)
        while not (folders := list((tmp_path / "home" / "missions" / mission / "work").glob("*"))):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        (folders[0] / "go").touch()
        reviewed = await _waits(life, mission)

    assert (reviewed.place, len(reviewed.attempts), len({one.id for one in reviewed.attempts})) == (1, 2, 2)
    assert list(records.all()) == []


async def _waits(life: Life, mission: str) -> Progress:
    """Once people are asked, and nothing is at work."""
    await life.haloop.engine.settled()
    progress = await life.missions.show(life.ana, mission)
    assert progress.gate is not None, progress.status
    return progress
