"""A mission's folder: a faithful copy of what the ledger says, for people and programs that read files.

`missions/m-…/` has `mission.json`, `artifacts/`, `runs/r-….json` and `logs/`. Each file is written whole or not
at all, and all but the logs can be made again. What somebody wrote there by hand is never used and never overwritten:
it is told, and a person takes it up or puts back what was approved.
"""

import asyncio
import logging
import os
import shutil
import stat
import subprocess
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO

from haloop.desks.missions.mission import mission_of
from haloop.desks.missions.progress import Progress
from haloop.kernel.errors import DiskFault, HaloopError, Refused
from haloop.kernel.fact import Fact
from haloop.kernel.failure import StepFault
from haloop.kernel.ids import AccountId, RunId
from haloop.ports.models import Cost
from haloop.store.home import write_private
from haloop.wire.missions import MissionLog
from haloop.workshop.missions import Missions
from haloop.workshop.tail import tail_of
from haloop.workshop.telling import Written, log_of, meta, step_run

log = logging.getLogger("haloop.workshop")

FOLDER, ARTIFACTS, RUNS, LOGS, MISSION = "missions", "artifacts", "runs", "logs", "mission.json"
SEEN_BYTES_MAX = 1 << 20
"""So much is told of a file that was written by hand."""


class MissionFolder:
    """One mission's."""

    def __init__(self, home: Path, mission: str) -> None:
        self._path = home / FOLDER / mission

    def write(self, progress: Progress, contents: Mapping[str, bytes]) -> None:
        """Bring every file up to date; what somebody wrote by hand stays."""
        for folder in (self._path, *(self._path / below for below in (ARTIFACTS, RUNS, LOGS))):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in contents.items():
            if self._by_hand(progress, name) is None:
                _put(self._path / ARTIFACTS / name, content)
        for attempt in progress.attempts:
            told = step_run(attempt, attempt.use).model_dump_json(indent=2, exclude_none=True)
            _put(self._path / RUNS / f"{attempt.id}.json", f"{told}\n".encode())
        _put(self._path / MISSION, self._told(progress))  # the last: whoever sees it finds the rest

    def is_current(self, progress: Progress) -> bool:
        """Whether it says already what there is to say."""
        return _says(self._path / MISSION, self._told(progress))

    def by_hand(self, progress: Progress) -> dict[str, Written]:
        """What somebody wrote into this folder, by file; the ledger knows nothing of it."""
        found = {name: self._by_hand(progress, name) for name in progress.files}
        return {name: written for name, written in found.items() if written is not None}

    def written(self, progress: Progress, name: str, size_max: int = SEEN_BYTES_MAX) -> Written | None:
        """What somebody wrote into one file, as far as that; none where it is as the ledger has it."""
        return self._by_hand(progress, name, size_max) if name in progress.files else None

    def require_plain(self, name: str) -> None:
        """Refused where no file lies in a file's place: a folder or a pipe is neither read nor removed."""
        if self._is_no_file(name):
            raise Refused(
                f"What lies in the folder as {name} is no file.",
                code="mission.no_file",
                next_step=f"Take it away: {self._path / ARTIFACTS / name}",
            )

    def put_back(self, progress: Progress, name: str, content: bytes, seen: str) -> Written | None:
        """Have a file say this instead of what was seen of it; DiskFault where that cannot be.

        Answered is what is there by hand all the same: somebody wrote since it was seen, and it stays.
        """
        self.require_plain(name)
        try:
            _exchange(self._path / ARTIFACTS / name, content, may_go={seen, *progress.versions.get(name, ())})
        except OSError as error:
            raise DiskFault(f"{name} cannot be put back: {error.strerror}.") from error
        return self.written(progress, name)

    def log(self, progress: Progress, costs: Mapping[str, Cost]) -> MissionLog:
        """The last lines that the newest attempt wrote, only their words, and what it used so far."""
        if not progress.attempts:
            return MissionLog()
        attempt = progress.attempts[-1]
        told = log_of(attempt, costs.get(attempt.id))
        file = _opened(self._path / LOGS / f"{attempt.id}.log")
        if file is None:
            return told
        with file:
            tail = tail_of(file)
        return told.model_copy(update={"tail": tail.text, "bytes_before": tail.bytes_before})

    def remove(self) -> None:
        """By the system's own program: folders in folders without end stop Python's."""
        subprocess.run(["rm", "-rf", "--", self._path], check=False, capture_output=True)  # noqa: S603, S607  # a folder of ours

    def _is_no_file(self, name: str) -> bool:
        """Whether something lies in a file's place that is neither a file nor a link."""
        try:
            mode = (self._path / ARTIFACTS / name).lstat().st_mode
        except OSError:  # nothing is there
            return False
        return not (stat.S_ISREG(mode) or stat.S_ISLNK(mode))

    def _told(self, progress: Progress) -> bytes:
        return f"{meta(progress).model_dump_json(indent=2, exclude_none=True)}\n".encode()

    def _by_hand(self, progress: Progress, name: str, size_max: int = SEEN_BYTES_MAX) -> Written | None:
        """What a file says that the ledger never said, as far as it is told; none where it is ours, or not there."""
        if self._is_no_file(name):
            return Written(b"", sha256().hexdigest())
        written = _read(self._path / ARTIFACTS / name, size_max)
        return None if written is None or written.digest in progress.versions.get(name, ()) else written


