"""A small book beside the ledger in the home, such as that of letters: how it is opened, and says that it cannot be.

Nothing in one is a fact, and whoever moves it away loses little. It is in no backup, and one thread uses it.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import apsw

from haloop.kernel.errors import Corrupt, DiskFault, HomeUnusable, WrongVersion
from haloop.store.database import open_for_reading, open_for_writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One of them."""

    name: str
    """Its file's, and what its errors' codes begin with."""
    application_id: int
    versions: tuple[str, ...]
    """What each version added to the one before, as SQL; the last is ours."""
    without: str
    """What becomes of it all where the file is moved away."""
    once_well: str
    """What goes on once the disk works again."""

    @property
    def file(self) -> str:
        return f"{self.name}.db"

    def open(self, home: Path) -> apsw.Connection:
        """Open the file, made on first use and brought up to date; HomeUnusable where it is damaged, or of another."""
        path = home / self.file
        with self.faults_named():
            path.touch(mode=0o600)  # before there is anything in it; what SQLite lays beside it is as private
            try:
                self._bring_up_to_date(path)
                return self._open(path, len(self.versions))
            except (Corrupt, WrongVersion) as error:
                raise HomeUnusable(
                    f"{path} cannot be read: it is damaged, or of another version.",
                    code=f"{self.name}.damaged",
                    next_step=f"Move it away: {self.without}",
                ) from error

    def open_to_read(self, home: Path) -> apsw.Connection | None:
        """Read the file beside whoever writes it; nothing where there is none."""
        path = home / self.file
        if not path.exists():
            return None
        return open_for_reading(path, application_id=self.application_id, version=len(self.versions))

    @contextmanager
    def faults_named(self) -> Iterator[None]:
        """A fault of the disk has a name; it stops what needs the book, and nothing else."""
        try:
            yield
        except (apsw.Error, OSError) as error:
            raise DiskFault(
                f"{self.file} cannot be used: {type(error).__name__}.",
                code=f"{self.name}.disk",
                next_step=f"Look at the disk that holds the home; {self.once_well}",
            ) from error

    def _bring_up_to_date(self, path: Path) -> None:
        if path.stat().st_size == 0:
            return
        for version in range(1, len(self.versions)):
            with suppress(WrongVersion), closing(self._open(path, version)) as older, older:
                older.execute("".join(self.versions[version:]))
                older.execute(f"PRAGMA user_version={len(self.versions)}")
                return

    def _open(self, path: Path, version: int) -> apsw.Connection:
        schema = "".join(self.versions[:version])
        return open_for_writing(path, schema=schema, application_id=self.application_id, version=version)
