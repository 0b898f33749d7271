"""What a program might try from inside, tried: each leaves the outside as it was."""

import asyncio
import os
import resource
import shlex
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import pytest

from haloop.connectors.sandboxes.folder import ENTRY_BYTES, NotReadable, holds_more, read_file
from haloop.ports.sandboxes import LINE_BYTES, End, Limits, Over
from tests.connectors.sandboxes.outside import ENDLESS, SECONDS_MAX, Place

MEGABYTE = 1 << 20
NETWORK = """
import os, socket
print(*(name for _, name in socket.if_nameindex() if name not in {"tunl0", "sit0", "ip6tnl0", "gre0"}))
for place in ("127.0.0.1", int(os.environ["PORT"])), ("192.0.2.1", 80), ("example.org", 80):
    try:
        socket.create_connection(place, timeout=2)
        print("REACHED", place)
    except OSError:
        print("OSError")
"""
SECRET = "what nobody in there may read"


def python(code: str) -> str:
    return f"python3 -c {shlex.quote(code)}"


async def test_nothing_outside_its_folder_can_be_written(place: Place) -> None:
    """Every other place is closed, or is gone with the program; its folder's parent is not even there."""
    places = "/ /usr /usr/bin /etc /dev /proc /proc/sys/kernel /mission/.. /root /var"

    ran = await place.run(f"for p in {places}; do (echo x > $p/planted) 2>/dev/null && echo WROTE $p; done; echo done")

    assert ran.said == "done\n"
    assert not (place.folder.parent / "planted").exists()


async def test_the_machine_cannot_be_set_from_inside(place: Place) -> None:
    """What the kernel is told through files is closed: among it a program that it would start outside."""
    opened = (
        "import os\ntry:\n os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)\nexcept OSError:\n print('closed')"
    )

    ran = await place.run(f"{python(opened)}; grep ' /proc ' /proc/mounts | cut -d' ' -f4 | cut -d, -f1")

    assert ran.said.splitlines()[0] == "closed"
    assert place.sandboxes.name != "bubblewrap" or ran.said.splitlines()[1:] == ["ro"]


async def test_the_keys_of_the_machine_are_not_there(place: Place) -> None:
    """Whom to trust it may read; what proves who this machine is lies beside that, and is not to be found."""
    ran = await place.run("ls /etc/ssl 2>/dev/null; echo done")

    assert set(ran.said.split()) <= {"certs", "openssl.cnf", "done"}


async def test_the_home_and_other_missions_cannot_be_read(place: Place) -> None:
    """Neither by their names nor over the way up are they to be found."""
    other = place.folder.parent / "m-2"
    other.mkdir()
    (other / "raw-input.md").write_text(SECRET)
    (place.folder.parent.parent / "secrets").write_text(SECRET)
    home = place.folder.parent.parent

    ran = await place.run(
        f"cat {other}/raw-input.md {home}/secrets ../m-2/raw-input.md /mission/../secrets /proc/1/root/{home}/secrets;"
        f"cat /etc/shadow; ls {home} ..; ls -a /root /home/*"
    )

    assert SECRET not in ran.said
    assert "m-2" not in ran.said
    assert "root:" not in ran.said


async def test_the_processes_of_the_machine_are_not_there(place: Place) -> None:
    """It sees its own processes alone, and a signal to ours by its number reaches nobody."""
    ran = await place.run(f"kill -9 {os.getpid()} 2>/dev/null && echo KILLED; ls -d /proc/[0-9]* | wc -l")

    assert "KILLED" not in ran.said
    assert int(ran.said) < 10


async def test_there_is_no_network(place: Place) -> None:
    """Neither what listens on this machine's loopback nor anything outside can be reached; only its own loopback is."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        reached = await place.run(python(NETWORK), environment={"PORT": str(listening.getsockname()[1])})

    assert reached.said == "lo\nOSError\nOSError\nOSError\n"


async def test_a_link_out_of_the_folder_leads_us_nowhere(place: Place) -> None:
    """What it leaves as a link, in place of a file or of a folder, is not followed when we read what it made."""
    (place.folder.parent.parent / "secrets").write_text(SECRET)

    await place.run("ln -s ../../secrets result.md; ln -s ../.. up; mkfifo pipe; mkdir made; echo x > plain.md")

    for name in ("result.md", "up/secrets", "pipe", "made", "/etc/passwd", "../../secrets", "missing", "a\0b", ""):
        with pytest.raises(NotReadable):
            read_file(place.folder, name, bytes_max=MEGABYTE)
    assert read_file(place.folder, "plain.md", bytes_max=MEGABYTE) == b"x\n"


async def test_a_file_of_ten_gigabytes_is_cut_off(place: Place) -> None:
    """A file stops growing at its bound, and so does one that is made large in one call."""
    limits = Limits(file_bytes=8 * MEGABYTE)

    ran = await place.run("head -c 10000000000 /dev/zero > big; truncate -s 10G sparse; echo over", limits=limits)

    assert ran.said == "over\n"
    assert (place.folder / "big").stat().st_size == 8 * MEGABYTE
    assert (place.folder / "sparse").stat().st_size == 0


@pytest.mark.parametrize(
    "script",
    [
        "for i in 1 2 3 4 5 6 7 8 9; do head -c 4000000 /dev/zero > $i; done",
        python("import itertools\nfor number in range(9000): open(str(number), 'w').close()"),
        python("import os\nfor _ in range(150): os.mkdir('d'); os.chdir('d')"),
    ],
    ids=["large", "many", "deep"],
)
async def test_a_folder_that_is_filled_ends_it(place: Place, script: str) -> None:
    """Large files, many empty ones, or folders deeper than anybody looks: each ends the program."""
    ran = await place.run(f"{script}; {ENDLESS}", limits=Limits(folder_bytes=32 * MEGABYTE, time=timedelta(seconds=20)))

    assert ran.over == Over(end=End.OUT_OF_ROOM, exit_code=None)


def test_what_several_names_hold_together_counts_once(tmp_path: Path) -> None:
    """A file of a megabyte under twenty names, in two folders, takes one; each further name counts as an empty file."""
    (tmp_path / "below").mkdir()
    (tmp_path / "0").write_bytes(b"x" * MEGABYTE)
    for number in range(1, 20):
        (tmp_path / ("below" if number % 2 else ".") / str(number)).hardlink_to(tmp_path / "0")

    assert not holds_more(tmp_path, 1.5 * MEGABYTE)
    assert holds_more(tmp_path, MEGABYTE + 19 * ENTRY_BYTES)

    (tmp_path / "another").write_bytes(b"x" * MEGABYTE)
    assert holds_more(tmp_path, 1.5 * MEGABYTE)


def test_a_folder_that_cannot_be_looked_through_is_full() -> None:
    """One whose entries have names and nothing else, as its owner can make it, does not end the looking."""
    with TemporaryDirectory() as made, somebody_else(made) as folder:
        closed = folder / "d"
        closed.mkdir()
        (closed / "f").touch()
        closed.chmod(0o400)

        assert holds_more(folder, 64 * MEGABYTE)
        closed.chmod(0o700)
        assert not holds_more(folder, 64 * MEGABYTE)


async def test_a_program_that_cannot_be_watched_is_stopped(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where looking at its folder fails for a reason nobody thought of, it does not run on without its limits."""
    sandbox = await place.start(ENDLESS)

    def fails(_: object) -> NoReturn:
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(os, "scandir", fails)
    async with asyncio.timeout(SECONDS_MAX):
        over = await sandbox.over()
    monkeypatch.undo()

    assert over == Over(end=End.STOPPED, exit_code=None)
    await place.sandboxes.remove("one")
    assert await place.sandboxes.left() == []


