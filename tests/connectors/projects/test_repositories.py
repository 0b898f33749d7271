"""Linked repositories: what is pinned, what is said of them, and a branch that arrives forwards or not at all."""

import os
import shutil
from pathlib import Path

import pytest

from haloop.connectors.projects.copy import Commit
from haloop.connectors.projects.difference import as_listing
from haloop.connectors.projects.repositories import CannotRead, look_up
from haloop.kernel.desk import Absent, Found, NotDone, Unknown
from haloop.ports.projects import Caution, Change, Push, Pushed
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


async def test_who_cannot_look_does_not_say_that_nothing_happened(garden: Garden) -> None:
    """A repository that git cannot read says neither; one whose branch was moved on by another way was pushed to."""
    commit, push = await garden.changed(door="blue\n")
    pushed = await garden.repositories.push(push, CALL)
    git(garden.folder, "checkout", "--quiet", commit.branch)
    git(garden.folder, "commit", "--quiet", "--amend", "-m", "My words")
    assert await look_up(garden.repositories, push, CALL) == Found(result=pushed)

    git(garden.folder, "branch", "--force", "elsewhere")
    git(garden.folder, "checkout", "--quiet", "elsewhere")
    git(garden.folder, "branch", "-D", commit.branch)
    git(garden.folder, "branch", commit.branch)
    assert await look_up(garden.repositories, push, CALL) == Absent()

    broken(garden)
    looked = await look_up(garden.repositories, push, CALL)
    assert isinstance(looked, Unknown)
    assert "bad config" in looked.sentence


@pytest.mark.parametrize("left", ["", "garbage\n", f"{'1' * 40}\n"], ids=["empty", "no hash", "no commit there"])
async def test_a_branch_that_cannot_be_read_is_not_taken_for_none(garden: Garden, left: str) -> None:
    """As a power cut may leave its file: nobody says that nothing was pushed, and nothing is pushed over it."""
    commit, push = await garden.changed(door="blue\n")
    await garden.repositories.push(push, CALL)
    file = garden.folder / ".git" / "refs" / "heads" / commit.branch
    file.write_text(left)

    looked = await look_up(garden.repositories, push, CALL)
    again = await garden.repositories.push(push, CALL)

    assert isinstance(looked, Unknown)
    assert commit.branch in looked.sentence
    assert isinstance(again, NotDone)
    assert file.read_text() == left


async def test_a_branch_whose_file_cannot_be_opened_is_not_taken_for_none(garden: Garden) -> None:
    """Git itself says of it what it says of one that never was."""
    commit, push = await garden.changed(door="blue\n")
    await garden.repositories.push(push, CALL)
    file = garden.folder / ".git" / "refs" / "heads" / commit.branch
    file.unlink()
    file.symlink_to(file.name)

    assert isinstance(await look_up(garden.repositories, push, CALL), Unknown)


async def test_a_checked_out_branch_that_cannot_be_read_is_not_called_empty(garden: Garden) -> None:
    """Nobody is told to commit something first where commits are there, and cannot be found."""
    (garden.folder / ".git" / "refs" / "heads" / "main").write_text("")

    with pytest.raises(CannotRead, match="Git cannot read where HEAD stands"):
        await garden.repositories.pin(garden.project)


async def test_what_is_there_already_was_pushed_whoever_stands_on_it(garden: Garden) -> None:
    """A second yes finds the branch where it is to be, also where it is checked out."""
    commit, push = await garden.changed(door="blue\n")
    pushed = await garden.repositories.push(push, CALL)
    git(garden.folder, "checkout", "--quiet", commit.branch)

    assert await garden.repositories.push(push, CALL) == pushed


