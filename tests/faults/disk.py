"""A disk that can lose power: what was written to it, and what may be left of that.

The model is harsher than most file systems. What a sync covered is there. Of everything since, each sector of
512 bytes may hold any of the versions it went through, whatever its neighbours hold; a truncation may have
happened or not; and a file that was created, renamed or deleted may still be found as before, until its
folder was synced, though the changes of one folder survive in their order. Not modelled: a new folder's own
entry in the folder above it, which is taken as durable, and a disk that lies about having synced.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from random import Random
from typing import TypeAlias

SECTOR = 512


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes put into a file; without an offset, at its end."""

    path: str
    offset: int | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """A file cut or extended to a size; `at_least` where it never shrinks."""

    path: str
    size: int
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Create:
    path: str


@dataclass(frozen=True, slots=True)
class Rename:
    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Unlink:
    path: str


@dataclass(frozen=True, slots=True)
class Sync:
    """A file's bytes or a folder's entries made durable."""

    path: str


Operation: TypeAlias = Write | Resize | Create | Rename | Unlink | Sync


@dataclass(slots=True, eq=False)
class _File:
    """A file, whatever it is called by now."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write | Resize] = field(default_factory=list)
    size: int = 0

    def change(self, change: Write | Resize) -> None:
        match change:
            case Write(path, None, data):
                change = Write(path, self.size, data)
                self.size += len(data)
            case Write(_, int(offset), data):
                self.size = max(self.size, offset + len(data))
            case Resize(path, size, True):
                change = Resize(path, max(size, self.size))
                self.size = max(size, self.size)
            case Resize(_, size):
                self.size = size
        self.pending.append(change)

    def sync(self) -> None:
        for change in self.pending:
            _apply(self.durable, change)
        self.pending.clear()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One change to a folder: a name now leads to a file, or to none."""

    path: str
    file: _File | None


class Disk:
    """The state of a disk between two operations."""

    def __init__(self) -> None:
        self._names: dict[str, _File] = {}
        self._durable_names: dict[str, _File] = {}
        self._pending_names: dict[str, list[tuple[_Entry, ...]]] = {}

    def do(self, operation: Operation) -> None:
        """Let one more operation happen."""
        match operation:
            case Write(path) | Resize(path):
                self._names[path].change(operation)
            case Create(path):
                self._rename([_Entry(path, _File())])
            case Rename(path, target):
                self._rename([_Entry(path, None), _Entry(target, self._names[path])])
            case Unlink(path):
                self._rename([_Entry(path, None)])
            case Sync(path) if path in self._names:
                self._names[path].sync()
            case Sync(folder):
                for change in self._pending_names.pop(folder, []):
                    _enter(self._durable_names, change)

    def has(self, path: str) -> bool:
        return path in self._names

    def lose_power(self, dice: Random, target: Path) -> None:
        """Write what is left of the files into a folder, as the dice have it."""
        names = dict(self._durable_names)
        luck = dice.choice(_LUCK)
        for changes in self._pending_names.values():
            for change in changes[: _survivors(dice, luck, len(changes))]:
                _enter(names, change)
        for path, file in names.items():
            place = target / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_remains(file, dice, luck))

    def _rename(self, entries: list[_Entry]) -> None:
        change = tuple(entries)
        _enter(self._names, change)
        folder = os.fspath(PurePath(change[0].path).parent)
        self._pending_names.setdefault(folder, []).append(change)


_LUCK = (0.0, 0.1, 0.5, 0.5, 0.5, 0.9, 1.0)
"""How likely each unsynced change survives; the extremes are the cuts that real machines see most."""


def _remains(file: _File, dice: Random, luck: float) -> bytearray:
    """What is left of a file: each sector in one of the versions it went through since the last sync."""
    left = bytearray(file.durable)
    touched = Counter(sector for change in file.pending if isinstance(change, Write) for sector in _sectors(change))
    kept = {sector: _survivors(dice, luck, times) for sector, times in touched.items()}
    for change in file.pending:
        if isinstance(change, Resize):
            if dice.random() < luck:
                _apply(left, change)
            continue
        for sector in _sectors(change):
            if kept[sector]:
                kept[sector] -= 1
                _apply(left, _piece(change, sector))
    return left


def _survivors(dice: Random, luck: float, number: int) -> int:
    return sum(dice.random() < luck for _ in range(number))


def _sectors(write: Write) -> Iterator[int]:
    assert write.offset is not None
    yield from range(write.offset // SECTOR, (write.offset + len(write.data) - 1) // SECTOR + 1)


def _piece(write: Write, sector: int) -> Write:
    """The part of a write that falls into one sector."""
    assert write.offset is not None
    first = max(write.offset, sector * SECTOR)
    last = min(write.offset + len(write.data), (sector + 1) * SECTOR)
    return Write(write.path, first, write.data[first - write.offset : last - write.offset])


def _apply(content: bytearray, change: Write | Resize) -> None:
    if isinstance(change, Resize):
        del content[change.size :]
        content.extend(bytes(change.size - len(content)))
        return
    assert change.offset is not None
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset : change.offset + len(change.data)] = change.data


def _enter(names: dict[str, _File], change: tuple[_Entry, ...]) -> None:
    for entry in change:
        if entry.file is None:
            names.pop(entry.path, None)
        else:
            names[entry.path] = entry.file
