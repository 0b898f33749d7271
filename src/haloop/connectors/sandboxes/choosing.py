"""Which provider works on this machine: bubblewrap if it starts, else Docker, else none, and why.

Whoever names one in the settings gets that one or is told why not: nothing weaker takes its place unasked.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.kernel.failure import StepFault
from haloop.ports.sandboxes import CannotStart, Left, NoSandbox, Sandbox, Sandboxes, Work

_log = logging.getLogger(__name__)

AUTO, BUBBLEWRAP, DOCKER = "auto", "bubblewrap", "docker"
_RECORDS = Path("runtime") / "sandboxes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the settings say about sandboxes."""

    home: Path
    provider: str
    docker_socket: Path
    docker_image: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The one that works."""

    sandboxes: Sandboxes
    passed_over: Sequence[str]
    """Why those before it do not, a sentence each."""


class NoSandboxes:
    """In the place of a provider where none works: nothing starts, and each time it is said why."""

    name = "none"

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
            with ExitStack() as opened:
                sandboxes = _provider(name, wanted, opened)
                await sandboxes.check()
                kept = opened.pop_all()
        except StepFault as error:
            passed_over.append(f"{name}: {error}")
            continue
        with kept:
            yield Chosen(sandboxes, passed_over)
            return
    raise NoSandbox(f"No sandbox starts here. {' '.join(passed_over)}")


def _provider(name: str, wanted: Wanted, opened: ExitStack) -> Sandboxes:
    instance = instance_of(wanted.home)
    if name == BUBBLEWRAP:
        return Bubblewrap(wanted.home / _RECORDS, instance)
    try:
        from haloop.connectors.sandboxes.docker import Docker  # noqa: PLC0415  # an extra, and half a second
    except ModuleNotFoundError as error:
        raise CannotStart("its library is not installed: pip install 'haloop-app[docker]'.") from error
    docker = Docker(wanted.docker_socket, wanted.docker_image, instance)
    opened.callback(docker.close)
    return docker


def instance_of(home: Path) -> str:
    """Whose sandboxes these are: a home's, by where it lies, so that a copy of it is another's."""
    return sha256(str(home.resolve()).encode()).hexdigest()[:12]


async def remove_all(sandboxes: Sandboxes) -> int:
    """Leave nothing of what an earlier start of this home left running, and say how much there was.

    What cannot be removed now keeps nobody from starting; the next start finds it again.
    """
    left = await sandboxes.left()
    for one in left:
        try:
            await sandboxes.remove(one.name)
        except (StepFault, OSError) as error:
            _log.warning("a sandbox of an earlier start is still there", extra={"code": type(error).__name__})
    return len(left)
