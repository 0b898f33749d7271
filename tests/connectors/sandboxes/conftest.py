"""The providers of sandboxes that are tried: each one that is there, by the same tests."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.connectors.sandboxes.cluster import Cluster
from haloop.connectors.sandboxes.docker import Docker
from haloop.connectors.sandboxes.kubernetes import Kubernetes
from haloop.connectors.sandboxes.sweeping import remove_all
from tests.connectors.sandboxes import dockerd
from tests.connectors.sandboxes.cluster import OwnCluster, cluster
from tests.connectors.sandboxes.outside import Place

BUBBLEWRAP = shutil.which("bwrap")
PROVIDERS = {"bubblewrap": (BUBBLEWRAP,), "docker": (dockerd.PROGRAM, dockerd.BUSYBOX)}


def require(provider: str) -> None:
    """A loud skip where it is not there; a failure where the whole gate runs."""
    if None in {**PROVIDERS, "kubernetes": (BUBBLEWRAP,)}[provider] or (provider == "docker" and os.geteuid() != 0):
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


@pytest.fixture
async def known_cluster(tmp_path: Path) -> AsyncIterator[tuple[OwnCluster, Cluster]]:
    """A cluster of the tests' own, which runs what it is told with bubblewrap, and how it is reached."""
    require("kubernetes")
    async with cluster(tmp_path) as known:
        yield known


@pytest.fixture
async def kubernetes(known_cluster: tuple[OwnCluster, Cluster], folder: Path, tmp_path: Path) -> AsyncIterator[Place]:
    """Sandboxes in it; that they hold, no test here can say."""
    _, reached = known_cluster
    async with aclosing(Kubernetes(reached, tmp_path.name)) as sandboxes:
        yield Place(sandboxes, folder)
        await remove_all(sandboxes)


@pytest.fixture
async def bubblewrap(folder: Path, tmp_path: Path) -> AsyncIterator[Place]:
    """Sandboxes of this machine."""
    require("bubblewrap")
    sandboxes = Bubblewrap(tmp_path / "runtime", tmp_path.name)
    yield Place(sandboxes, folder)
    await remove_all(sandboxes)


@pytest.fixture
async def docker(daemon: Path, folder: Path, tmp_path: Path) -> AsyncIterator[Place]:
    """Sandboxes of a daemon."""
    with closing(Docker(daemon, dockerd.OWN_TOOLS, tmp_path.name)) as sandboxes:
        yield Place(sandboxes, folder, dockerd.LINKS, dockerd.HOST_TOOLS)
        await remove_all(sandboxes)


@pytest.fixture(params=PROVIDERS)
def place(request: pytest.FixtureRequest) -> Place:
    """Each provider in turn whose programs this machine itself holds."""
    found: Place = request.getfixturevalue(request.param)
    return found
