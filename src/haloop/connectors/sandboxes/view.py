"""What a program in bubblewrap sees: this machine's tools, its own folder, and nothing else."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from haloop.ports.sandboxes import FOLDER, Work

HOME = "/home/agent"
PATH = "/usr/local/bin:/usr/bin:/bin"
_SCRATCH = ("/tmp", "/run", "/home", "/dev/shm")  # noqa: S108  # the program's own
"""Where it may write what is gone afterwards; each a share of its memory."""
_TOOLS = ("/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/alternatives", "/etc/ld.so.cache")
_KEYS = ("/proc/keys", "/proc/key-users")
"""What the kernel tells of this machine's keys, where it keeps any."""
_LINKS = ("bin", "sbin", "lib", "lib32", "lib64")


def arguments(work: Work) -> list[str]:
    """All that bubblewrap is told, but for the command and the descriptors that it talks to us through."""
    return list(chain.from_iterable(_said(work)))


def _said(work: Work) -> Iterator[tuple[str, ...]]:
    yield "--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session"
    yield "--cap-drop", "ALL", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox"
    yield "--ro-bind", "/usr", "/usr"
    yield from (("--symlink", f"usr/{name}", f"/{name}") for name in _LINKS)
    yield from (("--ro-bind-try", path, path) for path in _TOOLS)
    yield "--proc", "/proc", "--dev", "/dev"
    yield from (("--ro-bind", "/dev/null", path) for path in _KEYS if Path(path).exists())
    share = str(work.limits.memory_bytes // len(_SCRATCH))
    yield from (("--size", share, "--perms", "1777", "--tmpfs", path) for path in _SCRATCH)
    yield "--dir", HOME, "--bind", str(work.folder), FOLDER
    yield from (("--ro-bind", str(path), seen) for seen, path in work.readable.items())
    yield "--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", FOLDER
    yield ("--clearenv",)
    given = {"PATH": PATH, "HOME": HOME, **work.environment}
    yield from (("--setenv", name, value) for name, value in given.items())
