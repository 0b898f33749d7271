"""What is different in a commit: each file, and its lines, as git told them once.

They are kept as git wrote them, so that reading them later takes no repository and starts no program.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from mmap import mmap
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

FOLDED_LINES = 400
"""A file with more different lines is folded until somebody opens it."""
SECTION_BYTES_MAX, PATCH_BYTES_MAX = 2 << 20, 32 << 20
"""What is larger, of one file or of all, is seen in the bundle alone."""
LINES_MAX = 10_000
_LINE_LETTERS = 2_000
_LINK, _PROGRAM, _NOTHING = "120000", "100755", "000000"
_LOCKS = frozenset(
    {
        *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"),
        *("uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "Cargo.lock", "go.sum", "composer.lock"),
        *("Gemfile.lock", "mix.lock", "flake.lock", "gradle.lockfile", "packages.lock.json"),
    }
)
_BEGINS = re.compile(rb"^diff --git ", re.MULTILINE)
_HUNK = re.compile(rb"^@@ -\d", re.MULTILINE)
_LONG = re.compile(rb"^.{%d,}$" % (_LINE_LETTERS + 1), re.MULTILINE)
_BINARY = re.compile(rb"^(Binary files |GIT binary patch)", re.MULTILINE)


class Kind(StrEnum):
    """What became of a file."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"
    RENAMED = "renamed"


_KINDS = {"A": Kind.ADDED, "D": Kind.DELETED, "R": Kind.RENAMED}


class FileChange(BaseModel):
    """One file, and where its lines stand in what git wrote."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    before: str | None = None
    """What it was called."""
    kind: Kind
    added: Annotated[int, Field(ge=0)]
    removed: Annotated[int, Field(ge=0)]
    is_binary: bool
    is_link: bool
    runs: bool | None = None
    """Whether it may be run as a program now; none where that is as it was."""
    is_folded: bool
    """Whether a page shows its lines only when asked."""
    is_kept: bool
    """Whether its lines are there to be shown."""
    is_whole: bool = True
    """Whether all of them are, each to its end."""
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All that is different."""

    files: tuple[FileChange, ...]
    patch: bytes

    @property
    def added(self) -> int:
        return sum(one.added for one in self.files)

    @property
    def removed(self) -> int:
        return sum(one.removed for one in self.files)

    @property
    def not_shown_whole(self) -> int:
        """Files of which there is more than anybody is shown."""
        return sum(not one.is_whole for one in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """Lines that stand together, each with a sign before it: what came, what went, and what stayed around them."""

    begins: str
    lines: tuple[str, ...]
    is_cut: bool
    """Whether one of them goes on where nobody sees it."""


_LISTING: TypeAdapter[tuple[FileChange, ...]] = TypeAdapter(tuple[FileChange, ...])


def read_difference(raw: bytes, patch: bytes | mmap) -> Difference:
    """As `git diff-tree` told it: the files by `--raw -z`, and their lines by `-p`."""
    sections, kept, files = _sections(patch), bytearray(), list[FileChange]()
    for one in _told(raw):
        parts = [next(sections) for _ in range(2 if one.is_retyped else 1)]
        section, (added, removed) = b"".join(parts), _counted(parts)
        is_kept = len(section) <= SECTION_BYTES_MAX and len(kept) + len(section) <= PATCH_BYTES_MAX
        files.append(
            FileChange(
                path=one.path,
                before=one.before,
                kind=_KINDS.get(one.status, Kind.CHANGED),
                added=added,
                removed=removed,
                is_binary=any(_BINARY.search(part) for part in parts),
                is_link=one.is_link,
                runs=one.runs,
                is_folded=not is_kept or added + removed > FOLDED_LINES or PurePosixPath(one.path).name in _LOCKS,
                is_kept=is_kept,
                is_whole=is_kept and _can_be_shown(parts),
                start=len(kept),
                end=len(kept) + (len(section) if is_kept else 0),
            )
        )
        kept += section if is_kept else b""
    return Difference(files=tuple(files), patch=bytes(kept))


def as_listing(files: Iterable[FileChange]) -> bytes:
    return _LISTING.dump_json(tuple(files))


def read_listing(content: bytes) -> tuple[FileChange, ...]:
    return _LISTING.validate_json(content)


def hunks_of(told: bytes) -> Iterator[Hunk]:
    """A file's lines, as many as anybody reads, of what git told of it."""
    left = LINES_MAX
    for section in _sections(told):
        for hunk in _hunks(section):
            begins, *lines = hunk.removesuffix(b"\n").split(b"\n")[: left + 1]
            left -= len(lines)
            yield Hunk(begins=_seen(begins), lines=tuple(map(_seen, lines)), is_cut=any(map(_is_cut, lines)))
            if left <= 0:
                return


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    status: str
    path: str
    before: str | None
    is_link: bool
    runs: bool | None
    is_retyped: bool
    """Of a file that became a link, or the other way round, git tells as of two."""


def _told(raw: bytes) -> Iterator[_Told]:
    words = iter(raw.decode(errors="replace").split("\0"))
    for head in words:
        if not head.startswith(":"):
            return
        old_mode, new_mode, _, _, status = head[1:].split(" ")
        before = next(words) if status[0] in "RC" else None
        yield _Told(
            status=status[0],
            path=next(words),
            before=before,
            is_link=_LINK in (old_mode, new_mode),
            runs=_runs(old_mode, new_mode),
            is_retyped=status[0] == "T",
        )


def _runs(old_mode: str, new_mode: str) -> bool | None:
    runs = new_mode == _PROGRAM
    return runs if runs != (old_mode == _PROGRAM) and new_mode != _NOTHING else None


def _sections(patch: bytes | mmap) -> Iterator[bytes]:
    """Git's words on one file after the other; inside them no line begins as they do."""
    return _split(_BEGINS, patch)


def _hunks(section: bytes) -> Iterator[bytes]:
    return _split(_HUNK, section)


def _split(begins: re.Pattern[bytes], text: bytes | mmap) -> Iterator[bytes]:
    starts = [found.start() for found in begins.finditer(text)]
    yield from (text[start:end] for start, end in pairwise([*starts, len(text)]))


def _counted(parts: Iterable[bytes]) -> tuple[int, int]:
    """How many lines came, and how many went."""
    hunks = [hunk for part in parts for hunk in _hunks(part)]
    return sum(hunk.count(b"\n+") for hunk in hunks), sum(hunk.count(b"\n-") for hunk in hunks)


def _can_be_shown(parts: Iterable[bytes]) -> bool:
    """Whether what is different are lines, no more of them than are shown, and none that is cut."""
    parts = list(parts)
    lines = sum(hunk.count(b"\n") - 1 for part in parts for hunk in _hunks(part))
    is_cut = any(_is_cut(line) for part in parts for line in _LONG.findall(part))
    return lines <= LINES_MAX and not is_cut and not any(_BINARY.search(part) for part in parts)


def _is_cut(line: bytes) -> bool:
    return len(line.decode(errors="replace")) > _LINE_LETTERS


def _seen(line: bytes) -> str:
    """What nobody can see becomes a sign."""
    text = line[: 4 * _LINE_LETTERS].decode(errors="replace")
    shown = "".join(letter if letter.isprintable() or letter == "\t" else "\ufffd" for letter in text[:_LINE_LETTERS])
    return shown if len(text) <= _LINE_LETTERS else f"{shown}…"
