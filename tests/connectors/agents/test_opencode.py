"""An agent that nobody here wrote, as npm has it, in bubblewrap, with a scripted model beside it in there."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from haloop.connectors.agents.acp import AcpAgent
from haloop.connectors.agents.program import Program
from haloop.connectors.agents.scripted import scripted_program
from haloop.ports.agents import Asks, Autonomy, Fell, Made, Permission, Task
from tests.connectors.agents.conftest import Works
from tests.npm_packages import node_with_packages

FOLDER = Path(__file__).parent / "opencode"
OUTPUT = "/mission/artifacts/structured-text.md"


@pytest.fixture(scope="module")
def opencode() -> Path:
    """Where the program is."""
    node_with_packages(FOLDER, without="NO AGENT OF OTHERS WAS TRIED: npm could not install opencode")
    return next((FOLDER / "node_modules").glob("*/bin/opencode"))


def calling(
    tool: str, arguments: dict[str, str], opencode: Path, modes: Mapping[Autonomy, str] | None = None
) -> AcpAgent:
    """OpenCode, whose model calls this one tool."""
    seen = {"/opt/model.py": FOLDER / "model.py", "/opt/opencode": opencode}

    def program(task: Task) -> Program:
        python = scripted_program(task)
        return Program(
            command=(
                *(python.command[0], "/opt/model.py", tool, json.dumps(arguments)),
                *("/opt/opencode", "acp"),
            ),
            environment={
                "OPENCODE_CONFIG_CONTENT": (FOLDER / "opencode.json").read_text(),
                "OPENCODE_DISABLE_MODELS_FETCH": "1",
                "OPENCODE_DISABLE_AUTOUPDATE": "1",
            },
            readable={**python.readable, **seen},
        )

    return AcpAgent(program, modes)


async def test_it_waits_for_a_yes_to_exactly_its_command(house: Works, opencode: Path) -> None:
    """The command is asked about in full, and runs after the yes."""
    command = f"echo '# By a command' > {OUTPUT}"
    driver = calling("bash", {"command": command, "description": "Write it"}, opencode)
    agents, task = house.agents(driver), await house.task(minutes=10)

    asked = await agents.work(task)

    assert isinstance(asked, Asks), asked
    assert (asked.kind, asked.detail) == ("execute", command)
    yes = Permission(act=asked.act, allowed=True)
    worked = await agents.work(task.model_copy(update={"permissions": (yes,)}))
    assert house.made(worked) == "# By a command\n"
    assert isinstance(worked, Made)
    assert "[haloop] It is OpenCode 1.18.33.\n" in house.said(worked)


async def test_it_works_in_the_mode_of_its_own_that_is_named_for_its_step(house: Works, opencode: Path) -> None:
    """It offers them as a setting. Where its step looks its command is refused, and where it acts it may."""
    arguments = {"command": f"echo '# By a command' > {OUTPUT}", "description": "Write it"}
    modes = {Autonomy.LOOK: "plan", Autonomy.ACT: "build"}
    agents = house.agents(calling("bash", arguments, opencode, modes))

    looked, acted = [
        await agents.work(await house.task(minutes=10, autonomy=one)) for one in (Autonomy.LOOK, Autonomy.ACT)
    ]

    assert isinstance(looked, Fell), looked
    assert "[haloop] It works in its mode plan.\n" in house.said(looked)
    assert "[haloop] It may not, since its step refuses what it asks for: " in house.said(looked)
    assert house.made(acted) == "# By a command\n"
    assert isinstance(acted, Made)
    assert "[haloop] It works in its mode build.\n" in house.said(acted)


async def test_a_mode_that_it_does_not_have_is_said_with_those_it_has(house: Works, opencode: Path) -> None:
    """Whoever wrote another down reads which to write instead."""
    driver = calling("bash", {"command": "true", "description": ""}, opencode, {Autonomy.ASK: "ask"})

    worked = await house.agents(driver).work(await house.task(minutes=10))

    assert isinstance(worked, Fell), worked
    assert worked.reason.endswith("; it has build, plan.")
