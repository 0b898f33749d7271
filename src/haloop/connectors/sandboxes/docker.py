"""Docker, or whatever speaks its API over a socket of this machine: a container for each program, on an image.

A container's name follows from its home and its step, so nothing is there twice: where a daemon did not answer in time,
the next start finds what it made and takes it away first. A daemon's containers outlive us; they carry the label of
their home, and the next start removes those.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any, ParamSpec, TypeVar

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import LogConfig, Mount, Ulimit
from requests.exceptions import RequestException

from haloop.connectors.sandboxes.attached import Attached
from haloop.connectors.sandboxes.folder import hand_over
from haloop.connectors.sandboxes.streams import until_quiet
from haloop.connectors.sandboxes.watching import exceeded, found
from haloop.ports.sandboxes import (
    FOLDER,
    INSTANCE_LABEL,
    CannotStart,
    End,
    Left,
    Limits,
    Network,
    NotStarted,
    Over,
    Work,
)

P = ParamSpec("P")
T = TypeVar("T")

NAME_LABEL = "haloop.name"
HOME = "/home/agent"
USER = 1000
"""Whom a program is where we are root; else it is who we are, so that it may write where we may."""
_TIMEOUT_SECONDS = 60
_KILLED = 137
_FILES_OPEN = 4096
_LOOK_SECONDS = 1.0
_SOON_SECONDS = 0.01
_UNHEARD_MAX = 30
"""So many times in a row a daemon may not answer whether a container runs."""
_REFUSED = range(400, 500)
_KEPT = {"max-size": "1m", "max-file": "1"}
"""What the daemon itself keeps of what a program says; that nothing is kept would let one that nobody reads not end."""
_SCRATCH = ("/tmp", "/run", "/home/agent", "/dev/shm")  # noqa: S108  # the program's own


class Docker:
    """Sandboxes of one home, at one daemon."""

    name = "docker"
    networks = frozenset(Network)

    def __init__(self, at: Path, image: str, instance: str) -> None:
        self._at = at
        self._image = image
        self._instance = instance
        self._at_work: dict[str, InDocker] = {}

    async def start(self, work: Work) -> "InDocker":
        await self.remove(work.name)
        try:
            container = await _asked(self._create, work)
            attached = await self._attached(container)
        except BaseException:
            with suppress(NotStarted, CannotStart):
                await self.remove(work.name)
            raise
        self._at_work[work.name] = sandbox = InDocker(work, container, attached)
        return sandbox

    async def left(self) -> Sequence[Left]:
        containers = await _asked(self._all)
        return [
            Left(id=str(one.id), name=one.labels[NAME_LABEL], labels=one.labels, is_running=one.status == "running")
            for one in containers
        ]

    async def remove(self, name: str) -> None:
        sandbox = self._at_work.pop(name, None)
        try:
            if sandbox is not None:
                await sandbox.stop(patience=timedelta())
        finally:
            await _asked(self._remove, name)

    async def check(self) -> None:
        with TemporaryDirectory(prefix="haloop-sandbox-") as folder:
            work = Work(name=f"check-{token_hex(4)}", labels={}, command=("true",), folder=Path(folder))
            try:
                container = await _asked(self._create, work)
                await _asked(container.start)
            finally:
                await self.remove(work.name)

    def close(self) -> None:
        """Let go of the daemon's connections; what runs, runs on."""
        if "_daemon" in self.__dict__:
            self._daemon.close()

    @cached_property
    def _daemon(self) -> docker.DockerClient:
        """Asks for the daemon's version once, so it is made by whoever needs it first."""
        if not self._at.is_socket():
            raise FileNotFoundError(f"there is no socket {self._at}")
        return docker.DockerClient(base_url=f"unix://{self._at}", timeout=_TIMEOUT_SECONDS)

    async def _attached(self, container: Container) -> Attached:
        """Hear and start it."""
        try:
            attached = await Attached.to(str(container.id), self._at)
        except (OSError, EOFError, TimeoutError) as error:
            raise NotStarted(f"Docker does not hand over what it says: {error}.") from error
        try:
            await _asked(container.start)
        except BaseException:
            await attached.hang_up()
            raise
        return attached

    def _create(self, work: Work) -> Container:
        if os.geteuid() == 0:
            hand_over(work.folder, USER)
        return self._daemon.containers.create(
            work.image or self._image,
            name=self._named(work.name),
            labels={**work.labels, INSTANCE_LABEL: self._instance, NAME_LABEL: work.name},
            **_given(work),
            **_held(work.limits),
        )

    def _remove(self, name: str) -> None:
        with suppress(NotFound):
            self._daemon.containers.get(self._named(name)).remove(force=True, v=True)

    def _all(self) -> list[Container]:
        ours = {"label": f"{INSTANCE_LABEL}={self._instance}"}
        found: list[Container] = self._daemon.containers.list(all=True, filters=ours, ignore_removed=True)
        return found

    def _named(self, name: str) -> str:
        return f"haloop-{self._instance}-{name}"


