"""An attempt's own copy of a project, and the commit that its changes become.

Beside the copy lies a repository of ours, out of its agent's reach. What the agent left is a folder of files that
nobody trusts, its `.git` more than any: it is not opened. The files are added to our repository, by our settings, once
nothing of the agent runs any more; a link stays a link, and what cannot be taken is left out by name.
"""

import asyncio
import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path

from haloop.connectors.projects.context import is_told, places_in
from haloop.connectors.projects.difference import Difference, read_difference
from haloop.connectors.projects.git import Git
from haloop.connectors.projects.leavings import CannotTake, Leavings, looked_over
from haloop.ports.projects import BRANCHES, SHOWN_MAX, Base, Copy

FILE_BYTES_MAX = 8 << 20
ALL_BYTES_MAX = 64 << 20
FILES_MAX = 5_000
_BRANCH = "refs/heads/{}"
_BASE = "refs/haloop/base"
_WHO = {"NAME": "Haloop", "EMAIL": "haloop@localhost"}
_RENAMES_MAX = 1_000
_ATTRIBUTES = "* !diff\n"
"""Over all that a `.gitattributes` says: whether lines can be shown, a file's bytes decide, and never who wrote it."""
_SHA1_LETTERS = 40
_NO_LINES = ("-c", f"core.bigFileThreshold={FILE_BYTES_MAX + 1}")
"""Of what was larger before: git says that it is different, and loads none of it."""
_TRUSTING = "[safe]\n\tdirectory = *\n"
"""Whoever linked a project said that it is to be read, whosever its files are; git heeds that in a file alone."""
_SUBMODULE = b"160000 "
_NAME_LETTERS = 200
_NO_FILE, _CLOSED = "it is no plain file", "it cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What was changed, as one commit."""

    branch: str
    commit: str
    bundle: bytes
    difference: Difference
    left_out: tuple[str, ...]


@dataclass(slots=True)
class _Found:
    """The files that are not as they were."""

    taken: dict[bytes, int] = field(default_factory=dict)
    """Each with its bytes."""
    gone: list[bytes] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """How much of what a commit may have; one is all."""
        return _share(len(self.taken) + len(self.gone), sum(self.taken.values()))

    def lighten(self, new: Iterable[bytes]) -> None:
        """While it is too much, leave out the folder with most in new files: what was installed or built, mostly."""
        folders = defaultdict[bytes, list[bytes]](list)
        for name in new:
            if b"/" in name and name in self.taken:
                folders[name.split(b"/")[0]].append(name)
        heavy = {name: _share(len(files), sum(self.taken[one] for one in files)) for name, files in folders.items()}
        while self.share > 1 and heavy:
            folder = max(heavy, key=heavy.__getitem__)
            del heavy[folder]
            size = sum(self.taken.pop(name) for name in folders[folder])
            why = f"its {len(folders[folder]):,} new files, {size:,} bytes, are too much for one commit"
            self.leave_out(folder + b"/", why)

    def leave_out(self, name: bytes, why: str) -> None:
        text = "".join(letter if letter.isprintable() else "\ufffd" for letter in name.decode(errors="replace"))
        self.left_out.append(f"{text if len(text) <= _NAME_LETTERS else f'{text[:_NAME_LETTERS]}…'}: {why}")

    def named(self) -> tuple[str, ...]:
        more = len(self.left_out) - SHOWN_MAX
        return (*self.left_out[:SHOWN_MAX], *([f"… and {more} more"] if more > 0 else []))


