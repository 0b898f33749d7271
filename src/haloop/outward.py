"""What the settings name beyond this machine: who says who people are, and how people are told.

Secrets stand in files of their own, which only the settings' owner can read; they are read once, at the start, so that
a file that is not there is found before anybody waits for it.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from haloop.connectors.egress import open_way
from haloop.connectors.mail.smtp import MailServer, Security, SmtpMail
from haloop.connectors.push.web_push import WebPush, push_way
from haloop.engines.local import LocalEngine
from haloop.issuer import CALLBACK, Issuer
from haloop.kernel.errors import BadInput
from haloop.notices.telling import Telling, Ways
from haloop.settings import Settings
from haloop.store.push_key import read_or_make_push_key
from haloop.store.sqlite import SqliteLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Outward:
    """Those beyond this machine whom the house knows, where the settings name them."""

    issuer: Issuer | None
    mail: MailServer | None

    @classmethod
    def read(cls, settings: Settings) -> "Outward":
        return cls(issuer=_issuer(settings), mail=_mail_server(settings))

    @property
    def secrets(self) -> Sequence[str]:
        """What no log may hold."""
        held = (self.issuer.client_secret if self.issuer else "", self.mail.password if self.mail else "")
        return [one for one in held if one]


@asynccontextmanager
async def open_telling(
    settings: Settings, mail: MailServer | None, *, ledger: SqliteLedger, engine: LocalEngine, address: str
) -> AsyncIterator[Telling]:
    """Tell people by mail, where a server is set, and on their devices; `address` is where the links lead."""
    way, key = push_way(), read_or_make_push_key(settings.home)
    async with open_way(way) as http:
        ways = Ways(
            push=WebPush(http, way, key=key, contact=settings.mail_from or ""),
            mail=None if mail is None else SmtpMail(mail),
        )
        async with Telling.opened(settings.home, ledger=ledger, engine=engine, ways=ways, address=address) as telling:
            yield telling


def _issuer(settings: Settings) -> Issuer | None:
    if settings.server_public_address is None or settings.login_issuer is None or settings.login_client_id is None:
        return None
    return Issuer(
        address=settings.login_issuer,
        client_id=settings.login_client_id,
        client_secret=_secret("login.client_secret_file", settings.login_client_secret_file),
        callback=f"{settings.server_public_address}{CALLBACK}",
    )


def _mail_server(settings: Settings) -> MailServer | None:
    if settings.mail_host is None:
        return None
    if settings.mail_from is None:
        raise BadInput(
            "mail.host is set, and mail.from is not.", code="mail.from", next_step="Say which address mail comes from."
        )
    return MailServer(
        host=settings.mail_host,
        port=settings.mail_port,
        sender=settings.mail_from,
        user=settings.mail_user or "",
        password=_secret("mail.password_file", settings.mail_password_file),
        security=Security(settings.mail_security),
    )


def _secret(setting: str, file: Path | None) -> str:
    """The first line of a file; nothing where none is named."""
    if file is None:
        return ""
    try:
        secret = file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{setting} is {file}, which cannot be read: {error}.",
            code="settings.secret",
            next_step="Make it a file with one line that this user can read, or take the setting out.",
        ) from error
    if not secret:
        raise BadInput(f"{setting} is {file}, which is empty.", code="settings.secret", next_step="Put it there.")
    return secret
