"""Bubblewrap alone: what no daemon remembers, and machines that give fewer limits."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from shlex import quote
from tempfile import TemporaryDirectory

import pytest

from haloop.connectors.sandboxes import bubblewrap, nameless
from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.connectors.sandboxes.cgroups import place_of
from haloop.connectors.sandboxes.paused import Paused
from haloop.connectors.sandboxes.processes import Known, memory_of
from haloop.connectors.sandboxes.records import Record, Records
from haloop.ports.sandboxes import CannotStart, End, Limits, Network, Over, Work
from tests.connectors.sandboxes.conftest import require
from tests.connectors.sandboxes.outside import ENDLESS, SECONDS_MAX, Place

ONLY = pytest.mark.parametrize("place", ["bubblewrap"], indirect=True)
STARTS_ONE_AND_WAITS = """
import asyncio, sys
from pathlib import Path
from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.ports.sandboxes import Work

async def main():
    folder, instance, script = Path(sys.argv[1]), *sys.argv[2:]
    work = Work(name="one", labels={}, command=("sh", "-c", script), folder=folder / "mission")
    sandbox = await Bubblewrap(folder / "runtime", instance).start(work)
    print((await sandbox.talks.readline()).decode(), end="", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""

CALLS = """
import ctypes, errno, platform
keys = (248, 249, 250) if platform.machine() == "x86_64" else (217, 218, 219)
for name, number in zip(("add_key", "request_key", "keyctl", "rings"), (*keys, 425)):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(number, 0, -3, 1, 0, 0)
    print(name, errno.errorcode[ctypes.get_errno()])
"""
DELETES = """
import ctypes, os, signal, threading, time
libc = ctypes.CDLL(None)
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mmap.restype = ctypes.c_void_p
def deleted(name):
    file = open(name, "w+b", 0)
    os.unlink(name)
    file.write(bytes(20 << 20))
    return file
def in_memory(file, size=20 << 20):
    assert libc.mmap(None, size, 1, 1, file.fileno(), 0) < 1 << 63
    return file
def end_the_first_thread():
    libc.syscall(60 if os.uname().machine == "x86_64" else 93, 0)
"""
KEEPS = {
    "open": "held = [deleted(name) for name in 'abc']",
    "in memory": "[in_memory(deleted(name)).close() for name in 'abc']",
    "in memory by a name of two lines": "[in_memory(deleted(name + '\\x0c0-1 r 0')).close() for name in 'abc']",
    "open and a page in memory": "held = [in_memory(deleted(name), 4096) for name in 'abc']",
    "open to one thread alone": """
def hold():
    assert libc.unshare(0x400) == 0
    held = [deleted(name) for name in 'abc']
    signal.pause()
threading.Thread(target=hold).start()""",
    "after its first thread": """
def hold():
    held = [deleted(name) for name in 'abc']
    signal.pause()
threading.Thread(target=hold).start()
end_the_first_thread()""",
    "in memory after its first thread": """
def hold():
    [in_memory(deleted(name)).close() for name in 'abc']
    signal.pause()
threading.Thread(target=hold).start()
end_the_first_thread()""",
    "from one process to the next": """
for _ in range(60):
    if os.fork() == 0:
        slow = [os.dup(0) for _ in range(200)]
        signal.pause()
if os.fork() == 0:
    held = [deleted(name) for name in 'abc']
    while os.fork() == 0:
        time.sleep(0.001)
    os._exit(0)""",
}
"""Ways to hold 60 megabytes of files without a name."""
TOLD_BY_ROOT_ALONE = {name for name in KEEPS if name.startswith("in memory")}
LETS_BE = {
    "a child that has ended": "if os.fork() == 0: os._exit(0)",
    "many children": "[os.system('true') for _ in range(300)]",
    "a process closed to us": "assert libc.prctl(4, 0, 0, 0, 0) == 0",
    "a file that only sounds deleted": """
file = open("a (deleted)", "w+b", 0)
file.write(bytes(20 << 20))
in_memory(file).close()""",
    "a large file with nothing in it": """
file = open("a", "w+b", 0)
os.unlink("a")
file.truncate(100 << 20)
in_memory(file, 100 << 20).close()""",
    "memory that is no file": """
file = open(os.memfd_create("a"), "w+b", 0)
file.write(bytes(60 << 20))
scratch = open("/dev/shm/a", "wb", 0)
os.unlink("/dev/shm/a")
scratch.write(bytes(60 << 20))""",
}
"""What ordinary programs do, and hold less than they may."""
RUNS_ONE = """
import asyncio, concurrent.futures.thread, encodings.idna, os, sys
from datetime import timedelta
from pathlib import Path
from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.ports.sandboxes import Limits, Work

async def main():
    folder, script = Path(sys.argv[1]), sys.argv[2]
    limits = Limits(folder_bytes=32 << 20, time=timedelta(seconds=20))
    work = Work(name="one", labels={}, command=("python3", "-c", script), folder=folder / "mission", limits=limits)
    sandbox = await Bubblewrap(folder / "runtime", sys.argv[3]).start(work)
    print((await sandbox.complains.read()).decode(), (await sandbox.over()).end)

if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
asyncio.run(main())
"""
"""A program in a sandbox of somebody who is not root."""


async def test_killed_with_us_and_found_by_the_next_start(tmp_path: Path) -> None:
    """When our process is killed nothing of the program runs on, and the next start clears what we wrote of it."""
    (tmp_path / "mission").mkdir()
    instance = token_hex(4)  # whoever else runs this on this machine has another
    script = f"(setsid sh -c '{ENDLESS}' &); echo ready; {ENDLESS}"
    ours = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STARTS_ONE_AND_WAITS, str(tmp_path), instance, script), stdout=subprocess.PIPE
    )
    assert ours.stdout is not None
    assert await ours.stdout.readline() == b"ready\n"
    record = Records(tmp_path / "runtime").read("one")
    assert record is not None
    async with asyncio.timeout(SECONDS_MAX):
        while len(running := in_namespace_of(record.pid)) < 4:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)

    ours.kill()
    await ours.wait()

    async with asyncio.timeout(SECONDS_MAX):
        while any(running := [pid for pid in running if namespace(pid)]):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)
    after = Bubblewrap(tmp_path / "runtime", instance)
    (left,) = await after.left()
    assert not left.is_running
    await after.remove("one")
    assert await after.left() == []
    assert not any(Path(folder).exists() for folder in record.groups)


