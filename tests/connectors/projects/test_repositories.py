"""Linked repositories: what is pinned, what is said of them, and a branch that arrives forwards or not at all."""

import shutil

import pytest

from haloop.connectors.projects.difference import as_listing
from haloop.connectors.projects.repositories import CannotRead, look_up
from haloop.kernel.desk import Absent, Found, NotDone, Unknown
from haloop.ports.projects import Caution, Change, Pushed
from tests.connectors.projects.conftest import CALL, Garden, git


async def test_a_project_is_pinned_at_what_is_committed(garden: Garden) -> None:
    """With its branch; without, where none is checked out."""
    commit = git(garden.folder, "rev-parse", "HEAD")
    pinned = await garden.repositories.pin(garden.project)
    assert (pinned.commit, pinned.branch) == (commit, "main")

    git(garden.folder, "checkout", "--quiet", "--detach")
    assert (await garden.repositories.pin(garden.project)).branch is None


async def test_what_cannot_be_pinned_is_said_in_a_sentence(garden: Garden) -> None:
    """A repository without a commit, a folder that is none, and no folder."""
    shutil.rmtree(garden.folder / ".git")
    with pytest.raises(CannotRead, match="no git work tree any more"):
        await garden.repositories.pin(garden.project)
    git(garden.folder, "init", "--quiet")
    with pytest.raises(CannotRead, match="has no commit yet"):
        await garden.repositories.pin(garden.project)
    shutil.rmtree(garden.folder)
    with pytest.raises(CannotRead, match="is not there any more"):
        await garden.repositories.pin(garden.project)


async def test_a_push_puts_one_branch_there_and_touches_nothing_else(garden: Garden) -> None:
    """The work tree, its index and its branch are as they were, with what somebody had not committed."""
    (garden.folder / "door").write_text("being painted\n")
    git(garden.folder, "config", "core.hooksPath", str(garden.folder / "hooks"))
    (garden.folder / "hooks").mkdir()
    (garden.folder / "hooks" / "reference-transaction").write_text("#!/bin/sh\nexit 1\n")
    (garden.folder / "hooks" / "reference-transaction").chmod(0o755)
    before = (git(garden.folder, "status", "--porcelain"), garden.branches)
    commit, push = await garden.changed(door="blue\n")

    pushed = await garden.repositories.push(push, CALL)

    assert pushed == Pushed(repository=str(garden.folder), branch=commit.branch, commit=commit.commit)
    assert garden.branches == {**before[1], commit.branch: commit.commit}
    assert git(garden.folder, "status", "--porcelain") == before[0]
    assert (garden.folder / "door").read_text() == "being painted\n"
    assert git(garden.folder, "show", f"{commit.branch}:door") == "blue"
    git(garden.folder, "fsck", "--strict")


async def test_whoever_looks_afterwards_sees_whether_it_happened(garden: Garden) -> None:
    """Absent before, found after, found where somebody went on from there, unknown where nobody can look."""
    commit, push = await garden.changed(door="blue\n")
    assert await look_up(garden.repositories, push, CALL) == Absent()

    pushed = await garden.repositories.push(push, CALL)
    assert await look_up(garden.repositories, push, CALL) == Found(result=pushed)
    assert await garden.repositories.push(push, CALL) == pushed, "it stands there already"

    git(garden.folder, "checkout", "--quiet", commit.branch)
    garden.commit(door="light blue\n")
    assert isinstance(await look_up(garden.repositories, push, CALL), Found)

    garden.folder.rename(garden.folder.with_name("away"))
    assert isinstance(await look_up(garden.repositories, push, CALL), Unknown)


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (["branch", "{branch}", "elsewhere"], "stands at"),
        (["checkout", "--quiet", "-b", "{branch}"], "is checked out there"),
        (["branch", "haloop"], "There is a branch haloop"),
    ],
)
async def test_a_branch_is_never_forced(garden: Garden, prepare: list[str], said: str) -> None:
    """Where the name stands elsewhere, is worked on, or cannot be had: nothing moves, and a sentence says why."""
    commit, push = await garden.changed(door="blue\n")
    git(garden.folder, "checkout", "--quiet", "-b", "elsewhere")
    garden.commit(door="black\n")
    git(garden.folder, "checkout", "--quiet", "main")
    git(garden.folder, *(word.format(branch=commit.branch) for word in prepare))
    before = garden.branches

    answer = await garden.repositories.push(push, CALL)

    assert isinstance(answer, NotDone)
    assert said in answer.sentence
    assert answer.sentence.endswith("Nothing was pushed.")
    assert garden.branches == before


async def test_a_branch_that_stands_before_the_commit_goes_forward(garden: Garden) -> None:
    """Somebody made it at what the mission began with."""
    commit, push = await garden.changed(door="blue\n")
    git(garden.folder, "branch", commit.branch, "main")

    assert isinstance(await garden.repositories.push(push, CALL), Pushed)
    assert garden.branches[commit.branch] == commit.commit


async def test_a_repository_that_forgot_the_base_or_is_gone_is_told(garden: Garden) -> None:
    """The commit is kept elsewhere, so nothing is lost; it is not pushed onto something else."""
    _, push = await garden.changed(door="blue\n")
    shutil.rmtree(garden.folder / ".git")
    git(garden.folder, "init", "--quiet")
    garden.commit(door="another life\n")
    answer = await garden.repositories.push(push, CALL)
    assert isinstance(answer, NotDone)
    assert "is not there any more. Nothing was pushed." in answer.sentence

    shutil.rmtree(garden.folder)
    assert isinstance(await garden.repositories.push(push, CALL), NotDone)


async def test_what_to_know_of_a_repository_is_told_beside_a_change(garden: Garden) -> None:
    """Nothing; then all of it, with the files that were changed on both sides; then that it is gone."""
    base = await garden.repositories.pin(garden.project)
    commit, push = await garden.changed(door="blue\n", lamp="new\n")
    listing = await garden.files.keep("acc_ana", "run_1", "listing", as_listing(commit.difference.files))
    change = Change(
        base=base,
        branch=commit.branch,
        commit=commit.commit,
        files=2,
        added=2,
        removed=1,
        left_out=(),
        bundle=push.bundle,
        listing=listing.digest,
        patch=listing.digest,
    )
    assert (await garden.repositories.beside("acc_ana", "run_1", change)).cautions == ()

    garden.commit(door="black\n", window="open\n")
    (garden.folder / "untracked").touch()
    git(garden.folder, "branch", commit.branch)
    told = await garden.repositories.beside("acc_ana", "run_1", change)
    assert told.cautions == (Caution.UNSAVED, Caution.MOVED, Caution.BRANCH_TAKEN)
    assert told.on_both_sides == ("door",)

    shutil.rmtree(garden.folder)
    assert (await garden.repositories.beside("acc_ana", "run_1", change)).cautions == (Caution.GONE,)
