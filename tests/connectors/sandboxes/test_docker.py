"""Docker alone: what a daemon keeps when we are gone, and whose it is."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient
from docker.models.containers import Container

from haloop.connectors.sandboxes.docker import Docker
from haloop.connectors.sandboxes.sweeping import remove_all
from haloop.ports.sandboxes import CannotStart, End, NotStarted, Over
from tests.connectors.sandboxes import dockerd
from tests.connectors.sandboxes.outside import ENDLESS, SECONDS_MAX, Place

ONLY = pytest.mark.parametrize("place", ["docker"], indirect=True)
STARTS_ONE_AND_WAITS = """
import asyncio, sys
from pathlib import Path
from haloop.connectors.sandboxes.docker import Docker
from haloop.ports.sandboxes import Work

async def main():
    at, image, folder, script = sys.argv[1:]
    work = Work(name="one", labels={}, command=("sh", "-c", script), folder=Path(folder))
    sandbox = await Docker(Path(at), image, "a").start(work)
    print((await sandbox.talks.readline()).decode(), end="", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_the_next_start_removes_what_we_left_and_nobody_elses(daemon: Path, tmp_path: Path) -> None:
    """A container that outlived our process is found by its home's label and removed; another home's works on."""
    told = (str(daemon), dockerd.OWN_TOOLS, str(tmp_path), f"echo ready; {ENDLESS}")
    ours = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTS_ONE_AND_WAITS, *told, stdout=subprocess.PIPE
    )
    assert ours.stdout is not None
    assert await ours.stdout.readline() == b"ready\n"
    ours.kill()
    await ours.wait()

    with closing(Docker(daemon, dockerd.OWN_TOOLS, "a")) as again, closing(Docker(daemon, "", "b")) as other:
        theirs = await other.start(Place(other, tmp_path, dockerd.OWN_TOOLS).work(ENDLESS))
        assert [one.is_running for one in await again.left()] == [True]

        assert await remove_all(again) == 1

        assert await again.left() == []
        assert [one.id for one in await other.left()] == [theirs.id]
        await other.remove("one")


@ONLY
async def test_an_image_that_is_not_there_is_named(place: Place) -> None:
    """A program on an image that the daemon does not have cannot start, however often."""
    with pytest.raises(CannotStart, match="nowhere/nothing"):
        await place.start("true", image="nowhere/nothing:1")


@ONLY
async def test_a_daemon_that_is_away_for_a_moment_is_asked_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it does not answer whether a program runs, nor hear that it is to end, it is asked and told once more."""
    away = {"reload": 2, "kill": 1}
    answers = {name: getattr(Container, name) for name in away}

    def hiccup(name: str) -> Callable[..., Any]:
        def answer(*told: Any, **more: Any) -> Any:
            away[name] -= 1
            if away[name] >= 0:
                raise ConnectionError("the daemon is away")
            return answers[name](*told, **more)

        return answer

    sandbox = await place.start(ENDLESS)
    for name in away:
        monkeypatch.setattr(Container, name, hiccup(name))

    async with asyncio.timeout(SECONDS_MAX):
        over = await sandbox.stop(patience=timedelta())

    assert over == Over(end=End.STOPPED, exit_code=None)
    assert max(away.values()) < 0
    assert await place.sandboxes.left() == []


@ONLY
async def test_a_daemon_keeps_little_of_what_a_program_says(place: Place, daemon: Path) -> None:
    """Else its disk would fill: no limit holds the daemon's own log."""
    await place.start(f"yes & {ENDLESS}")

    with closing(DockerClient(base_url=f"unix://{daemon}")) as client:
        (container,) = client.containers.list(filters={"name": "one"})
        assert container.attrs["HostConfig"]["LogConfig"]["Config"] == {"max-size": "1m", "max-file": "1"}


async def test_without_a_daemon_nothing_starts(tmp_path: Path) -> None:
    """Where nobody answers it may work in a moment, and the sentence says who did not answer."""
    with closing(Docker(tmp_path / "docker.sock", "any", "a")) as docker, pytest.raises(NotStarted, match="Docker"):
        await docker.check()
