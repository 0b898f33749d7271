"""The linked project: the git work tree that missions begun from now on work on.

It is written into config.toml and read from there each time, so the command line and the web app say the same, and
nobody has to start Haloop anew.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from haloop.config_file import with_text, without
from haloop.kernel.errors import BadInput
from haloop.settings import CONFIG_FILE, Settings
from haloop.store.rewriting import rewrite

_NAME = "project.linked"
_GIT_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Linking:
    """What linking came to."""

    wanted: Path | None
    earlier: Path | None
    now: Path | None
    """Another than was wanted where the environment says so, which wins over the file."""


@dataclass(frozen=True, slots=True)
class LinkedProject:
    """The one of a home."""

    home: Path

    def now(self) -> Path | None:
        return Settings.read(os.environ, home=self.home).project_linked

    def link(self, path: Path) -> Linking:
        """Link the work tree that a path lies in; BadInput where there is none."""
        tree, earlier = work_tree(path), self.now()
        text = self._text()
        self._rewrite(text, with_text(text, _NAME, str(tree)))
        return Linking(wanted=tree, earlier=earlier, now=self.now())

    def unlink(self) -> Linking:
        """Link nothing; what is there stays as it is."""
        earlier = self.now()
        text = self._text()
        self._rewrite(text, without(text, _NAME))
        return Linking(wanted=None, earlier=earlier, now=self.now())

    def _text(self) -> str:
        file = self.home / CONFIG_FILE
        return file.read_bytes().decode() if file.exists() else ""

    def _rewrite(self, before: str, after: str) -> None:
        if before != after:
            rewrite(self.home / CONFIG_FILE, after)


def work_tree(path: Path) -> Path:
    """The git work tree that a path lies in; BadInput where there is none."""
    git = shutil.which("git")
    if git is None:
        raise _refused("git is not installed, and a project is a git work tree.", "Install git, and try again.")
    if "\0" in str(path):
        raise _refused("A path holds no NUL.", "Give a folder that git checked out.")
    told = _asked(git, path)
    if told.returncode:
        reason = told.stderr.decode(errors="replace").strip().removeprefix("fatal: ").partition("\n")[0]
        raise _refused(f"{path.absolute()} is no git work tree: {reason}.", "Give a folder that git checked out.")
    try:
        return Path(told.stdout.removesuffix(b"\n").decode())
    except UnicodeDecodeError:
        raise _refused("The work tree's path is not text.", "Give the folder a name in UTF-8.") from None


def _asked(git: str, path: Path) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603  # the words are git's own, and a path that follows a flag
            [git, "-C", path.absolute(), "rev-parse", "--show-toplevel"],
            capture_output=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            check=False,
            timeout=_GIT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        sentence = f"git said nothing of {path.absolute()} in {_GIT_SECONDS} seconds."
        raise _refused(sentence, "See whether its disk can be read, and try again.") from None


def _refused(sentence: str, next_step: str) -> BadInput:
    return BadInput(sentence, code="link.no_work_tree", next_step=next_step)