class ProjectCopy:
    """One attempt's."""

    def __init__(self, copy: Copy, *, folder: Path, ours: Path, mission: str, attempt: str) -> None:
        self.copy = copy
        self._folder = folder
        self._ours = ours
        self._context = frozenset[str]()
        self._branch = f"{BRANCHES}/{mission}"
        self._trailers = {"Haloop-Mission": mission, "Haloop-Attempt": attempt}

    async def lay_out(self) -> None:
        """Put the project there as it stood, with its history; nothing in it leads back to where it came from."""
        base, ref = self.copy.base, _BRANCH.format(self._branch)
        own = Git(folder=self._folder / ".git", tree=self._folder)
        self._folder.mkdir(parents=True)
        await _begin(own, base, ref)
        await own.does("symbolic-ref", "HEAD", ref)
        await own.does("reset", "--quiet", "--hard")
        self._context = await places_in(own, self._folder)
        await _begin(Git(folder=self._ours), base, _BASE, kind=["--bare"], depth=["--depth=1"])
        (self._ours / "info").mkdir()
        (self._ours / "info" / "attributes").write_text(_ATTRIBUTES)

    def closed(self) -> dict[str, Path]:
        """What of it an agent sees and cannot change, by its place in the project."""
        found = {name: self._folder / name for name in sorted(self._context)}
        return {name: path for name, path in found.items() if not path.is_symlink() and path.exists()}

    async def taken(self) -> Commit | None:
        """What was changed in it; none where nothing was."""
        if self._folder.is_symlink() or not self._folder.is_dir():
            raise CannotTake("What it left in the place of the project is no folder.")
        leavings = await asyncio.to_thread(looked_over, self._folder)
        git = Git(folder=self._ours, tree=self._folder, index=self._ours / "taken")
        base = self.copy.base.commit
        await git.does("read-tree", base)
        found = await self._found(git, leavings)
        await git.does("update-index", "-z", "--force-remove", "--stdin", given=_listed(found.gone))
        await self._add(git, found, list(found.taken))
        tree = (await git.does("write-tree")).text
        if tree == (await git.does("rev-parse", f"{base}^{{tree}}")).text:
            return None
        commit = await self._commit(git, tree)
        return Commit(
            branch=self._branch,
            commit=commit,
            bundle=(await git.does("bundle", "create", "--quiet", "-", self._branch, f"^{base}")).said,
            difference=await self._difference(git, commit),
            left_out=found.named(),
        )

    async def _found(self, git: Git, leavings: Leavings) -> _Found:
        """What is different, and may be a part of a commit."""
        found = _Found()
        for name in leavings.closed:
            found.leave_out(name, _CLOSED)
        odd = set(leavings.odd)
        for name in sorted(odd):
            found.leave_out(name, _NO_FILE)
        await self._look_at_submodules(git, found)
        await git.asks("update-index", "-q", "--refresh", "--ignore-submodules")
        known = await git.does("diff-files", "-z", "--name-status", "--no-renames", "--ignore-submodules=all")
        words = known.said.split(b"\0")[:-1]
        for status, name in zip(words[::2], words[1::2], strict=True):
            if name not in odd:
                self._look_at(found, name, is_gone=status == b"D")
        others = await git.does("ls-files", "-z", "--others", "--exclude-standard")
        new = others.said.split(b"\0")[:-1]
        for name in new:
            self._look_at(found, name, is_gone=False)
        found.lighten(new)
        if found.share > 1:
            raise CannotTake(
                f"It changed {len(found.taken) + len(found.gone):,} files in the project, "
                f"{sum(found.taken.values()):,} bytes; "
                f"a commit may have {FILES_MAX:,} and {ALL_BYTES_MAX:,}. Perhaps .gitignore leaves out too little."
            )
        return found

    def _look_at(self, found: _Found, name: bytes, *, is_gone: bool) -> None:
        if is_told(os.fsdecode(name), self._context):
            found.leave_out(name, "what the project tells agents stays as it was")
        elif not _is_text(name):
            found.leave_out(name, "its name is no text in UTF-8")
        elif is_gone:
            found.gone.append(name)
        elif name.endswith(b"/"):
            found.leave_out(name, "it is a repository of its own")
        else:
            left = self._left(name)
            if left is None:
                found.leave_out(name, _CLOSED)
            elif not stat.S_ISREG(left.st_mode) and not stat.S_ISLNK(left.st_mode):
                found.leave_out(name, _NO_FILE)
            elif left.st_size > FILE_BYTES_MAX:
                found.leave_out(name, f"it has {left.st_size:,} bytes, more than {FILE_BYTES_MAX:,}")
            else:
                found.taken[name] = left.st_size

    def _left(self, name: bytes) -> os.stat_result | None:
        """None where it lies in a folder whose mode lets nobody in."""
        try:
            return os.lstat(os.fsencode(self._folder) + b"/" + name)
        except OSError:
            return None

    async def _look_at_submodules(self, git: Git, found: _Found) -> None:
        """A copy has an empty folder for each; git itself says nothing of what is put into one, or in its place."""
        entries = (await git.does("ls-files", "-z", "--stage")).said.split(b"\0")
        for name in (entry.partition(b"\t")[2] for entry in entries if entry.startswith(_SUBMODULE)):
            if not _is_empty(self._folder / os.fsdecode(name)):
                found.leave_out(name, "it is a submodule, which stays as it was")

    async def _add(self, git: Git, found: _Found, names: Sequence[bytes]) -> None:
        """Add files; one that git cannot read, or whose name it does not take, costs none of the others."""
        added = await git.asks("update-index", "-z", "--add", "--replace", "--stdin", given=_listed(names))
        if added.is_yes:
            there = set((await git.does("ls-files", "-z")).said.split(b"\0"))
            for name in names:
                if name not in there:
                    found.leave_out(name, "git takes no file of this name")
        elif len(names) == 1:
            found.leave_out(names[0], "git cannot take it as it is")
        else:
            half = len(names) // 2
            await self._add(git, found, names[:half])
            await self._add(git, found, names[half:])

    async def _commit(self, git: Git, tree: str) -> str:
        trailers = "\n".join(f"{name}: {value}" for name, value in self._trailers.items())
        message = f"{' '.join(self.copy.title.split())}\n\n{trailers}\n"
        said = await git.does(
            "commit-tree", tree, "-p", self.copy.base.commit, given=message.encode(), told=_as_haloop()
        )
        await git.does("update-ref", _BRANCH.format(self._branch), said.text)
        return said.text

    async def _difference(self, git: Git, commit: str) -> Difference:
        between = ("-r", f"-l{_RENAMES_MAX}", "-M", "--no-ext-diff", "--no-textconv", "--no-color")
        raw = await git.does("diff-tree", *between, "-z", "--raw", "--no-abbrev", self.copy.base.commit, commit)
        patch = self._ours / "patch"
        await git.does(*_NO_LINES, "diff-tree", *between, "-p", f"--output={patch}", self.copy.base.commit, commit)
        return await asyncio.to_thread(_difference, raw.said, patch)