async def test_scratch_space_is_no_way_around_memory(place: Place) -> None:
    """What it may write outside its folder is bounded too."""
    limits = Limits(memory_bytes=64 * MEGABYTE)

    ran = await place.run("head -c 1000000000 /dev/zero > /tmp/x; stat -c %s /tmp/x", limits=limits)

    assert ran.over.end is End.OUT_OF_MEMORY or int(ran.said or 0) <= limits.memory_bytes


async def test_a_fork_bomb_stays_small(place: Place) -> None:
    """However often it splits, there are never more than its processes, and all are gone when its time is over."""
    before = processes_here()
    limits = Limits(processes=32, time=timedelta(seconds=1), processors=0.5)
    sandbox = await place.start("f() { f | f & }; while :; do f; done 2>/dev/null", limits=limits)

    most = 0
    while not most or (await place.sandboxes.left()):
        most = max(most, processes_here() - before)
        await asyncio.sleep(0.1)

    assert (await sandbox.over()).end in {End.OUT_OF_TIME, End.EXITED}
    assert most < 32 + 40  # others work on this machine too


async def test_a_memory_hog_is_killed(place: Place) -> None:
    """Beyond its memory it is over, and said to be."""
    ran = await place.run(python("b'x' * 900_000_000"), limits=Limits(memory_bytes=64 * MEGABYTE))

    assert ran.over == Over(end=End.OUT_OF_MEMORY, exit_code=137)


async def test_a_spinning_program_has_its_share_of_a_processor(place: Place) -> None:
    """In a second of the clock it works for about a fifth of one."""
    script = python(
        "import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass\nprint(time.process_time())"
    )

    ran = await place.run(script, limits=Limits(processors=0.2))

    assert float(ran.said) < 0.5


async def test_endless_output_waits_for_us(place: Place) -> None:
    """A program that never stops talking is held up by whoever does not listen; our memory does not grow with it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    sandbox = await place.start("yes")
    await asyncio.sleep(0.7)
    over = await sandbox.stop()

    assert over.end is End.STOPPED
    assert len(await sandbox.talks.read()) < 3 * LINE_BYTES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # kilobytes


async def test_what_it_left_in_the_background_is_gone_with_it(place: Place) -> None:
    """A child that let go of its parent, its session and its streams does not outlive the program."""
    away = "(setsid sh -c 'trap \"\" TERM HUP; while :; do date +%s%N > beat; sleep 0.02; done' >/dev/null 2>&1 &)"

    await place.run(f"{away}; while [ ! -s beat ]; do sleep 0.02; done")

    last = (place.folder / "beat").read_text()
    await asyncio.sleep(0.3)
    assert (place.folder / "beat").read_text() == last


async def test_no_program_gains_rights(place: Place) -> None:
    """There are no capabilities, none can be gained, and a program that would change its user stays who it is."""
    ran = await place.run(
        "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status; cp /usr/bin/id mine; chmod u+s,g+s mine; ./mine -u;"
        "unshare -U true 2>/dev/null && echo NAMESPACE; mount -t tmpfs x /mission 2>/dev/null && echo MOUNTED; id -u"
    )

    rights = dict(line.split(":\t") for line in ran.said.splitlines()[:3])
    assert rights == {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1"}
    assert ran.said.splitlines()[3:] == ["1000", "1000"]


@contextmanager
def somebody_else(folder: str) -> Iterator[Path]:
    """Work in a folder as one whom permissions hold, where we are root."""
    was, other = os.geteuid(), os.geteuid() or 1000
    os.chown(folder, other, -1)
    os.seteuid(other)
    try:
        yield Path(folder)
    finally:
        os.seteuid(was)


def processes_here() -> int:
    return sum(path.name.isdigit() for path in Path("/proc").iterdir())