class MissionFolders:
    """All of a home's, kept up to date."""

    def __init__(self, missions: Missions) -> None:
        self._missions = missions
        self._changed: dict[RunId, AccountId] = {}
        self._wake = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Bring every folder up to date, and keep it so until the end of the block."""
        engine = self._missions.engine
        engine.watch(self._hear)
        engine.watch_erasures(self._forget)
        task = asyncio.create_task(self._again_and_again(), name="mission folders")
        try:
            yield
        finally:
            engine.unwatch(self._hear)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if self._writing is not None:
                await self._writing
            await self._write_all()

    def _hear(self, account: AccountId, run: RunId, _fact: Fact) -> None:
        if self._missions.known.follows(account, run):
            self._changed[run] = account
            self._wake.set()

    def _forget(self, account: AccountId, run: RunId) -> None:
        self._changed[run] = account  # what is being written at this moment goes with the next look
        self._wake.set()

    async def _again_and_again(self) -> None:
        await self._look_at_all()
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._write_all()

    async def _write_all(self) -> None:
        """What is being written is written to its end: whoever stops in between would lose it."""
        for run, account in self._taken():
            self._writing = asyncio.create_task(self._bring_up_to_date(account, run))
            await asyncio.shield(self._writing)

    async def _look_at_all(self) -> None:
        """Those that are behind, or gone."""
        try:
            for account in await self._missions.ledger.accounts():
                for one in await self._missions.known.of_account(account):
                    folder = MissionFolder(self._missions.home, one.mission)
                    if not await asyncio.to_thread(folder.is_current, one):
                        self._changed[one.run] = account
            self._wake.set()
        except HaloopError as error:
            log.warning("missions cannot be looked through", extra={"code": error.code})

    def _taken(self) -> Iterator[tuple[RunId, AccountId]]:
        while self._changed:
            yield self._changed.popitem()

    async def _bring_up_to_date(self, account: AccountId, run: RunId) -> None:
        try:
            async with self._missions.writing:
                await self._write(account, run)
        except (HaloopError, StepFault, OSError) as error:
            log.warning("a mission's folder is behind", extra={"code": getattr(error, "code", type(error).__name__)})

    async def _write(self, account: AccountId, run: RunId) -> None:
        progress = await self._missions.known.of_run(account, run)
        folder = MissionFolder(self._missions.home, mission_of(run))
        if progress is None:  # it was erased
            await asyncio.to_thread(folder.remove)
            return
        contents = await self._missions.bytes_of(account, progress)
        await asyncio.to_thread(folder.write, progress, contents)


def _opened(file: Path) -> BinaryIO | None:
    """A plain file to be read; none where there is none. No link is followed, and no pipe is waited for."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # it is not there, or a link
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    return None


def _read(file: Path, size_max: int) -> Written | None:
    """What a plain file says, as far as that, and the hash of all of it; none where there is none."""
    opened = _opened(file)
    if opened is None:
        return None
    with opened:
        said, digest = opened.read(size_max), sha256()
        digest.update(said)
        while piece := opened.read(SEEN_BYTES_MAX):
            digest.update(piece)
    return Written(said, digest.hexdigest())


def _exchange(place: Path, content: bytes, *, may_go: Collection[str]) -> None:
    """Put this in a file's place where what lies there has one of these hashes.

    Somebody may be writing still. So it is taken away first, and looked at where nobody finds it by its name; and
    nothing that was put into its place meanwhile is written over.
    """
    beside = Path(mkdtemp(prefix=".put-back-", dir=place.parent))
    stands, taken = beside / "stands", beside / "taken"
    try:
        write_private(stands, content)
        with suppress(FileNotFoundError):  # somebody removed it
            place.rename(taken)
        if _is_gone(taken) or ((read := _read(taken, 0)) is not None and read.digest in may_go):
            _lay(stands, place)
            taken.unlink(missing_ok=True)
    finally:
        with suppress(OSError):  # nothing is left of it
            _lay(taken, place)
        if _is_gone(taken):  # else both are somebody's: the later is in its place, and this one stays here
            shutil.rmtree(beside, ignore_errors=True)


def _lay(file: Path, place: Path) -> None:
    """Give a file a place that is free; one that somebody put there stays, over which a rename would go."""
    try:
        os.link(file, place, follow_symlinks=False)
        file.unlink()
    except FileExistsError:
        return
    except OSError:  # a folder has no second name, and on some disks nothing has
        if _is_gone(place):
            file.rename(place)


def _is_gone(file: Path) -> bool:
    """Whether nothing lies there, and be it a link that leads nowhere."""
    return not os.path.lexists(file)


def _says(path: Path, content: bytes) -> bool:
    file = _opened(path)
    if file is None:
        return False
    with file:
        return file.read() == content


def _put(file: Path, content: bytes) -> None:
    """Write a file unless it says just this; a link that lies in its place is replaced, not followed."""
    if _says(file, content):
        return
    try:
        write_private(file, content)
    except OSError as error:  # something that is no file lies there; the others are written all the same
        log.warning("a file of a mission cannot be written", extra={"code": type(error).__name__})
