"""What runs in a sandbox without a daemon, written down, so that the next start finds what a crash left behind.

A record is there as a whole or not at all, and of each name once: whoever comes second with the same name is told.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from haloop.connectors.sandboxes.cgroups import Group
from haloop.connectors.sandboxes.processes import Known
from haloop.kernel import canonical


class Record(BaseModel):
    """One sandbox: its first process, and the groups that hold it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    labels: Mapping[str, str]
    pid: int
    started: int
    boot: str
    groups: list[str]

    @classmethod
    def of(cls, name: str, labels: Mapping[str, str], first: Known, group: Group | None) -> "Record":
        groups = [str(folder) for folder in group.folders] if group else []
        labels = dict(labels)
        return cls(name=name, labels=labels, pid=first.pid, started=first.started, boot=first.boot, groups=groups)

    @property
    def first(self) -> Known:
        return Known(pid=self.pid, started=self.started, boot=self.boot)

    @property
    def group(self) -> Group:
        return Group(tuple(Path(folder) for folder in self.groups))


class Records:
    """The folder they lie in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, record: Record) -> None:
        """Write one down; FileExistsError where there is one of its name."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._folder / f"{record.name}.{record.pid}.part"
        try:
            part.write_bytes(canonical.encode(record.model_dump()))
            os.link(part, self._path(record.name))
        finally:
            part.unlink(missing_ok=True)

    def read(self, name: str) -> Record | None:
        """The one of this name; one that cannot be read is none, and is in nobody's way."""
        path = self._path(name)
        try:
            return Record.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            path.unlink(missing_ok=True)
            return None

    def all(self) -> Iterator[Record]:
        with suppress(FileNotFoundError):
            for path in sorted(self._folder.glob("*.json")):
                record = self.read(path.stem)
                if record is not None:
                    yield record

    def forget(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
