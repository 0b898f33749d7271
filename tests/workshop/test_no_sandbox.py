"""A machine on which no sandbox starts: Haloop serves all the same, and a mission says why its step does not run."""

from pathlib import Path

import pytest

from haloop.kernel.failure import StepFault
from haloop.ports.sandboxes import Work
from haloop.sandboxing import open_sandboxes
from haloop.settings import Settings


async def test_nothing_starts_and_each_time_it_is_said_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names what is missing, also where docker was asked for and does not answer."""
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = Settings(home=tmp_path, state=tmp_path, sandbox_docker_socket=tmp_path / "none.sock")
    async with open_sandboxes(settings) as sandboxes:
        assert list(await sandboxes.left()) == []
        with pytest.raises(StepFault, match="Bubblewrap is not installed"):
            await sandboxes.start(Work(name="x", labels={}, command=("true",), folder=tmp_path))
