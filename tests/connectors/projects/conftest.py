"""A git repository that somebody linked, as they work on it, and a run's files."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from haloop.connectors.projects.copy import Commit, ProjectCopy
from haloop.connectors.projects.repositories import Repositories
from haloop.kernel.desk import Call
from haloop.ports.projects import Copy, Project, Push, Use
from tests.connectors.agents.conftest import Files

FAR = 1 << 60


def git(folder: Path, *words: str) -> str:
    """Git as a person calls it in their folder."""
    told = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *who, *words], cwd=folder, env=told, capture_output=True, check=True, text=True)
    return done.stdout.strip()


@dataclass(kw_only=True)
class Garden:
    """A project with a few files, in a folder of Ana's."""

    folder: Path
    spare: Path
    """Where copies are laid out."""
    files: Files = field(default_factory=Files)
    mission: str = field(default_factory=lambda: f"m-{uuid4()}")

    @property
    def project(self) -> Project:
        return Project(name=self.folder.name, path=str(self.folder))

    @property
    def repositories(self) -> Repositories:
        return Repositories(self.files)

    @property
    def branches(self) -> dict[str, str]:
        """The commit that each branch stands at."""
        said = git(self.folder, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
        return dict(line.split(" ") for line in said.splitlines())

    def commit(self, **files: str) -> str:
        """Ana changes files, and commits that."""
        for name, text in files.items():
            (self.folder / name).write_text(text)
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "--quiet", "-m", "Change")
        return git(self.folder, "rev-parse", "HEAD")

    async def laid_out(self, use: Use = Use.CHANGE) -> tuple[ProjectCopy, Path]:
        """An attempt's copy of it, and the folder it lies in."""
        base = await self.repositories.pin(self.project)
        attempt = f"r-{uuid4()}"
        folder = self.spare / attempt / "project"
        copy = ProjectCopy(
            Copy(base=base, use=use, title="A blue\ndoor"),
            folder=folder,
            ours=self.spare / f"{attempt}.git",
            mission=self.mission,
            attempt=attempt,
        )
        await copy.lay_out()
        return copy, folder

    async def push_of(self, commit: Commit) -> Push:
        """What a yes to a commit does."""
        bundle = await self.files.keep("acc_ana", "run_1", "bundle", commit.bundle)
        return Push(
            repository=str(self.folder),
            branch=commit.branch,
            base=(await self.repositories.pin(self.project)).commit,
            commit=commit.commit,
            files=1,
            added=1,
            removed=0,
            run="run_1",
            bundle=bundle.digest,
        )

    async def changed(self, **files: str) -> tuple[Commit, Push]:
        """A change that an attempt made, and the push of it."""
        copy, folder = await self.laid_out()
        for name, text in files.items():
            (folder / name).write_text(text)
        commit = await copy.taken()
        assert commit is not None
        return commit, await self.push_of(commit)


CALL = Call(key="key", account="acc_ana", deadline=FAR, live=True)


def made_garden(tmp_path: Path) -> Garden:
    """A project with one commit."""
    folder = tmp_path / "garden plan"
    folder.mkdir()
    git(folder, "init", "--quiet")
    garden = Garden(folder=folder, spare=tmp_path / "work")
    garden.commit(door="red\n", **{"AGENTS.md": "Be kind.\n", ".gitignore": "built/\n"})
    return garden


@pytest.fixture
def garden(tmp_path: Path) -> Garden:
    return made_garden(tmp_path)
