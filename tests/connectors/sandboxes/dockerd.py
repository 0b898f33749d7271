"""A Docker daemon of the tests' own: in a folder of its own, with images that no registry gave it."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

PROGRAM = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
BUSYBOX = shutil.which("busybox")
LINKS, OWN_TOOLS = "haloop/links:test", "haloop/busybox:test"
"""An image of links to the tools of this machine, and one that has its own."""
HOST_TOOLS = {"/usr": Path("/usr")}
_SECONDS_TO_START = 30.0


class Daemon:
    """One, with all that it keeps in a folder."""

    def __init__(self, folder: Path) -> None:
        self.at = folder / "docker.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Wait until it answers."""
        assert PROGRAM is not None
        folder = self._folder
        (folder / "daemon.json").write_text(json.dumps({"default-ulimits": {}}))
        options = {
            "config-file": folder / "daemon.json",
            "data-root": folder / "data",
            "exec-root": folder / "exec",
            "pidfile": folder / "pid",
            "host": f"unix://{self.at}",
            "iptables": "false",
            "ip6tables": "false",
            "bridge": "none",
            "storage-driver": "overlay2",
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        with (folder / "log").open("ab") as log:
            command = ["setpriv", "--pdeathsig", "TERM", PROGRAM, *words]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + _SECONDS_TO_START
        while not _answers(self.at):
            assert self._process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.05)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait for that."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_SECONDS_TO_START)


@contextmanager
def dockerd() -> Iterator[Path]:
    """A daemon's socket; it ends with whoever started it, however that ends."""
    with daemon() as one:
        yield one.at


@contextmanager
def daemon() -> Iterator[Daemon]:
    """A daemon with its images."""
    folder = Path(tempfile.mkdtemp(prefix="haloop-docker-"))
    one = Daemon(folder)
    try:
        one.start()
        _fill(one.at)
        yield one
    finally:
        one.end()
        # One that was killed has not taken away what it mounted.
        subprocess.run(["umount", "--lazy", str(folder / "data")], check=False, capture_output=True)
        shutil.rmtree(folder)


def _fill(at: Path) -> None:
    """Give it its images."""
    client = docker.DockerClient(base_url=f"unix://{at}")
    for image, content in ((LINKS, _links()), (OWN_TOOLS, _own_tools())):
        name, _, tag = image.partition(":")
        client.api.import_image_from_data(content, repository=name, tag=tag)
    client.close()


def _answers(at: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(at)) == 0


def _links() -> bytes:
    """This machine's tools are mounted at /usr, as in bubblewrap."""
    return _image({name: f"usr/{name}" for name in ("bin", "sbin", "lib", "lib64")}, {})


def _own_tools() -> bytes:
    assert BUSYBOX is not None
    names = ("sh", "cat", "echo", "env", "sleep", "true")
    return _image({f"bin/{name}": "busybox" for name in names}, {"bin/busybox": Path(BUSYBOX).read_bytes()})


def _image(links: dict[str, str], files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("usr", "mission", "etc", "tmp"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(folder)
        for name, target in links.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        for name, content in files.items():
            file = tarfile.TarInfo(name)
            file.mode, file.size = 0o755, len(content)
            tar.addfile(file, io.BytesIO(content))
    return packed.getvalue()
