"""Who is signed in where: for each household and site what it takes to be known there, locked with a key of the home.

Whoever changes a profile holds it alone, in this process or any other: two browsers with one profile would each undo
what the other was told. Reading one waits for nobody, because it is written whole.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from haloop.kernel.errors import BadInput, HomeLocked

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,100}")
_KEY_BYTES, _NONCE_BYTES = 32, 12


class Profile:
    """What is remembered for one household at one site."""

    def __init__(self, file: Path, key: bytes) -> None:
        self._file = file
        self._cipher = AESGCM(key)
        self._name = f"{file.parent.name}/{file.stem}".encode()

    def read(self) -> str | None:
        """What was kept; nothing where nobody has signed in yet, or what is there cannot be opened."""
        try:
            locked = self._file.read_bytes()
            return self._cipher.decrypt(locked[:_NONCE_BYTES], locked[_NONCE_BYTES:], self._name).decode()
        except (FileNotFoundError, InvalidTag):
            return None

    def keep(self, remembered: str) -> None:
        nonce = os.urandom(_NONCE_BYTES)
        part = self._file.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(nonce + self._cipher.encrypt(nonce, remembered.encode(), self._name))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._file)


class Profiles:
    """All of a home's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, household: str, site: str) -> str | None:
        """What is kept of a household at a site."""
        return self._profile(household, site).read()

    @contextmanager
    def held(self, household: str, site: str) -> Iterator[Profile]:
        """A profile for oneself; HomeLocked while somebody else has it."""
        profile = self._profile(household, site)
        descriptor = os.open(self._folder / household / f"{site}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor)
            yield profile
        finally:
            os.close(descriptor)

    def _profile(self, household: str, site: str) -> Profile:
        if not _NAME.fullmatch(household) or not _NAME.fullmatch(site):
            raise BadInput("No profile can have this name.", code="shop.profile")
        folder = self._folder / household
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        return Profile(folder / f"{site}.locked", self._key())

    def _key(self) -> bytes:
        """Made with the first profile; without it everybody signs in anew."""
        file, part = self._folder / "key", self._folder / f"key.{os.getpid()}"
        if not file.exists():
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as made:
                made.write(AESGCM.generate_key(8 * _KEY_BYTES))
            with suppress(FileExistsError):  # another process was quicker, and its key counts
                os.link(part, file)
            part.unlink()
        return file.read_bytes()


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise HomeLocked(
            "This household's window in the shop is open elsewhere.",
            code="shop.open_elsewhere",
            next_step="Close that window, or wait until that run has done.",
        ) from error
