"""A real mailbox on this machine: Debian's Dovecot, run by nobody in particular in a folder of its own."""

import asyncio
import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pytest

from haloop.connectors.mail.mailbox import Mailbox
from haloop.connectors.mail.smtp import Security
from tests.connectors.outside import Authority

PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
ADDRESS, PASSWORD, MX = "haloop@house.example", "a-long-password", "mx.house.example"
PASSED = f"{MX}; dkim=pass header.d=example.org; dmarc=pass header.from=example.org"
_SECONDS_TO_START = 60.0


@dataclass
class Dovecot:
    """The server, and what lies in its mailbox."""

    folder: Path
    port: int
    authority: Authority
    process: "subprocess.Popen[bytes] | None" = None
    _delivered: int = field(default=0)

    def mailbox(self, security: Security = Security.TLS, password: str = PASSWORD) -> Mailbox:
        """As the settings would name it."""
        return Mailbox(
            host="localhost" if security is not Security.NONE else "127.0.0.1",
            port=self.port if security is Security.TLS else self.port + 1,
            user="haloop",
            password=password,
            address=ADDRESS,
            checked_by=MX,
            security=security,
            certificates=self.authority.believed(),
        )

    def deliver(self, message: EmailMessage | bytes) -> None:
        """The receiving server puts a message into the mailbox."""
        raw = message if isinstance(message, bytes) else message.as_bytes()
        self._delivered += 1
        name, mail = f"{1_800_000_000 + self._delivered}.M1P1.house", self.folder / "mail"
        (mail / "tmp" / name).write_bytes(raw)
        (mail / "tmp" / name).chmod(0o644)
        (mail / "tmp" / name).rename(mail / "new" / name)

    def renumber(self) -> None:
        """The mailbox is put back from a copy: every message has another UID, in another series."""
        self.stop()
        for path in (self.folder / "mail").glob("dovecot*"):
            path.unlink()
        (self.folder / "mail" / "dovecot-uidvalidity").write_text("7fffff00")
        self.start()

    def start(self) -> None:
        assert PROGRAM is not None
        who = _nobody()
        self.process = subprocess.Popen(
            [PROGRAM, "-F", "-c", str(self.folder / "dovecot.conf")],
            user=who,
            group=None if who is None else pwd.getpwnam(who).pw_gid,
            extra_groups=None if who is None else [],
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(_SECONDS_TO_START)

    async def started(self) -> None:
        """Wait until it answers; it begins anew where somebody else was quicker to take its ports."""
        async with asyncio.timeout(_SECONDS_TO_START):
            while not await asyncio.to_thread(self._answers):
                if self.process is not None and self.process.poll() is not None:
                    self.port = _free_ports()
                    _lay_out(self)
                    self.start()
                await asyncio.sleep(0.05)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def letter(
    words: str = "Reorder the usual",
    *,
    key: str,
    name: str = "<one@example.org>",
    sender: str = "Ana <ana@example.org>",
    verdict: str = PASSED,
    **more: str,
) -> EmailMessage:
    """A message as the receiving server hands it on."""
    message = EmailMessage()
    message["Authentication-Results"] = verdict
    message["From"], message["To"], message["Message-ID"] = sender, f"haloop+{key}@house.example", name
    for header, value in {"Subject": "An errand", **more}.items():
        message[header.replace("_", "-")] = value
    message.set_content(words)
    return message


@contextmanager
def dovecot() -> Iterator[Dovecot]:
    """A mailbox, served over TLS, and on the next port in plain words with STARTTLS."""
    if PROGRAM is None:
        assert os.environ.get("CI") != "true", "dovecot is missing"
        pytest.skip("NO MAILBOX WAS READ: dovecot is missing")
    folder = Path(tempfile.mkdtemp(prefix="haloop-mailbox-"))
    try:
        server = Dovecot(folder, _free_ports(), Authority.made(folder, "localhost"))
        _lay_out(server)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _lay_out(server: Dovecot) -> None:
    folder, who = server.folder, _nobody() or getpass.getuser()
    for name in ("mail/cur", "mail/new", "mail/tmp", "run"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    entry = pwd.getpwnam(who)
    said = {"folder": folder, "port": server.port, "plain": server.port + 1, "who": who}
    configuration = _CONFIGURATION.format(**said, uid=entry.pw_uid, gid=entry.pw_gid)
    (folder / "dovecot.conf").write_text(configuration)
    if _nobody() is not None:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, who)


def _nobody() -> str | None:
    """Whom it runs as where the tests run as root: it refuses to read mail as such."""
    return "nobody" if os.geteuid() == 0 else None


def _free_ports() -> int:
    """The first of two ports in a row."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            with suppress(OSError):
                two.bind(("127.0.0.1", port + 1))
                return port


_CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
default_internal_user = {who}
default_login_user = {who}
default_internal_group =
first_valid_uid = 1
mail_location = maildir:{folder}/mail
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
disable_plaintext_auth = no
passdb {{
  driver = static
  args = password={{PLAIN}}a-long-password
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
"""
