"""The instruments of the power-cut row: a recorder that missed a write, or a disk that kept what was never
synced, would make every cut look survivable."""

import os
import shutil
from pathlib import Path
from random import Random

import pytest

from tests.faults.disk import Create, Disk, Operation, Rename, Resize, Sync, Write
from tests.faults.recording import OPTIONS, read_recording
from tests.faults.tracing import Day
from tests.faults.workload import Shape


@pytest.mark.faults
@pytest.mark.skipif(
    shutil.which("strace") is None and os.environ.get("CI") != "true",
    reason="THE RECORDER WAS NOT TRIED: strace is missing",
)
def test_a_recording_replayed_in_full_gives_the_very_files(tmp_path: Path) -> None:
    """After a workload was recorded, replaying its operations writes every file of the home byte for byte."""
    lived = tmp_path / "lived"
    trace = Day(shape=Shape(), before=None).record(lived, None, OPTIONS)
    operations = read_recording(trace, lived)
    everything = [Sync(path) for path in _paths_and_folders(operations)]

    _lose_power([*operations, *everything], tmp_path / "replayed")

    assert _contents(tmp_path / "replayed") == _contents(lived)


@pytest.mark.parametrize("seed", range(20))
def test_what_was_synced_survives_and_nothing_else_is_promised(tmp_path: Path, seed: int) -> None:
    """A file and its folder were synced, then written over, cut and renamed: the power cut leaves no third version."""
    old, new = b"o" * 2048, b"n" * 1024
    synced: list[Operation] = [Create("home/file"), Write("home/file", 0, old), Sync("home/file"), Sync("home")]
    unsynced: list[Operation] = [Write("home/file", 512, new), Rename("home/file", "home/renamed")]

    _lose_power([*synced, *unsynced], tmp_path, seed)

    ((name, content),) = _contents(tmp_path).items()
    assert name in ("home/file", "home/renamed")
    assert content[:512] + content[1536:] == old[:1024]
    assert {content[512:1024], content[1024:1536]} <= {old[:512], new[:512]}


@pytest.mark.parametrize("seed", range(20))
def test_a_file_without_any_sync_may_be_lost_but_is_never_invented(tmp_path: Path, seed: int) -> None:
    """A file was made, filled and cut, and nothing was synced: whatever is left of it is a piece of that."""
    operations: list[Operation] = [Create("home/file"), Write("home/file", 0, b"x" * 1024), Resize("home/file", 512)]

    _lose_power(operations, tmp_path, seed)

    assert _contents(tmp_path).get("home/file", b"").strip(b"x\0") == b""


def _lose_power(operations: list[Operation], target: Path, seed: int = 0) -> None:
    disk = Disk()
    for operation in operations:
        disk.do(operation)
    disk.lose_power(Random(seed), target)


def _paths_and_folders(operations: list[Operation]) -> list[str]:
    paths = {operation.target if isinstance(operation, Rename) else operation.path for operation in operations}
    return [*paths, *{str(Path(path).parent) for path in paths}]


def _contents(folder: Path) -> dict[str, bytes]:
    """Every file but memory that is shared by mapping, and the recording itself."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "trace"))
    }
