"""The git program, told everything it may know: no settings of this machine or of its user, no hooks, no helpers.

Whoever calls it names the repository and, where there is one, the work tree; where the process stands says nothing.
"""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from haloop.kernel.failure import Permanent

_SAID_MAX = 400
_HEAD, _REFS = "HEAD", "refs/"
DURABLY = ("-c", "core.fsync=all")
"""Before a command whose work must outlive a power cut; what else is written can be made again."""
_NEVER = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false"),
    *("-c", "core.attributesFile=/dev/null", "-c", "core.excludesFile=/dev/null"),
    *("-c", "protocol.allow=never", "-c", "protocol.file.allow=user"),
    *("-c", "submodule.recurse=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
    *("-c", "core.fsync=none", "-c", "core.quotePath=false"),
)
_TOLD = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
}


class GitFailed(Permanent):
    """Git said no, in its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What git wrote, and whether it was content."""

    code: int
    said: bytes
    complaint: str

    @property
    def is_yes(self) -> bool:
        return self.code == 0

    @property
    def text(self) -> str:
        return self.said.decode(errors="replace").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """One repository."""

    folder: Path
    tree: Path | None = None
    index: Path | None = None
    """Another than the repository's own."""
    within: timedelta = timedelta(minutes=15)
    """By when each command has ended."""

    async def asks(self, *words: str, given: bytes = b"", told: Mapping[str, str] | None = None) -> Answer:
        """Run it where a no is an answer."""
        where = [f"--git-dir={self.folder}", *([] if self.tree is None else [f"--work-tree={self.tree}"])]
        index = {} if self.index is None else {"GIT_INDEX_FILE": str(self.index)}
        program = shutil.which("git")
        if program is None:
            raise GitFailed("Git is not installed, and a project is a git repository. Install git, and try again.")
        process = await asyncio.create_subprocess_exec(
            *(program, *_NEVER, *where, *words),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), **_TOLD, **index, **(told or {})},
        )
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                said, complaint = await process.communicate(given)
        except TimeoutError:
            raise GitFailed(f"git {words[0]} was not done after {self.within}.") from None
        finally:
            if process.returncode is None:
                process.kill()
                await asyncio.shield(process.wait())
        return Answer(code=process.returncode or 0, said=said, complaint=_first_line(complaint))

    async def does(self, *words: str, given: bytes = b"", told: Mapping[str, str] | None = None) -> Answer:
        """Run it where a no is a fault."""
        answer = await self.asks(*words, given=given, told=told)
        if not answer.is_yes:
            raise GitFailed(_no(answer))
        return answer

    async def commit_at(self, name: str) -> str | None:
        """The commit that a name stands for, if it does; GitFailed where the name is there and git cannot read it."""
        answer = await self.asks("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if _said_yes(answer):
            return answer.text
        if name.startswith((_HEAD, _REFS)):
            await self._require_absent(name)
        return None

    async def is_before(self, earlier: str, later: str) -> bool:
        """Whether one commit leads to another, or is it."""
        if await self.commit_at(earlier) is None:
            return False
        return _said_yes(await self.asks("merge-base", "--is-ancestor", earlier, later))

    async def _require_absent(self, name: str) -> None:
        """A name that a power cut left empty, or that leads to nothing, is not taken for one that was never there."""
        leads = await self.asks("symbolic-ref", "--quiet", name)
        if leads.is_yes:  # to a branch without a commit, where all is well
            await self._require_absent(leads.text)
        elif leads.code != 1:
            raise GitFailed(f"Git cannot read where {name} stands.")
        elif (stands := await self.asks("rev-parse", "--verify", "--quiet", name)).is_yes:
            raise GitFailed(f"{name} stands at {stands.text}, where git finds no commit.")


def _said_yes(answer: Answer) -> bool:
    """A no is a no only where git could look: then it says nothing else."""
    if answer.code not in (0, 1) or (answer.code == 1 and answer.complaint):
        raise GitFailed(_no(answer))
    return answer.is_yes


def _no(answer: Answer) -> str:
    return f"Git said no: {answer.complaint or 'it did not say why'}."


def _first_line(complaint: bytes) -> str:
    lines = complaint.decode(errors="replace").strip().splitlines()
    first = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "")
    return first.removeprefix("fatal: ").removeprefix("error: ")[:_SAID_MAX]
