"""Letters by mail: read from one mailbox over IMAP, answered through the mail server that people are told by.

Nothing in the mailbox is changed. Its UIDs are the order of letters, and its UIDVALIDITY the series: where that is
another, all that is still fresh is read once more, and known by its Message-ID. Of a message only its beginning is
fetched, so attachments cost nothing. What is asked goes over TLS, or stays on this machine.

The standard library speaks IMAP, in a thread. What hangs is given up by closing its connection, which ends the thread.
"""

import asyncio
import imaplib
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TypeVar

from haloop.connectors.mail.letter import read_letter
from haloop.connectors.mail.smtp import Security, SmtpMail, is_here
from haloop.kernel.clock import Clock, as_datetime
from haloop.kernel.errors import BadInput
from haloop.kernel.failure import Transient
from haloop.kernel.letter_address import with_key
from haloop.ports.letterbox import Letter, Mark, NotRead, Received, Reply, Unread

LETTER_BYTES_MAX = 256 * 1024
"""So much of a message is read; its words come first, and what is attached to it behind them."""
FRESH = timedelta(days=2)
"""What came longer ago is not taken up any more."""
SECONDS_MAX = 60.0
"""So long one look into the mailbox may take."""
AT_ONCE = 10
_SECONDS_PER_WORD = 15.0
_SUBJECT_MAX = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Where mail for us comes in, and who we are there."""

    host: str
    port: int
    user: str
    address: str
    """What people write to; each of them with a key of their own in it."""
    checked_by: str
    """The name under which its server says who a sender is."""
    password: str = field(repr=False)
    security: Security = Security.TLS
    certificates: ssl.SSLContext | None = None
    """Whose certificates are believed; where nobody says, those of the usual authorities."""

    def __post_init__(self) -> None:
        if self.security is Security.NONE and not is_here(self.host):
            raise BadInput(
                f"The mailbox at {self.host} would be read across the network unencrypted.",
                code="letters.plain",
                next_step="Set letters.security to tls or starttls; none is for a server on this machine.",
            )


class ImapLetterbox:
    """The letters in one mailbox. `opened` makes one."""

    def __init__(self, mailbox: Mailbox, post: SmtpMail, clock: Clock, thread: ThreadPoolExecutor) -> None:
        self._mailbox = mailbox
        self._post = post
        self._clock = clock
        self._thread = thread
        self._certificates = mailbox.certificates or ssl.create_default_context()
        self._client: imaplib.IMAP4 | None = None
        self._series = 0

    @classmethod
    @asynccontextmanager
    async def opened(cls, mailbox: Mailbox, post: SmtpMail, clock: Clock) -> "AsyncIterator[ImapLetterbox]":
        """Read the mailbox until the end of the block."""
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mailbox")
        letterbox = cls(mailbox, post, clock, thread)
        try:
            yield letterbox
        finally:
            letterbox._hang_up()
            thread.shutdown(wait=False, cancel_futures=True)

    async def newer(self, after: Mark | None) -> Sequence[Received]:
        """The next few messages; what is no letter is among them, with the reason."""
        return await self._do(lambda: self._newer(after))

    async def again(self, mark: Mark) -> Received | None:
        """The same message once more, as long as it lies there."""
        found = await self._do(lambda: self._fetch([mark.number]) if self._connected() == mark.series else [])
        return found[0] if found else None

    async def check(self) -> None:
        """Whether the mailbox can be read."""
        try:
            await self._do(self._connected)
        except NotRead as error:
            raise Transient(error.sentence) from error

    async def answer(self, reply: Reply) -> str:
        """Send an answer to whoever wrote, into the conversation of their letter."""
        await self._post.send(reply.letter.sender, self.message(reply))
        return self.name_of(reply.id)

    def name_of(self, reply: str) -> str:
        return f"<letter.{reply}@{self._mailbox.address.rpartition('@')[2]}>"

    def message(self, reply: Reply) -> EmailMessage:
        """An answer as it is sent; whoever answers it writes to the address they wrote to."""
        letter, mailbox = reply.letter, self._mailbox
        thread = [*letter.thread, *([letter.id] if letter.id.startswith("<") else [])]
        message = EmailMessage(policy=SMTP)
        message["From"] = f"Haloop <{mailbox.address}>"
        message["Reply-To"] = with_key(mailbox.address, letter.key)
        message["To"] = letter.sender
        message["Subject"] = reply.subject[:_SUBJECT_MAX]
        message["Date"] = format_datetime(as_datetime(reply.at))
        message["Message-ID"] = self.name_of(reply.id)
        if thread:
            message["In-Reply-To"] = thread[-1]
            message["References"] = " ".join(thread)
        message["Auto-Submitted"] = "auto-replied"
        message["X-Auto-Response-Suppress"] = "All"
        said = "\n\n".join([*reply.lines, *([reply.link] if reply.link else [])])
        message.set_content(f"{said}\n\n-- \n{reply.footer}\n")
        return message

    # In the thread

    def _newer(self, after: Mark | None) -> list[Received]:
        series = self._connected()
        begin = after.number + 1 if after is not None and after.series == series else 1
        since = (self._now() - FRESH - timedelta(days=1)).strftime("%d-%b-%Y")
        listed = self._ask("SEARCH", "UID", f"{begin}:*", "SINCE", since)
        numbers = sorted(int(one) for one in b" ".join(part for part in listed if isinstance(part, bytes)).split())
        return self._fetch([one for one in numbers if one >= begin][:AT_ONCE])  # `n:*` names the last one in any case

    def _fetch(self, numbers: Sequence[int]) -> list[Received]:
        found = []
        for number in numbers:
            parts = self._ask("FETCH", str(number), f"(UID INTERNALDATE BODY.PEEK[]<0.{LETTER_BYTES_MAX}>)")
            about = b" ".join(part if isinstance(part, bytes) else part[0] for part in parts if part)
            raw = [part[1] for part in parts if isinstance(part, tuple)]
            if len(raw) == 1:
                mark = Mark(series=self._series, number=number)
                found.append(Received(mark=mark, what=self._read(about, raw[0])))
        return found

    def _read(self, about: bytes, raw: bytes) -> Letter | Unread:
        came = imaplib.Internaldate2tuple(about)
        if came is None or self._now() - datetime(*came[:6]).astimezone() > FRESH:  # it is local time
            return Unread.OLD
        try:
            return read_letter(raw, mailbox=self._mailbox.address, checked_by=self._mailbox.checked_by)
        except (MessageError, LookupError, ValueError, RecursionError):  # what nobody can read keeps no other back
            return Unread.UNCHECKED

    def _connected(self) -> int:
        """The series of the mailbox, which is open then and has told what is new."""
        client = self._client or self._connect()
        _require_ok(client.select("INBOX", readonly=True))
        said = client.response("UIDVALIDITY")[1]
        self._series = int(said[0]) if said and isinstance(said[0], bytes) else 0
        return self._series

    def _connect(self) -> imaplib.IMAP4:
        at = self._mailbox
        client: imaplib.IMAP4
        if at.security is Security.TLS:
            client = imaplib.IMAP4_SSL(at.host, at.port, ssl_context=self._certificates, timeout=_SECONDS_PER_WORD)
        else:
            client = imaplib.IMAP4(at.host, at.port, timeout=_SECONDS_PER_WORD)
        self._client = client  # before it says a word, so that it can be given up
        if at.security is Security.STARTTLS:
            _require_ok(client.starttls(self._certificates))
        _require_ok(client.login(at.user, at.password))
        return client

    def _ask(self, command: str, *arguments: str) -> list[bytes | tuple[bytes, bytes]]:
        assert self._client is not None
        return _require_ok(self._client.uid(command, *arguments))

    # Around the thread

    async def _do(self, work: Callable[[], T]) -> T:
        """Have the thread do something; whatever goes wrong ends the connection, and the next look begins anew."""
        try:
            async with asyncio.timeout(SECONDS_MAX):
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (imaplib.IMAP4.error, OSError, ValueError) as error:
            self._hang_up()
            raise _not_read(error) from error
        except BaseException:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError):
                client.shutdown()

    def _now(self) -> datetime:
        return as_datetime(self._clock.read().wall).astimezone(UTC)


def _require_ok(answer: "tuple[str, list[T]]") -> "list[T]":
    if answer[0] != "OK":
        raise imaplib.IMAP4.error("It said no.")
    return answer[1]


def _not_read(error: Exception) -> NotRead:
    """What went wrong, without what the server said: it may repeat who we are there."""
    match error:
        case ssl.SSLError():
            return NotRead(
                "The mailbox's certificate is not to be believed, or it speaks no TLS there.",
                code="letters.certificate",
                next_step="Check letters.host, letters.port and letters.security.",
            )
        case TimeoutError() | OSError() | imaplib.IMAP4.abort():
            return NotRead(
                f"The mailbox cannot be reached, or went silent ({type(error).__name__}).",
                code="letters.unreachable",
                next_step="It is tried again by itself. Check letters.host and letters.port, and whether it is up.",
            )
    return NotRead(
        "The mailbox lets nobody in, or cannot be read.",
        code="letters.login",
        next_step="Check letters.user, letters.password_file and letters.security.",
    )
