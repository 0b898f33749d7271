"""What opens the way inside a sandbox, with what an image may have to do it with."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from haloop.connectors.gateway import inside
from haloop.connectors.gateway.gateway import Line
from haloop.connectors.gateway.inside import NO_WAY
from tests.connectors.gateway.conftest import Host, found, gateway, task
from tests.connectors.gateway.test_door import A

TO_MODEL = Path(inside.__file__).with_name("to_model.sh")
NEEDED = ("sh", "dirname", "grep", "sleep", "python3")
OLD = "#!/bin/sh\nexit 1\n"
"""A python3 that has no asyncio, or is from before what is needed of it."""


def image(folder: Path, *more: str, own: Mapping[str, str]) -> str:
    """A path with some of this machine's programs, and with some of its own."""
    folder.mkdir()
    for name in {*NEEDED, *more} - own.keys():
        (folder / name).symlink_to(shutil.which(name) or "")
    for name, script in own.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return str(folder)


async def begun(line: Line, path: str, port: int, *agent: str) -> tuple[int | None, str, str]:
    """What came of an agent that is to reach this line: how it ended, and what it said and complained of."""
    with found(line) as at:
        program = await asyncio.create_subprocess_exec(
            *(shutil.which("sh") or "sh", str(TO_MODEL), str(port), at.replace("self", str(os.getpid())), *agent),
            env={"PATH": path},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        said, complained = await program.communicate()
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)  # what carries ends with its sandbox, and here there is none
    return program.returncode, said.decode(), complained.decode()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as at:
        return int(at.getsockname()[1])


async def test_a_python_that_cannot_do_it_is_not_chosen(host: Host, tmp_path: Path) -> None:
    """The agent is not begun, and both what is missing and that nothing came by the way are known."""
    path = image(tmp_path / "image", own={"python3": OLD})
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        code, said, complained = await begun(line, path, free_port(), "sh", "-c", "echo begun")
        await line.close()

    assert (code, said, line.was_reached) == (NO_WAY, "", False)
    assert "neither python3 nor socat" in complained


def require_socat() -> None:
    """A loud skip where it is not there; a failure where the whole gate runs."""
    if not shutil.which("socat"):
        assert os.environ.get("CI") != "true", "socat is missing"
        pytest.skip("NO OTHER CARRIER WAS TRIED: socat is missing")


@pytest.mark.parametrize(("more", "own"), [((), {}), (("socat",), {"python3": OLD})], ids=["python3", "socat"])
async def test_whatever_carries_its_calls_has_asked_before_the_agent_begins(
    host: Host, tmp_path: Path, more: tuple[str, ...], own: Mapping[str, str]
) -> None:
    """So an agent that ends with that code, which is any program's, was begun: it had a way."""
    if more:
        require_socat()
    path = image(tmp_path / "image", *more, own=own)
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        code, said, complained = await begun(line, path, free_port(), "sh", "-c", f"echo begun; exit {NO_WAY}")
        await line.close()

    assert (code, said, complained) == (NO_WAY, "begun\n", "")
    assert line.was_reached


async def test_a_port_that_is_taken_is_told(host: Host, tmp_path: Path) -> None:
    """In what is kept of the step; the agent is not begun, for it would ask whoever is there."""
    with gateway(tmp_path, [host.upstream()]) as gate, socket.create_server(("127.0.0.1", 0)) as taken:
        line = await gate.open(A, task())
        path = image(tmp_path / "image", own={})
        code, said, complained = await begun(line, path, taken.getsockname()[1], "sh", "-c", "echo begun")
        await line.close()

    assert (code, said, line.was_reached) == (NO_WAY, "", False)
    assert "Address already in use" in complained
