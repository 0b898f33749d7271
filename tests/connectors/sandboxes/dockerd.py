"""A Docker daemon of the tests' own: in a folder of its own, with images that no registry gave it."""

import io
import json
import os
import shutil
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


@contextmanager
def dockerd() -> Iterator[Path]:
    """A daemon's socket; it ends with whoever started it, however that ends."""
    assert PROGRAM is not None
    folder = Path(tempfile.mkdtemp(prefix="haloop-docker-"))
    at = folder / "docker.sock"
    (folder / "daemon.json").write_text(json.dumps({"default-ulimits": {}}))
    options = {
        "config-file": folder / "daemon.json",
        "data-root": folder / "data",
        "exec-root": folder / "exec",
        "pidfile": folder / "pid",
        "host": f"unix://{at}",
        "iptables": "false",
        "ip6tables": "false",
        "bridge": "none",
        "storage-driver": "overlay2",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", PROGRAM, *(f"--{name}={value}" for name, value in options.items())],
            stdout=log,
            stderr=log,
        )
    try:
        _fill(at, process, folder / "log")
        yield at
    finally:
        process.terminate()
        process.wait(_SECONDS_TO_START)
        shutil.rmtree(folder)


def _fill(at: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until it answers, and give it its images."""
    until = time.monotonic() + _SECONDS_TO_START
    while not _answers(at):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)
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
