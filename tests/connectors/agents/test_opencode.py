"""An agent that nobody here wrote, as npm has it, in bubblewrap, with a scripted model beside it in there."""

import json
from pathlib import Path

import pytest

from haloop.connectors.agents.acp import AcpAgent
from haloop.connectors.agents.program import Program
from haloop.connectors.agents.scripted import scripted_program
from haloop.ports.agents import Asks, Made, Permission, Task
from tests.connectors.agents.conftest import Works
from tests.npm_packages import node_with_packages

FOLDER = Path(__file__).parent / "opencode"
OUTPUT = "/mission/artifacts/structured-text.md"


@pytest.fixture(scope="module")
def opencode() -> Path:
    """Where the program is."""
    node_with_packages(FOLDER, without="NO AGENT OF OTHERS WAS TRIED: npm could not install opencode")
    return next((FOLDER / "node_modules").glob("*/bin/opencode"))


def calling(tool: str, arguments: dict[str, str], opencode: Path) -> AcpAgent:
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

    return AcpAgent(program)


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