async def test_another_process_with_its_number_is_left_alone(tmp_path: Path) -> None:
    """A record whose process ended and whose number somebody else has by now kills nobody."""
    other = await asyncio.create_subprocess_exec("sleep", "60")
    records = Records(tmp_path)
    was = Known.of(other.pid)
    records.add(Record.of("one", {}, Known(pid=was.pid, started=was.started - 1, boot=was.boot), None))

    await Bubblewrap(tmp_path, "a").remove("one")

    assert records.read("one") is None
    assert other.returncode is None
    other.kill()
    await other.wait()


@ONLY
async def test_a_running_one_of_an_earlier_start_is_ended(place: Place, tmp_path: Path) -> None:
    """A program that somehow runs on is ended, with all it started, by whoever removes it after a restart."""
    sandbox = await place.start(f"(setsid sh -c '{ENDLESS}' &); echo ready; {ENDLESS}")
    await sandbox.talks.readline()

    await Bubblewrap(tmp_path / "runtime", "a").remove("one")

    assert (await sandbox.over()).exit_code == 128 + signal.SIGKILL
    assert await place.sandboxes.left() == []


@ONLY
async def test_there_is_no_network_to_be_had(place: Place) -> None:
    """A program that asks for the internet is refused: here it would come with all that listens on this machine."""
    with pytest.raises(CannotStart, match="network"):
        await place.start("true", network=Network.BRIDGE)


