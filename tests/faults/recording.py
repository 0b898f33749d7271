"""What a workload did to its disk, read from strace: every write with all its bytes, every sync, in order.

The process recorded is the shipped one; nothing stands between it and the system. Writes count when they
return, and so do syncs, so that a sync covers no write that was still under way.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tests.faults.disk import Create, Disk, Operation, Rename, Resize, Sync, Unlink, Write

CALLS = (
    *("openat", "pwrite64", "write", "ftruncate", "fallocate", "fsync", "fdatasync", "rename", "unlink"),
    # none of these is expected; seeing one means that this recorder has become blind
    *("creat", "pwritev", "pwritev2", "writev", "truncate", "renameat", "renameat2", "unlinkat", "link", "linkat"),
    *("sync_file_range", "syncfs", "sync", "copy_file_range", "sendfile", "splice"),
)
OPTIONS = ("-y", "-xx", "-s", str(4 * 1024 * 1024), f"--trace={','.join(CALLS)}")

_LINE = re.compile(r"(?P<thread>\d+) +(?P<rest>.*)")
_UNFINISHED = " <unfinished ...>"
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(?P<rest>.*)")
_DONE = re.compile(r"(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_ON_FILE = re.compile(r"\d+<(?P<path>[^>]*)>(?:, \"(?P<data>[^\"]*)\")?(?:\.\.\.)?(?P<numbers>.*)", re.DOTALL)
_NAMES = re.compile(r"\"((?:\\x[0-9a-f]{2})*)\"")


def read_recording(trace: Path, folder: Path) -> list[Operation]:
    """The operations below a folder, with paths relative to it."""
    disk, operations = Disk(), list[Operation]()
    for call, arguments, result in _calls(trace):
        for operation in _operations(call, arguments, result, folder):
            if isinstance(operation, Create) and disk.has(operation.path):
                continue  # it was opened, not made
            if isinstance(operation, Resize) and not disk.has(operation.path):
                continue
            disk.do(operation)
            operations.append(operation)
    return operations


def _calls(trace: Path) -> Iterator[tuple[str, str, int]]:
    """Completed calls that succeeded, in the order in which they returned."""
    begun: dict[str, str] = {}
    with trace.open(encoding="ascii") as lines:
        for line in lines:
            found = _LINE.match(line.rstrip("\n"))
            if found is None:
                continue
            thread, rest = found["thread"], found["rest"]
            if rest.endswith(_UNFINISHED):
                begun[thread] = rest.removesuffix(_UNFINISHED)
                continue
            resumed = _RESUMED.match(rest)
            done = _DONE.match(begun.pop(thread) + resumed["rest"] if resumed else rest)
            if done is not None and not done["result"].startswith("-"):
                yield done["call"], done["arguments"], int(done["result"])


def _operations(call: str, arguments: str, result: int, folder: Path) -> Iterator[Operation]:
    if call in ("rename", "unlink", "openat"):
        names = [_relative(name, folder) for name in _NAMES.findall(arguments)]
        if None not in names:
            yield from _on_names(call, [name for name in names if name is not None], arguments)
        return
    found = _ON_FILE.match(arguments)
    path = found and _relative(found["path"], folder)
    if found is None or path is None:
        return
    numbers = [int(number) for number in re.findall(r"-?\d+", found["numbers"])]
    data = _bytes(found["data"] or "")[:result]
    match call:
        case "pwrite64":
            yield Write(path, numbers[-1], data)
        case "write":
            yield Write(path, None, data)
        case "ftruncate":
            yield Resize(path, numbers[0])
        case "fallocate":
            yield Resize(path, numbers[-2] + numbers[-1], at_least=True)
        case "fsync" | "fdatasync":
            yield Sync(path)
        case _:
            raise RuntimeError(f"the recorder does not understand {call} on {path}")


def _on_names(call: str, names: list[str], arguments: str) -> Iterator[Operation]:
    match call, names:
        case "rename", [path, target]:
            yield Rename(path, target)
        case "unlink", [path]:
            yield Unlink(path)
        case "openat", [path]:
            if "O_CREAT" in arguments:
                yield Create(path)
            if "O_TRUNC" in arguments:
                yield Resize(path, 0)


def _relative(escaped: str, folder: Path) -> str | None:
    """A path below the folder; None for all others, and for memory that is shared by mapping it."""
    path = Path(_bytes(escaped).decode())
    if not path.is_relative_to(folder) or path.name.endswith(("-shm", "trace")):
        return None
    return os.fspath(path.relative_to(folder))


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))