async def test_what_goes_wrong_before_a_name_is_moved_is_a_sure_no(garden: Garden) -> None:
    """Git's own words say why; nobody has to look for a branch that cannot be there."""
    _, push = await garden.changed(door="blue\n")
    lost = await garden.repositories.push(push.model_copy(update={"bundle": "0" * 64}), CALL)
    assert isinstance(lost, NotDone)
    assert lost.sentence == "The run refers to no such file. Nothing was pushed."

    packs = garden.folder / ".git" / "objects" / "pack"
    packs.rmdir()
    packs.touch()
    unstored = await garden.repositories.push(push, CALL)
    assert isinstance(unstored, NotDone)
    assert unstored.sentence.startswith("Git said no: ")
    assert unstored.sentence.endswith("Nothing was pushed.")


async def test_a_repository_that_git_cannot_read_is_said_to_be_that(garden: Garden) -> None:
    """Neither empty nor without its base: git's own words are quoted."""
    _, push = await garden.changed(door="blue\n")
    broken(garden)

    with pytest.raises(CannotRead, match=r"cannot be read\. Git said no: bad config"):
        await garden.repositories.pin(garden.project)
    answer = await garden.repositories.push(push, CALL)
    assert isinstance(answer, NotDone)
    assert "Git said no: bad config" in answer.sentence


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
    commit, push = await garden.changed(door="blue\n", lamp="new\n")
    change = await change_of(garden, commit, push)
    assert (await garden.repositories.beside("acc_ana", "run_1", change)).cautions == ()

    garden.commit(door="black\n", window="open\n")
    (garden.folder / "untracked").touch()
    git(garden.folder, "branch", commit.branch)
    told = await garden.repositories.beside("acc_ana", "run_1", change)
    assert told.cautions == (Caution.UNSAVED, Caution.MOVED, Caution.BRANCH_TAKEN)
    assert told.on_both_sides == ("door",)

    git(garden.folder, "branch", "-D", commit.branch)
    git(garden.folder, "branch", "haloop")
    told = await garden.repositories.beside("acc_ana", "run_1", change)
    assert told.cautions == (Caution.UNSAVED, Caution.MOVED, Caution.BRANCH_TAKEN)

    broken(garden)
    assert (await garden.repositories.beside("acc_ana", "run_1", change)).cautions == (Caution.GONE,)
    shutil.rmtree(garden.folder)
    assert (await garden.repositories.beside("acc_ana", "run_1", change)).cautions == (Caution.GONE,)


@pytest.mark.parametrize("key", ["clean", "process"])
async def test_to_look_at_a_project_runs_nothing_of_its_settings(garden: Garden, tmp_path: Path, key: str) -> None:
    """Filters that a repository names are for whoever works there; we start none, whatever it is called."""
    ran = tmp_path / "ran"
    commit, push = await garden.changed(door="blue\n")
    change = await change_of(garden, commit, push)
    for name in ("plain", "a=b.C"):
        git(garden.folder, "config", f"filter.{name}.{key}", f"touch '{ran}'; cat")
        git(garden.folder, "config", f"filter.{name}.required", "true")
    (garden.folder / ".git" / "info" / "attributes").write_text("door filter=plain\nAGENTS.md filter=a=b.C\n")
    for name in ("door", "AGENTS.md"):
        os.utime(garden.folder / name, (1, 1))

    assert (await garden.repositories.beside("acc_ana", "run_1", change)).cautions == ()

    assert not ran.exists()


async def change_of(garden: Garden, commit: Commit, push: Push) -> Change:
    """A commit as its mission keeps it."""
    listing = await garden.files.keep("acc_ana", "run_1", "listing", as_listing(commit.difference.files))
    return Change(
        base=await garden.repositories.pin(garden.project),
        branch=commit.branch,
        commit=commit.commit,
        files=len(commit.difference.files),
        added=commit.difference.added,
        removed=commit.difference.removed,
        left_out=(),
        bundle=push.bundle,
        listing=listing.digest,
        patch=listing.digest,
    )


def broken(garden: Garden) -> None:
    """Somebody's settings of the repository are unreadable."""
    with (garden.folder / ".git" / "config").open("a") as settings:
        settings.write("[broken\n")