async def test_a_machine_whose_calls_are_not_known_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the filter would refuse all that a program asks, bubblewrap does not start and says on what."""
    require("bubblewrap")
    here = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*here[:4], "s390x")))

    with pytest.raises(CannotStart, match="no filter of system calls for s390x"):
        await Bubblewrap(tmp_path, "a").check()


@ONLY
async def test_the_keys_of_our_session_are_not_there(place: Place) -> None:
    """What lies in the keyring of the session we were started in can be neither used nor listed, by any call for it."""
    ran = await place.run(f"cat /proc/keys /proc/key-users 2>/dev/null; {python(CALLS)}")

    assert ran.said.split() == ["add_key", "ENOSYS", "request_key", "ENOSYS", "keyctl", "ENOSYS", "rings", "ENOSYS"]


@ONLY
@pytest.mark.parametrize("keeps", KEEPS)
async def test_what_it_deletes_and_keeps_takes_room_too(place: Place, keeps: str) -> None:
    """Files without a name are its folder's for as long as it holds them."""
    if keeps in TOLD_BY_ROOT_ALONE and os.geteuid() != 0:
        pytest.skip("only root is told how large a file in memory is")
    limits = Limits(folder_bytes=32 << 20, time=timedelta(seconds=20))

    ran = await place.run(python(f"{DELETES}\n{KEEPS[keeps]}\nsignal.pause()"), limits=limits)

    assert ran.complained == ""
    assert ran.over == Over(end=End.OUT_OF_ROOM, exit_code=None)


@pytest.mark.parametrize("keeps", [name for name in KEEPS if name not in TOLD_BY_ROOT_ALONE])
async def test_what_is_kept_open_counts_without_root_too(keeps: str) -> None:
    """Whoever runs Haloop as a user of its own is told how large an open file is, and that is what counts."""
    assert await ended_without_root(f"{DELETES}\n{KEEPS[keeps]}\nsignal.pause()") == "out_of_room"


@ONLY
@pytest.mark.parametrize("does", LETS_BE)
async def test_no_ordinary_program_is_ended_by_the_look(place: Place, does: str) -> None:
    """Whatever else a process does, only what takes room on the disk is held against it."""
    script = f"{DELETES}\n{LETS_BE[does]}\ntime.sleep(1)"

    ran = await place.run(python(script), limits=Limits(folder_bytes=32 << 20, processors=2))

    assert ran.complained == ""
    assert ran.over == Over(end=End.EXITED, exit_code=0)


@pytest.mark.parametrize("does", LETS_BE)
async def test_no_ordinary_program_is_ended_without_root(does: str) -> None:
    """Nor where the kernel lets us look at less: what is closed to us counts nothing."""
    assert await ended_without_root(f"{DELETES}\n{LETS_BE[does]}\ntime.sleep(1)") == "exited"


