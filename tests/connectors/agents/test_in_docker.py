"""A Docker daemon that is killed while an agent works: a clear fault, and nothing is left once one is there again."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from tests.connectors.sandboxes.conftest import require

REPOSITORY = Path(__file__).parents[3]


async def test_a_daemon_that_is_killed_is_a_fault_that_says_so(tmp_path: Path) -> None:
    """The step is told that Docker does not answer; what was left is found by the next start, and removed."""
    require("docker")
    command = [sys.executable, "-m", "tests.connectors.agents.killed_daemon", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd=REPOSITORY)
    said, _ = await process.communicate()

    found = json.loads(said)
    assert found["told"].startswith("NotStarted: Docker does not answer"), found
    assert (found["folders"], found["found"], found["left"]) == (0, 1, [])
