"""Which provider works on this machine: bubblewrap if it starts, else Docker, else none, and why.

Whoever names one in the settings gets that one or is told why not: nothing weaker takes its place unasked. A cluster is
taken only where it is named.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.connectors.sandboxes.cluster import Cluster
from haloop.kernel.failure import StepFault
from haloop.ports.sandboxes import CannotStart, Left, Network, NoSandbox, Sandbox, Sandboxes, Work

AUTO, BUBBLEWRAP, DOCKER, KUBERNETES = "auto", "bubblewrap", "docker", "kubernetes"
_RECORDS = Path("runtime") / "sandboxes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the settings say about sandboxes."""

    home: Path
    provider: str
    docker_socket: Path
    docker_image: str
    cluster: Cluster = field(default_factory=Cluster)

    @property
    def used(self) -> Sequence[str]:
        """The providers that this home may have worked with, as far as is seen without asking any of them."""
        there = {BUBBLEWRAP: True, DOCKER: self.docker_socket.is_socket(), KUBERNETES: bool(self.cluster.claim)}
        return [name for name, is_there in there.items() if is_there]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The one that works."""

    sandboxes: Sandboxes
    passed_over: Sequence[str]
    """Why those before it do not, a sentence each."""


class NoSandboxes:
    """In the place of a provider where none works: nothing starts, and each time it is said why."""

    name = "none"
    networks: frozenset[Network] = frozenset()

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def start(self, _work: Work, /) -> Sandbox:
        raise CannotStart(self._reason)

    async def left(self) -> Sequence[Left]:
        return []

    async def remove(self, _name: str, /) -> None:
        """There is nothing."""

    async def check(self) -> None:
        raise CannotStart(self._reason)


@asynccontextmanager
async def choosing(wanted: Wanted) -> AsyncIterator[Chosen]:
    """Try the providers in turn, each by starting the smallest sandbox there is; NoSandbox where none does."""
    passed_over: list[str] = []
    for name in (BUBBLEWRAP, DOCKER) if wanted.provider == AUTO else (wanted.provider,):
        try:
            async with AsyncExitStack() as opened:
                sandboxes = provider(name, wanted, opened)
                await sandboxes.check()
                kept = opened.pop_all()
        except StepFault as error:
            passed_over.append(f"{name}: {error}")
            continue
        async with kept:
            yield Chosen(sandboxes, passed_over)
            return
    raise NoSandbox(f"No sandbox starts here. {' '.join(passed_over)}")


def provider(name: str, wanted: Wanted, opened: AsyncExitStack) -> Sandboxes:
    """The one of this name, closed with what is opened; CannotStart where its library is missing."""
    instance = instance_of(wanted.home)
    match name:
        case "kubernetes":
            return _kubernetes(wanted, instance, opened)
        case "docker":
            return _docker(wanted, instance, opened)
        case _:
            return Bubblewrap(wanted.home / _RECORDS, instance)


def _docker(wanted: Wanted, instance: str, opened: AsyncExitStack) -> Sandboxes:
    try:
        from haloop.connectors.sandboxes.docker import Docker  # noqa: PLC0415  # an extra, and half a second
    except ModuleNotFoundError as error:
        raise CannotStart("its library is not installed: pip install 'haloop-app[docker]'.") from error
    docker = Docker(wanted.docker_socket, wanted.docker_image, instance)
    opened.callback(docker.close)
    return docker


def _kubernetes(wanted: Wanted, instance: str, opened: AsyncExitStack) -> Sandboxes:
    try:
        from haloop.connectors.sandboxes.kubernetes import Kubernetes  # noqa: PLC0415  # an extra, and a second
    except ModuleNotFoundError as error:
        raise CannotStart("its library is not installed: pip install 'haloop-app[kubernetes]'.") from error
    kubernetes = Kubernetes(wanted.cluster, instance)
    opened.push_async_callback(kubernetes.aclose)
    return kubernetes


def instance_of(home: Path) -> str:
    """Whose sandboxes these are: a home's, by where it lies, so that a copy of it is another's."""
    return sha256(str(home.resolve()).encode()).hexdigest()[:12]
