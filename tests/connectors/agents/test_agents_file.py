"""The file in which whoever runs Haloop says which agents there are."""

import json
import sys
from pathlib import Path

import pytest

from haloop.connectors.agents.agents_file import STANDARD, read_agents
from haloop.kernel.errors import BadInput
from haloop.ports.agents import Autonomy
from tests.connectors.agents.conftest import Works
from tests.connectors.agents.test_acp import ACTOR


async def test_the_standard_agents_are_there_without_a_file() -> None:
    """A fresh house can run the workflow that ships, without a key and without a line of settings."""
    assert set(read_agents()) >= {*STANDARD, "mock", "scripted"}


async def test_a_program_of_ones_own_is_an_agent(works: Works, tmp_path: Path) -> None:
    """It gets its files by placeholders, sees what it is given beside its folder, and may stand for a standard one."""
    (tmp_path / "agents.toml").write_text(
        """
        [agents]
        cleanup-agent = "copier"

        [agents.copier]
        speaks = "command"
        command = ["cp", "{input}", "{output}"]
        environment = { MODEL = "small" }
        readable = { "/opt/tool" = "/usr/local/tool" }
        """
    )

    agents = read_agents(tmp_path / "agents.toml")
    worked = await works.agents(agents["cleanup-agent"]).work(await works.task())

    assert works.made(worked).startswith("# Make the door blue")
    assert works.sandboxes.works[0].environment == {"MODEL": "small"}
    assert works.sandboxes.works[0].readable == {"/opt/tool": Path("/usr/local/tool")}
    assert set(agents) == {*STANDARD, "mock", "scripted", "copier"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("agents = 1", "agents"),
        ("[agents.a]\nspeaks = 'command'", "agents.a.command: Field required"),
        ("[agents.a]\nspeaks = 'command'\ncommand = []", "command: Tuple should have at least 1 item"),
        ("[agents.a]\nspeaks = 'telepathy'\ncommand = ['a']", "speaks: Input should be"),
        ("[agents.a]\nspeaks = 'command'\ncommand = ['a']\ntypo = 1", "typo: Extra inputs are not permitted"),
        ("[agents.'../a']\nspeaks = 'command'\ncommand = ['a']", "'../a' is no plain name"),
        ("[agents]\na = 'b'", "agents.a: 'b' is no program; there are mock, scripted."),
        ("[agents]\na = 'mock'\nb = 'a'", "agents.b: 'a' is no program"),
        (
            "[agents.a]\nspeaks = 'command'\ncommand = ['a']\n"
            "environment = { KEY = 'sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789' }",
            "no key enters a sandbox",
        ),
        ("[agents.a]\nspeaks = 'command'\ncommand = ['a']\nreadable = { '/a' = 'a' }", "it must be a whole path"),
        ("[agents.a]\nspeaks = 'command'\ncommand = ['a']\nreadable = { 'a' = '/a' }", "readable"),
        ("[agents.a]\nspeaks = 'acp'\ncommand = ['a']\nmodes = { dream = 'plan' }", "modes.dream"),
        ("[agents.a]\nspeaks = 'acp'\ncommand = ['a']\nmodes = { look = '' }", "modes.look"),
        (
            "[agents.a]\nspeaks = 'command'\ncommand = ['a']\nmodes = { look = 'plan' }",
            "agents.a.modes: Value error, only an",
        ),
        ("[agents.a]\nspeaks = 'acp'\ncommand = ['a']\nanswer_tokens_max = 9", "only an agent with a model"),
        ("[agents.a]\nspeaks = 'acp'\ncommand = ['a']\nmodel = 'openai'\nanswer_tokens_max = 0", "answer_tokens_max"),
        ("[agents.a]\nspeaks = 'acp'\ncommand = ['a']\nmodel = 'mine'\nanswer_tokens_max = 9", "agents.a.model"),
        ("agents", "Expected '='"),
    ],
)
async def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, said: str, why: str) -> None:
    """Nothing is guessed: the place and the reason are named, and a secret is not repeated."""
    (tmp_path / "agents.toml").write_text(said)

    with pytest.raises(BadInput) as refused:
        read_agents(tmp_path / "agents.toml")

    assert why in str(refused.value)
    assert "sk-ant" not in str(refused.value)


async def test_an_agent_of_the_file_works_in_the_mode_that_it_names(works: Works, tmp_path: Path) -> None:
    """By how far its step lets it go, also where another name stands for it; no mode is guessed for any other step."""
    offer = json.dumps({"modes": {"currentModeId": "free", "availableModes": [{"id": "plan", "name": "Plan"}]}})
    command = json.dumps([sys.executable, str(ACTOR), f"offer {offer}\nmode", "{output}"])
    (tmp_path / "agents.toml").write_text(
        f"""
        [agents]
        cleanup-agent = "actor"

        [agents.actor]
        speaks = "acp"
        command = {command}
        modes = {{ look = "plan" }}
        """
    )
    driver = read_agents(tmp_path / "agents.toml")["cleanup-agent"]

    looked, asked = [
        await works.agents(driver).work(await works.task(autonomy=one)) for one in (Autonomy.LOOK, Autonomy.ASK)
    ]

    assert (works.made(looked), works.made(asked)) == ("mode session/set_mode  plan\n", "mode none\n")


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A wrong path is found at the start."""
    with pytest.raises(BadInput, match=r"elsewhere\.toml cannot be used: it cannot be read"):
        read_agents(tmp_path / "elsewhere.toml")
