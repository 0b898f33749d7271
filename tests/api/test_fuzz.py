"""Every route, given what its description allows and much that it does not: no fault, no answer of another shape."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.api.conftest import TOKEN, Door

SECONDS_MAX = 240
RULES = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.parametrize("who", ["owner", "agent"])
async def test_nothing_that_is_sent_breaks_a_route(door: Door, who: str) -> None:
    """Schemathesis reads the OpenAPI file and plays for a while; all its checks hold.

    Where more must hold than a description can say, `schemathesis.toml` says so, route by route.
    """
    token = TOKEN if who == "owner" else (await door.agent()).headers["authorization"].removeprefix("Bearer ")
    await door.asked()
    playing = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(RULES)),
        *("run", f"{door.address}/api/openapi.json"),
        *("-H", f"Authorization: Bearer {token}", "--exclude-path", "/api/events"),
        *("--phases", "coverage,fuzzing", "-n", "5", "--seed", "7", "--no-color", "--warnings", "off"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(SECONDS_MAX):
        said, _ = await playing.communicate()

    assert playing.returncode == 0, said.decode()
    assert "No issues found" in said.decode()
    assert [run for run in door.practice.engine.parked.values() if run.code == "haloop.error"] == []
