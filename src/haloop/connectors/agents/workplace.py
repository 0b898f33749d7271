"""One attempt's place on disk: the folder that its sandbox finds as /mission, and its log.

In `artifacts/` lie exact copies of what it is given, each held against its hash; in `project/`, where its step works on
one, its own copy of the project. What it leaves there is read with
distrust, once nothing of it runs any more: a link, a device, or more than a document may hold is no file to us. Then
the folder goes, whatever is in it; the log stays, and the list of the yeses that its agent was given.
"""

import asyncio
import logging
import os
import stat
from asyncio.subprocess import DEVNULL
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from haloop.connectors.agents.answers import Answers
from haloop.connectors.agents.checks import faults_of
from haloop.connectors.agents.log import Log
from haloop.connectors.projects.copy import Commit, ProjectCopy
from haloop.connectors.projects.git import GitFailed
from haloop.connectors.projects.leavings import CannotTake
from haloop.kernel.failure import Permanent
from haloop.ports.agents import Artifact, RunFiles, Task
from haloop.ports.projects import Copy, Use
from haloop.ports.sandboxes import FOLDER

ARTIFACTS, PROJECT, WORK = "artifacts", "project", "work"
OUTPUT_BYTES_MAX = 4 * 1024 * 1024

_log = logging.getLogger(__name__)


def seen_at(name: str) -> str:
    """Where an agent finds a file, or leaves it."""
    return f"{FOLDER}/{ARTIFACTS}/{name}"


@dataclass(frozen=True, slots=True)
class Wrong:
    """What it left cannot be taken."""

    reason: str


class Workplace:
    """Where one attempt works. Its task's names are plain ones, so nothing of it lies elsewhere."""

    def __init__(self, missions: Path, task: Task) -> None:
        mission = missions / task.mission
        self.folder = mission / WORK / task.attempt
        self.log = Log(mission / "logs" / f"{task.attempt}.log")
        self.answers = Answers(mission / "logs" / f"{task.attempt}.yes")
        self._task = task
        self._ours = mission / WORK / f"{task.attempt}.git"
        self._project = None if task.project is None else self._copy(task.project)

    async def lay_out(self, files: RunFiles) -> None:
        """Put what it is given there, and nothing of an attempt that was cut short."""
        task = self._task
        if task.given.name == task.output:
            raise Permanent(f"The step cannot be given {task.output}: that is what it is to make.")
        await self._clear()
        artifacts = self.folder / ARTIFACTS
        artifacts.mkdir(parents=True)
        for artifact in self._given():
            content = await files.read(task.account, task.run, artifact.digest)
            if sha256(content).hexdigest() != artifact.digest:
                raise Permanent(f"{artifact.name} is not what was approved.")
            (artifacts / artifact.name).write_bytes(content)
        if self._project is not None:
            await self._project.lay_out()

    def closed(self) -> dict[str, Path]:
        """What lies in its folder and it cannot change, by where it finds it."""
        there = self._project.closed() if self._project else {}
        return {f"{FOLDER}/{PROJECT}/{name}": path for name, path in there.items()}

    async def changed(self) -> Commit | Wrong | None:
        """What it changed in the project, if that counts and can be taken."""
        if self._project is None or self._project.copy.use is not Use.CHANGE:
            return None
        try:
            return await self._project.taken()
        except (CannotTake, GitFailed) as fault:
            return Wrong(str(fault))
        except OSError as fault:
            return Wrong(f"What it left in the project cannot be read: {fault.strerror}.")

    def left(self) -> bytes | Wrong:
        """The file it was to make, if it can be taken."""
        name = self._task.output
        try:
            content = _content(self.folder / ARTIFACTS, name)
        except FileNotFoundError:
            return Wrong(f"It ended without leaving {name}.")
        except OSError:
            content = None
        if content is None:
            return Wrong(f"What it left as {name} is no plain file.")
        if not content:
            return Wrong(f"What it left as {name} is empty.")
        if len(content) > OUTPUT_BYTES_MAX:
            return Wrong(f"What it left as {name} is larger than {OUTPUT_BYTES_MAX} bytes.")
        faults = list(faults_of(name, content, self._task.checks))
        return Wrong(" ".join(faults)) if faults else content

    async def clear(self) -> None:
        """Keep the log alone, and what was said yes to."""
        self.log.close()
        await self._clear()

    async def _clear(self) -> None:
        await _removed(self.folder)
        await _removed(self._ours)

    def _copy(self, copy: Copy) -> ProjectCopy:
        task = self._task
        place = self.folder / PROJECT
        return ProjectCopy(copy, folder=place, ours=self._ours, mission=task.mission, attempt=task.attempt)

    def _given(self) -> Iterable[Artifact]:
        """By their names, so that what it is given wins over what lies beside; never an older one of what it makes."""
        by_name = {artifact.name: artifact for artifact in (*self._task.beside, self._task.given)}
        return [artifact for name, artifact in by_name.items() if name != self._task.output]


def _content(folder: Path, name: str) -> bytes | None:
    """At most a byte more than may be; None where it is no plain file. No link is followed on the way."""
    above = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=above)
    finally:
        os.close(above)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        return file.read(OUTPUT_BYTES_MAX + 1)


async def swept(mission: Path) -> None:
    """Take away what attempts of a mission that is over left, where their process was killed before it could."""
    folder = mission / WORK
    try:
        if folder.exists():
            await _removed(folder)
    except OSError as error:  # no program could be started; the house goes on
        _log.warning("a mission's work folder stays", extra={"code": "mission.work_folder", "result": error.strerror})


async def _removed(folder: Path) -> None:
    """The system's own programs do it: folders in folders without end, or closed ones, stop Python's."""
    for program in (("rm", "-rf"), ("chmod", "-R", "u+rwx"), ("rm", "-rf")):
        done = await asyncio.create_subprocess_exec(*program, "--", str(folder), stdout=DEVNULL, stderr=DEVNULL)
        if await done.wait() == 0 and program[0] == "rm":
            return
    _log.warning("the work folder of a mission could not be removed", extra={"code": "mission.work_folder"})
