"""Mail, by SMTP to the one server that the settings name.

Each notice is one message: words in plain text, the same as simple HTML, and the checkpoint as a file, byte for byte.
Its Message-ID is made of the notice's own id, so that a message that was sent again, because nobody knew whether the
server had taken it, is known for the same one. What goes over the network is encrypted, or it does not go.
"""

import asyncio
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from html import escape
from ipaddress import ip_address

import aiosmtplib

from haloop.kernel.clock import as_datetime
from haloop.kernel.errors import BadInput
from haloop.ports.notifier import NeverTold, Notice, NotTold

SECONDS_MAX = 20.0
"""So long all of one message may take."""
_SECONDS_PER_WORD = 10.0
_FOR_GOOD = 500
_US = "[127.0.0.1]"
"""What we call ourselves before the server; the machine's own name is nobody's business."""


class Security(StrEnum):
    """How the way to the server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"
    """Not at all: to a server on this very machine only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """The server that takes our mail, and who we are there."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    security: Security = Security.STARTTLS
    certificates: ssl.SSLContext | None = None
    """Whose certificates are believed; where nobody says, those of the usual authorities."""

    def __post_init__(self) -> None:
        if self.security is Security.NONE and not is_here(self.host):
            raise BadInput(
                f"Mail to {self.host} would cross the network unencrypted.",
                code="mail.plain",
                next_step="Set mail.security to starttls or tls; none is for a server on this machine.",
            )
        if bool(self.user) != bool(self.password):
            raise BadInput(
                "A login at the mail server takes mail.user and mail.password_file, both or neither.",
                code="mail.login",
                next_step="Set what is missing, or take the other out.",
            )


class SmtpMail:
    """Tells people by mail."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._certificates = server.certificates or ssl.create_default_context()

    async def tell(self, place: str, notice: Notice) -> None:
        """Hand one notice to the server."""
        await self.send(place, self.message(place, notice))

    async def send(self, place: str, message: EmailMessage) -> None:
        """Hand one message to the server; NotTold where it does not take it."""
        try:
            async with asyncio.timeout(SECONDS_MAX):
                await self._send(message, place)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise _not_told(error) from error

    def message(self, place: str, notice: Notice) -> EmailMessage:
        """The message as it is sent."""
        message = EmailMessage(policy=SMTP)
        message["From"] = f"Haloop <{self._server.sender}>"
        message["To"] = place
        message["Subject"] = notice.title
        message["Date"] = format_datetime(as_datetime(notice.at))
        message["Message-ID"] = f"<{notice.id}@{self._server.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message["List-Unsubscribe"] = f"<{notice.settings}>"
        message.set_content(_text(notice))
        message.add_alternative(_html(notice), subtype="html")
        # As a file, and as bytes: a line of it that a reader's program breaks or dresses up would not verify any more.
        message.add_attachment(
            notice.checkpoint.encode(), maintype="text", subtype="plain", filename="checkpoint.txt", cte="base64"
        )
        return message

    async def _send(self, message: EmailMessage, place: str) -> None:
        server = self._server
        await aiosmtplib.send(
            message,
            sender=server.sender,
            recipients=[place],
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            use_tls=server.security is Security.TLS,
            start_tls=server.security is Security.STARTTLS,
            tls_context=None if server.security is Security.NONE else self._certificates,
            local_hostname=_US,
            timeout=_SECONDS_PER_WORD,
        )


def _text(notice: Notice) -> str:
    said = "\n\n".join(notice.lines)
    return f"{said}\n\n{notice.link}\n\n-- \n{_footer(notice)}\n"


def _html(notice: Notice) -> str:
    said = "".join(f"<p>{escape(line)}</p>" for line in notice.lines)
    link = f'<p><a href="{escape(notice.link)}">{escape(notice.link)}</a></p>'
    return f"<!doctype html><html><body>{said}{link}<p><small>{escape(_footer(notice))}</small></p></body></html>"


def _footer(notice: Notice) -> str:
    return (
        "The file checkpoint.txt is what your ledger says of itself, signed. Keep this message: with it, haloop verify"
        " notices if the ledger is ever rolled back or rewritten."
        f" To get no more of these: haloop notices off, or {notice.settings}"
    )


def _not_told(error: aiosmtplib.SMTPException | OSError | ValueError) -> NotTold:
    """What went wrong, without what the server said: it may repeat whom the mail was for."""
    match error:
        case aiosmtplib.SMTPAuthenticationError():
            return NotTold(
                f"The mail server did not accept the login ({error.code}).",
                code="mail.login",
                next_step="Check mail.user and what stands in mail.password_file.",
            )
        case aiosmtplib.SMTPRecipientsRefused() if all(one.code >= _FOR_GOOD for one in error.recipients):
            return NeverTold(f"The mail server refuses this address ({error.recipients[0].code}).")
        case aiosmtplib.SMTPRecipientsRefused():
            return NotTold(f"The mail server takes nothing for this address now ({error.recipients[0].code}).")
        case aiosmtplib.SMTPSenderRefused() | aiosmtplib.SMTPDataError() if error.code >= _FOR_GOOD:
            return NeverTold(
                f"The mail server refuses our mail ({error.code}).",
                next_step="Check mail.from, and ask whoever runs the mail server.",
            )
        case ssl.SSLError():
            return NotTold(
                "The mail server's certificate is not to be believed, or it speaks no TLS there.",
                code="mail.certificate",
                next_step="Check mail.host, mail.port and mail.security.",
            )
        case aiosmtplib.SMTPResponseException():
            return NotTold(f"The mail server does not take this now ({error.code}).", code="mail.refused")
        case aiosmtplib.SMTPException() if not isinstance(error, OSError):
            return NotTold(
                "The mail server does not offer what the settings ask for: encryption, or a login.",
                code="mail.unsupported",
                next_step="Check mail.security, mail.port and mail.user.",
            )
    return NotTold(
        f"The mail server cannot be reached, or went silent ({type(error).__name__}).",
        code="mail.unreachable",
        next_step="It is tried again by itself. Check mail.host and mail.port, and whether the server is up.",
    )


def is_here(host: str) -> bool:
    """Whether a server is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
