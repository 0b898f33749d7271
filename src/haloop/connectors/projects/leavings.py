"""What an agent left in its copy, looked over before any git is: whoever opens a pipe waits for ever.

Git opens some files only to see whose they are: `.gitattributes`, and the head of a repository inside, wherever its
`.git` leads. So what is neither file, folder nor link goes, and no `.git` leads anywhere.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from haloop.kernel.failure import Permanent

ENTRIES_MAX = 1_000_000
"""What has more takes all memory only to be listed."""
_GIT = ".git"


class CannotTake(Permanent):
    """What was left in a copy is nothing that a commit can be made of."""


@dataclass(slots=True)
class Leavings:
    """What in it is no part of any commit, by its name."""

    odd: list[bytes] = field(default_factory=list)
    """Neither file, folder nor link."""
    closed: list[bytes] = field(default_factory=list)
    """Folders that cannot be looked into."""


def looked_over(folder: Path) -> Leavings:
    """Take away what stops git; no link is followed, and the copy's own `.git` is passed over."""
    leavings = Leavings()
    for seen, entry in enumerate(_entries(folder, leavings), start=1):
        if seen > ENTRIES_MAX:
            raise CannotTake(f"It left more than {ENTRIES_MAX:,} files in the project.")
        is_folder, path = entry.is_dir(follow_symlinks=False), Path(entry.path)
        if entry.name == _GIT and not is_folder:
            path.unlink()
            _put_repository(path)
        elif not (is_folder or entry.is_symlink() or entry.is_file(follow_symlinks=False)):
            path.unlink()
            leavings.odd.append(bytes(path.relative_to(folder)))
    return leavings


def _entries(top: Path, leavings: Leavings) -> Iterator[os.DirEntry[str]]:
    folders = [str(top)]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as found:
                entries = [one for one in found if one.name != _GIT or folder != str(top)]
        except OSError:  # closed by its mode, or too deep; git cannot look into it either
            leavings.closed.append(bytes(Path(folder).relative_to(top)) + b"/")
            continue
        folders += [one.path for one in entries if one.is_dir(follow_symlinks=False)]
        yield from entries


def _put_repository(place: Path) -> None:
    """The least that git takes for one: what stands beside it stays out of the commit, as it would have."""
    for name in ("objects", "refs"):
        (place / name).mkdir(parents=True)
    (place / "HEAD").write_text("ref: refs/heads/main\n")