@ONLY
async def test_a_look_ends_however_much_is_open(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands behind the bound is not looked at, takes none of our time, and ends nobody."""
    monkeypatch.setattr(nameless, "LOOKED_AT_MAX", 5)
    script = f"{DELETES}\n{KEEPS['open']}\ntime.sleep(1)"

    ran = await place.run(python(script), limits=Limits(folder_bytes=32 << 20))

    assert ran.over == Over(end=End.EXITED, exit_code=0)


async def test_memory_is_counted_of_one_whose_first_thread_has_ended() -> None:
    """What is left of it has all of its memory still."""
    holds = "held = b'x' * (60 << 20); print('ready', flush=True); end_the_first_thread()"
    script = f"{DELETES}\nthreading.Thread(target=signal.pause).start(); {holds}"
    one = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
    assert one.stdout is not None
    await one.stdout.readline()
    async with asyncio.timeout(SECONDS_MAX):
        while Path(f"/proc/{one.pid}/statm").read_text().split()[1] != "0":  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)

    assert memory_of(one.pid) > 60 << 20

    one.kill()
    await one.wait()


@ONLY
async def test_what_is_deleted_and_let_go_is_free_again(place: Place) -> None:
    """A program that makes much and keeps little works on."""
    script = f"{DELETES}\nfor _ in range(50): deleted('a').close()\nprint('on')"

    ran = await place.run(python(script), limits=Limits(folder_bytes=32 << 20))

    assert ran.said == "on\n"
    assert ran.over.exit_code == 0


@ONLY
async def test_what_it_is_given_is_in_no_list_of_processes(place: Place) -> None:
    """Its environment is not on a command line, which everybody on this machine may read."""
    sandbox = await place.start(f"echo ready; {ENDLESS}", environment={"GIVEN": "not-for-all"})
    await sandbox.talks.readline()

    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert any(b"bwrap" in line for line in lines)
    assert not any(b"not-for-all" in line for line in lines)


def test_groups_of_the_second_version_are_laid_out_as_the_kernel_does(tmp_path: Path) -> None:
    """Where one hierarchy has all controllers, one folder below our group holds all limits."""
    ours, own = tmp_path / "cgroup", tmp_path / "root" / "haloop.service"
    ours.write_text("0::/haloop.service\n")
    own.mkdir(parents=True)
    (own / "cgroup.subtree_control").write_text("cpu memory pids\n")

    group = place_of("one", root=tmp_path / "root", ours=ours)

    assert group is not None
    assert group.folders == (own / "one",)


def test_without_the_controllers_there_is_no_group(tmp_path: Path) -> None:
    """Where the kernel would hold a program to some limits only, none is claimed."""
    ours = tmp_path / "cgroup"
    ours.write_text("0::/\n")
    (tmp_path / "cgroup.subtree_control").write_text("cpu pids\n")

    assert place_of("one", root=tmp_path, ours=ours) is None


async def test_one_that_is_gone_before_it_is_known_did_not_start(tmp_path: Path) -> None:
    """Whoever is killed between its number and its name cannot start, and says so as anything else that does not."""
    work = Work(name="one", labels={}, command=("true",), folder=tmp_path)
    paused = await Paused.start(work)
    while not (children := Known.of(paused.process.pid).children()):  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.01)
    os.kill(children[0], signal.SIGKILL)
    await paused.ended

    with pytest.raises(CannotStart):
        await paused.first_process()
    await paused.end()


async def test_without_a_group_its_share_of_the_time_is_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each process is limited by itself, one that has worked for as long as it may is out of time."""
    require("bubblewrap")
    monkeypatch.setattr(bubblewrap, "place_of", lambda _: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    place = Place(Bubblewrap(tmp_path / "runtime", "a"), tmp_path)

    ran = await place.run("while :; do :; done", limits=Limits(processors=0.1, time=timedelta(seconds=10)))

    assert ran.over == Over(end=End.OUT_OF_TIME, exit_code=128 + signal.SIGKILL)


async def ended_without_root(script: str) -> str:
    """How a program ended in a sandbox of somebody who is not root; all it complained of, before that."""
    require("bubblewrap")
    with TemporaryDirectory() as made:
        (Path(made) / "mission").mkdir()
        for folder in (made, f"{made}/mission"):
            os.chown(folder, 65534 if os.geteuid() == 0 else -1, -1)
        one = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", RUNS_ONE, made, script, token_hex(4)), stdout=subprocess.PIPE
        )
        async with asyncio.timeout(SECONDS_MAX):
            said, _ = await one.communicate()
    return said.decode().strip()


def python(code: str) -> str:
    return f"exec python3 -c {quote(code)}"


def in_namespace_of(first: int) -> list[int]:
    """Every process that shares its namespace."""
    everybody = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in everybody if namespace(pid) == namespace(first)]


def namespace(pid: int) -> int:
    """Of a process; 0 where it is gone."""
    try:
        return Path(f"/proc/{pid}/ns/pid").stat().st_ino
    except OSError:
        return 0
