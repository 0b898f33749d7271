"""Linked repositories: what they stand at is read, and a branch is put there where a person said yes to its commit.

No program that a work tree or its repository's settings name is run, and nothing in a work tree is changed. A branch
arrives as packed objects and one change of one name, which git makes whole or not at all and only if the name stands
where it was seen to stand. So whoever looks afterwards sees whether it happened.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from haloop.connectors.projects.difference import read_listing
from haloop.connectors.projects.git import DURABLY, Git, GitFailed
from haloop.kernel.desk import Absent, Call, Connector, Found, NotDone, Unknown, Why, effect, queryable
from haloop.kernel.failure import Permanent
from haloop.ports.agents import RunFiles
from haloop.ports.projects import (
    BRANCHES,
    SHOWN_MAX,
    Base,
    Caution,
    Change,
    Project,
    Projects,
    Push,
    Pushed,
    Standing,
)

DEADLINE = timedelta(minutes=2)
SETTLED_AFTER = timedelta(minutes=1)
"""A git that outlives us, because we were killed, has ended by then."""
_APPROVED = "haloop: approved"
_NO_FILTER = {"clean": "", "process": "", "required": "false"}
_LETTERS = 12


class CannotRead(Permanent):
    """The project is not there, or holds nothing to begin with."""


async def look_up(repositories: "Repositories", push: Push, call: Call) -> Found[Pushed] | Absent | Unknown:  # noqa: ARG001
    """Whether the branch stands at the commit, has gone on from there, or was moved there once."""
    try:
        git = _repository(push.repository)
        happened = await _stands_there(git, push) or await _stood_there(git, push)
    except (CannotRead, GitFailed) as error:
        return Unknown(sentence=str(error))
    return Found(result=_pushed(push)) if happened else Absent()


class Repositories:
    """Those of this machine that somebody linked."""

    def __init__(self, files: RunFiles) -> None:
        self._files = files

    async def pin(self, project: Project) -> Base:
        git = _repository(project.path)
        try:
            commit = await git.commit_at("HEAD")
        except GitFailed as error:
            raise CannotRead(f"{project.path} cannot be read. {error}") from error
        if commit is None:
            raise CannotRead(f"{project.path} has no commit yet. Commit something there, and try again.")
        return Base(project=project, commit=commit, branch=await _branch(git))

    async def beside(self, account: str, run: str, change: Change) -> Standing:
        try:
            git = _repository(change.base.project.path)
            cautions = await _cautions(git, change)
        except (CannotRead, GitFailed):
            return Standing(cautions=(Caution.GONE,), on_both_sides=())
        both = await self._on_both_sides(git, account, run, change) if Caution.MOVED in cautions else ()
        return Standing(cautions=cautions, on_both_sides=both)

    @effect(deadline=DEADLINE, recovery=queryable(look_up, settled_after=SETTLED_AFTER))
    async def push(self, push: Push, call: Call) -> Pushed | NotDone:
        try:
            git = _repository(push.repository)
            if await _stands_there(git, push):
                return _pushed(push)
            no = await _why_not(git, push)
            if no is not None:
                return no
            async with self._bundle(call.account, push) as bundle:
                await git.does(*DURABLY, "bundle", "unbundle", str(bundle))
            stands = await git.commit_at(_ref(push.branch))
            if stands is not None and not await git.is_before(stands, push.commit):
                said = (
                    f"{push.branch} stands at {_short(stands)}, which this does not follow. Rename or delete it there."
                )
                return _not_done("branch_taken", said)
        except CannotRead as error:
            return _not_done("gone", str(error))
        except (Permanent, OSError) as error:  # no name was moved yet, so this is sure
            return _not_done("not_stored", str(error))
        return await _moved(git, push, stands)

    async def _on_both_sides(self, git: Git, account: str, run: str, change: Change) -> tuple[str, ...]:
        """What was changed here and there; nothing where the repository cannot say."""
        now = await git.commit_at(_based_on(change))
        if now is None:
            return ()
        there = await git.asks("diff-tree", "-r", "-z", "--name-only", "--no-renames", change.base.commit, now)
        names = set(there.said.decode(errors="replace").split("\0"))
        listing = read_listing(await self._files.read(account, run, change.listing))
        return tuple(one.path for one in listing if {one.path, one.before} & names)[:SHOWN_MAX]

    @asynccontextmanager
    async def _bundle(self, account: str, push: Push) -> AsyncIterator[Path]:
        content = await self._files.read(account, push.run, push.bundle)
        with TemporaryDirectory(prefix="haloop-push-") as folder:
            bundle = Path(folder) / "bundle"
            bundle.write_bytes(content)
            yield bundle


def linked_repositories(repositories: Repositories) -> Connector:
    """Them behind the port: what is pushed is real, and stays on this machine."""
    return Connector(port=Projects, speaks=repositories, name="git", live=True, leaves=False)


async def _cautions(git: Git, change: Change) -> tuple[Caution, ...]:
    base = change.base
    stands = await git.commit_at(_ref(change.branch))
    cautions = {
        Caution.UNSAVED: await _is_unsaved(git, base.project),
        Caution.DETACHED: base.branch is None,
        Caution.MOVED: await git.commit_at(_based_on(change)) != base.commit,
        Caution.BRANCH_TAKEN: stands not in (None, change.commit) or await git.commit_at(_ref(BRANCHES)) is not None,
    }
    return tuple(one for one, holds in cautions.items() if holds)


def _based_on(change: Change) -> str:
    return "HEAD" if change.base.branch is None else _ref(change.base.branch)


async def _stands_there(git: Git, push: Push) -> bool:
    """Whether the branch is at the commit, or has gone on from there."""
    stands = await git.commit_at(_ref(push.branch))
    return stands is not None and await git.is_before(push.commit, stands)


async def _stood_there(git: Git, push: Push) -> bool:
    """Whether we moved the branch to the commit before somebody else moved it elsewhere."""
    if await git.commit_at(_ref(push.branch)) is None:
        return False
    moves = await git.does("reflog", "show", "--format=%H %gs", _ref(push.branch), "--")
    return f"{push.commit} {_APPROVED}" in moves.text.splitlines()


async def _why_not(git: Git, push: Push) -> NotDone | None:
    """What speaks against a push before anything is sent."""
    if await git.commit_at(push.base) is None:
        return _not_done("base_gone", f"The commit {_short(push.base)}, which this is based on, is not there any more.")
    if await git.commit_at(_ref(BRANCHES)) is not None:
        said = f"There is a branch {BRANCHES}, so none can be called {push.branch}. Rename that branch."
        return _not_done("name_taken", said)
    trees = (await git.does("worktree", "list", "--porcelain")).text.splitlines()
    if f"branch {_ref(push.branch)}" in trees:
        return _not_done("checked_out", f"{push.branch} is checked out there. Check another branch out.")
    return None


async def _moved(git: Git, push: Push, stands: str | None) -> Pushed | NotDone:
    """Move the name, if it stands where it was seen; git's no is a no only where the name then says so."""
    told = {"GIT_COMMITTER_NAME": "Haloop", "GIT_COMMITTER_EMAIL": "haloop@localhost"}
    earlier = stands or "0" * len(push.commit)
    words = (
        *DURABLY,
        "update-ref",
        "--create-reflog",
        "-m",
        _APPROVED,
        _ref(push.branch),
        push.commit,
        earlier,
    )
    answer = await git.asks(*words, told=told)
    if answer.is_yes or await git.commit_at(_ref(push.branch)) == push.commit:
        return _pushed(push)
    return _not_done("refused", f"Git did not move {push.branch}: {answer.complaint}.")


