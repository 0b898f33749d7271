"""A machine on which no sandbox starts: Haloop serves all the same, and a mission says why its step does not run."""

from pathlib import Path

import pytest

from haloop.connectors.sandboxes.choosing import NoSandboxes
from haloop.kernel.errors import BadInput
from haloop.kernel.failure import StepFault
from haloop.ports.sandboxes import Work
from haloop.sandboxing import open_sandboxes
from haloop.settings import Settings
from haloop.workshop.opening import open_workshop


async def test_nothing_starts_and_each_time_it_is_said_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names what is missing, also where docker was asked for and does not answer."""
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = Settings(home=tmp_path, state=tmp_path, sandbox_docker_socket=tmp_path / "none.sock")
    async with open_sandboxes(settings) as sandboxes:
        assert list(await sandboxes.left()) == []
        with pytest.raises(StepFault, match="Bubblewrap is not installed"):
            await sandboxes.start(Work(name="x", labels={}, command=("true",), folder=tmp_path))


async def test_where_no_agent_can_reach_a_model_none_may_ask_for_one(tmp_path: Path) -> None:
    """It would fail in each of its steps; a start that refuses says so once, and where."""
    agents = tmp_path / "agents.toml"
    agents.write_text("[agents.a]\nspeaks = 'command'\ncommand = ['a']\nmodel = 'anthropic'")
    for provider, is_refused in (("kubernetes", True), ("docker", False)):
        settings = Settings(home=tmp_path, state=tmp_path, agents_file=agents, sandbox_provider=provider)
        said = ""
        try:
            async with open_workshop(settings, NoSandboxes("none"), {}):
                pass
        except BadInput as refused:
            said = str(refused)
        assert ("agents.a.model: the way to a model is a socket of this machine" in said) is is_refused
