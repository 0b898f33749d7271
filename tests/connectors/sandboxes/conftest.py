"""The providers of sandboxes that are tried: each one that is there, by the same tests."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.connectors.sandboxes.choosing import remove_all
from haloop.connectors.sandboxes.docker import Docker
from tests.connectors.sandboxes import dockerd
from tests.connectors.sandboxes.outside import Place

PROVIDERS = {"bubblewrap": (shutil.which("bwrap"),), "docker": (dockerd.PROGRAM, dockerd.BUSYBOX)}


def require(provider: str) -> None:
    """A loud skip where it is not there; a failure where the whole gate runs."""
    if None in PROVIDERS[provider] or (provider == "docker" and os.geteuid() != 0):
        assert os.environ.get("CI") != "true", f"{provider} is missing"
        pytest.skip(f"NO SANDBOX WAS TRIED: {provider} is missing")


@pytest.fixture(scope="session")
def daemon() -> Iterator[Path]:
    """The socket of a Docker daemon."""
    require("docker")
    with dockerd.dockerd() as at:
        yield at


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A mission's, in a home."""
    made = tmp_path / "home" / "missions" / "m-1"
    made.mkdir(parents=True)
    return made


@pytest.fixture(params=PROVIDERS)
async def place(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> AsyncIterator[Place]:
    """Each provider in turn."""
    require(request.param)
    if request.param == "docker":
        at = request.getfixturevalue("daemon")
        with closing(Docker(at, dockerd.OWN_TOOLS, tmp_path.name)) as sandboxes:
            yield Place(sandboxes, folder, dockerd.LINKS, dockerd.HOST_TOOLS)
            await remove_all(sandboxes)
    else:
        bubblewrap = Bubblewrap(tmp_path / "runtime", tmp_path.name)
        yield Place(bubblewrap, folder)
        await remove_all(bubblewrap)