class InDocker:
    """One container at work."""

    def __init__(self, work: Work, container: Container, attached: Attached) -> None:
        self.id = str(container.id)
        self.talks, self.complains, self.hears = attached.talks, attached.complains, attached.hears
        self._work = work
        self._container = container
        self._attached = attached
        self._why: End | None = None
        self._is_killed = False
        self._life = asyncio.create_task(self._live())

    async def over(self) -> Over:
        return await asyncio.shield(self._life)

    async def stop(self, *, patience: timedelta = timedelta(seconds=2)) -> Over:
        try:
            if not self._life.done():
                self._why = self._why or End.STOPPED
                if patience:
                    await self._signalled("SIGTERM")
                    await asyncio.wait([self._life], timeout=patience.total_seconds())
        finally:
            await self._kill()
        return await self.over()

    async def _live(self) -> Over:
        """Until nothing of it runs, whichever comes first: its own end, ours, or a limit."""
        gone = asyncio.create_task(self._gone())
        watch = asyncio.create_task(exceeded(self._work))
        try:
            await asyncio.wait([gone, watch], return_when=asyncio.FIRST_COMPLETED)
            ended_itself = gone.done()
            if not ended_itself:
                self._why = self._why or found(watch)
        finally:
            watch.cancel()
            if not gone.done():
                await self._kill()
        try:
            code = await gone
            await until_quiet(self._attached.ended, lambda: self._attached.heard_bytes, _LOOK_SECONDS)
        finally:
            await self._attached.hang_up()
        with suppress(NotStarted, CannotStart):  # whoever removes its name asks once more, and so does the next start
            await _asked(_remove_quietly, self._container)
        return self._over(code if ended_itself else None)

    async def _gone(self) -> int | None:
        """Wait until it has ended. The daemon hangs up then; where we do not read, it cannot say so and is asked."""
        unheard = 0
        while True:
            await asyncio.wait([self._attached.ended], timeout=_LOOK_SECONDS)
            try:
                state = await _asked(_state, self._container)
            except (NotStarted, CannotStart):
                unheard += 1
                if unheard > _UNHEARD_MAX:
                    raise
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            unheard = 0
            if not state.get("Running"):
                code = state.get("ExitCode")
                return code if isinstance(code, int) else None
            if self._is_killed:
                await self._signalled("SIGKILL")
            await asyncio.sleep(_SOON_SECONDS)

    def _over(self, code: int | None) -> Over:
        """Daemons do not always say that memory ran out: whoever was killed, and not by us, was so for that."""
        if self._why is None:
            return Over(end=End.OUT_OF_MEMORY if code == _KILLED else End.EXITED, exit_code=code)
        return Over(end=self._why, exit_code=None if code == _KILLED else code)

    async def _kill(self) -> None:
        """End it; where the daemon does not hear that now, it is told again while it is asked whether all is over."""
        self._is_killed = True
        await self._signalled("SIGKILL")

    async def _signalled(self, signal: str) -> None:
        with suppress(NotStarted, CannotStart):  # it has ended meanwhile
            await _asked(self._container.kill, signal)


async def _asked(question: Callable[P, T], *words: P.args, **more: P.kwargs) -> T:
    """Ask the daemon, in a thread of its own, and tell what will not work from what may work in a moment."""
    try:
        return await asyncio.to_thread(question, *words, **more)
    except ImageNotFound as error:
        raise CannotStart(f"Docker does not have the image: {error.explanation}. Pull it, or name another.") from error
    except APIError as error:
        kind = CannotStart if error.status_code in _REFUSED else NotStarted
        raise kind(f"Docker says: {error.explanation}.") from error
    except (DockerException, RequestException, OSError) as error:
        raise NotStarted(f"Docker does not answer: {error}.") from error


def _given(work: Work) -> dict[str, Any]:
    """What the program is and sees."""
    seen = {FOLDER: (work.folder, False), **{at: (path, True) for at, path in work.readable.items()}}
    return {
        "entrypoint": list(work.command[:1]),
        "command": list(work.command[1:]),
        "environment": {"HOME": HOME, **work.environment},
        "working_dir": FOLDER,
        "stdin_open": True,
        "user": f"{os.geteuid() or USER}:{os.getegid() or USER}",
        "network_mode": "bridge" if work.network is Network.BRIDGE else "none",
        "mounts": [Mount(at, str(path), type="bind", read_only=closed) for at, (path, closed) in seen.items()],
    }


def _held(limits: Limits) -> dict[str, Any]:
    """What it may do and use."""
    share = limits.memory_bytes // len(_SCRATCH)
    own = {"fsize": limits.file_bytes, "core": 0, "nofile": _FILES_OPEN}
    return {
        "read_only": True,
        "log_config": LogConfig(type=LogConfig.types.JSON, config=_KEPT),
        "tmpfs": dict.fromkeys(_SCRATCH, f"mode=1777,exec,nosuid,nodev,size={share}"),
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": limits.memory_bytes,
        "memswap_limit": limits.memory_bytes,
        "pids_limit": limits.processes,
        "nano_cpus": int(limits.processors * 1e9),
        "ulimits": [Ulimit(name=name, soft=most, hard=most) for name, most in own.items()],
    }


def _state(container: Container) -> dict[str, Any]:
    try:
        container.reload()
    except NotFound:
        return {}
    state: dict[str, Any] = container.attrs["State"]
    return state


def _remove_quietly(container: Container) -> None:
    with suppress(NotFound):
        container.remove(force=True, v=True)