def _difference(raw: bytes, patch: Path) -> Difference:
    """Lines that went count for no bound of ours, so of all there are only as many are held as are kept."""
    with patch.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as lines:
        return read_difference(raw, lines)


async def _begin(git: Git, base: Base, ref: str, *, kind: Sequence[str] = (), depth: Sequence[str] = ()) -> None:
    """A repository that holds one commit of a project and what led to it, as far back as is said."""
    form = "sha256" if len(base.commit) > _SHA1_LETTERS else "sha1"
    await git.does("init", "--quiet", "--template=", f"--object-format={form}", *kind)
    how = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--update-shallow")
    trusting = git.folder / "trusting"
    trusting.write_text(_TRUSTING)
    told, place = {"GIT_CONFIG_GLOBAL": str(trusting)}, Path(base.project.path).as_uri()
    await git.does("fetch", *how, *depth, place, f"{base.commit}:{ref}", told=told)
    trusting.unlink()


def _is_empty(folder: Path) -> bool:
    try:
        return not folder.is_symlink() and not any(folder.iterdir())
    except OSError:  # another thing, or nothing
        return False


def _share(files: int, size: int) -> float:
    return max(files / FILES_MAX, size / ALL_BYTES_MAX)


def _as_haloop() -> Mapping[str, str]:
    return {f"GIT_{who}_{what}": said for who in ("AUTHOR", "COMMITTER") for what, said in _WHO.items()}


def _listed(names: Sequence[bytes]) -> bytes:
    return b"".join(name + b"\0" for name in names)


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