def _repository(path: str) -> Git:
    tree = Path(path)
    if not tree.is_dir():
        raise CannotRead(f"The linked project {path} is not there any more. Put it back, and try again.")
    if not (tree / ".git").exists():
        raise CannotRead(f"{path} is no git work tree any more. Put it back, and try again.")
    return Git(folder=tree / ".git")


async def _branch(git: Git) -> str | None:
    answer = await git.asks("symbolic-ref", "--quiet", "--short", "HEAD")
    return answer.text if answer.is_yes else None


async def _is_unsaved(git: Git, project: Project) -> bool:
    there = Git(folder=git.folder, tree=Path(project.path))
    words = ("status", "--porcelain", "-z", "--ignore-submodules=all")
    return bool((await there.does(*words, told=await _without_filters(git))).said)


async def _without_filters(git: Git) -> Mapping[str, str]:
    """To look at a file git would run the program that the repository's settings name for it, as us."""
    settings = await git.asks("config", "-z", "--name-only", "--get-regexp", r"^filter\.")
    names = {name.rpartition(".")[0] for name in settings.said.decode(errors="surrogateescape").split("\0") if name}
    off = [(f"{name}.{key}", value) for name in sorted(names) for key, value in _NO_FILTER.items()]
    told = {"GIT_CONFIG_COUNT": str(len(off))}
    for number, (key, value) in enumerate(off):
        told |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return told


def _not_done(code: str, sentence: str) -> NotDone:
    return NotDone(why=Why.DRIFTED, code=f"project.{code}", sentence=f"{sentence} Nothing was pushed.")


def _pushed(push: Push) -> Pushed:
    return Pushed(repository=push.repository, branch=push.branch, commit=push.commit)


def _ref(branch: str) -> str:
    return f"refs/heads/{branch}"


def _short(commit: str) -> str:
    return commit[:_LETTERS]
