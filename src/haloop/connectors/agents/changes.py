"""What an attempt changed in a project: kept with its run, and said in the file that tells of it."""

from pydantic import ValidationError
from pydantic_core import to_json

from haloop.connectors.agents.workplace import OUTPUT_BYTES_MAX, Wrong
from haloop.connectors.projects.copy import Commit
from haloop.connectors.projects.difference import as_listing
from haloop.ports.agents import ImplementationResult, RunFiles, Task
from haloop.ports.projects import Change, Use


async def kept(files: RunFiles, task: Task, commit: Commit) -> Change:
    """Have the run refer to a commit: to the objects it is of, and to what is different in it."""
    assert task.project is not None
    parts = {"bundle": commit.bundle, "listing": as_listing(commit.difference.files), "patch": commit.difference.patch}
    made = {
        part: await files.keep(task.account, task.run, f"{task.attempt}.{part}", content)
        for part, content in parts.items()
    }
    return Change(
        base=task.project.base,
        branch=commit.branch,
        commit=commit.commit,
        files=len(commit.difference.files),
        added=commit.difference.added,
        removed=commit.difference.removed,
        left_out=commit.left_out,
        not_shown_whole=commit.difference.not_shown_whole or None,
        **{part: one.digest for part, one in made.items()},
    )


def told_of(task: Task, content: bytes, commit: Commit | None) -> bytes | Wrong:
    """An implementation's result with the branch and the commit that it came to, whatever its agent says of them."""
    if task.project is None or task.project.use is not Use.CHANGE:
        return content
    try:
        result = ImplementationResult.model_validate_json(content)
    except ValidationError:  # another kind of file, which says nothing of a commit
        return content
    said = {"branch": commit and commit.branch, "commit": commit and commit.commit}
    told = _written(result.model_copy(update=said))
    if len(told) > OUTPUT_BYTES_MAX:
        return Wrong(f"What it left as {task.output} is larger than {OUTPUT_BYTES_MAX} bytes as it is kept.")
    return told


def _written(result: ImplementationResult) -> bytes:
    """A key a line, and no deeper: lists in lists, each on lines of its own, take a hundred times their room."""
    keys = result.model_dump(mode="json", by_alias=True)
    lines = b",\n".join(
        b"  %b: %b" % (to_json(key), to_json(value, inf_nan_mode="null")) for key, value in keys.items()
    )
    return b"{\n%b\n}\n" % lines
