"""A post office on this machine: a real mail server, and a push service whose devices can really read."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import http_ece  # type: ignore[import-untyped]  # it has no types
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from haloop.connectors.egress import open_way
from haloop.connectors.mail.smtp import MailServer, Security, SmtpMail
from haloop.connectors.push.encryption import public_point
from haloop.connectors.push.web_push import WebPush, push_way
from haloop.kernel.passkey import base64url, from_base64url
from haloop.notices.telling import Telling, Ways
from haloop.ports.notifier import Device
from haloop.store.push_key import read_or_make_push_key
from haloop.testing.practice import Practice
from tests.connectors.outside import Asked, read_request, serving

ADDRESS = "http://localhost:4000"
SENDER = "haloop@example.org"


@dataclass
class Post:
    """A mail server, and what it was given."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """What it says to the next messages instead of taking them; empty: takes it, and then says nothing."""
    dozes: bool = False
    """It takes a message and says nothing for as long as anybody waits."""
    refuses: str = ""
    """What it says to every recipient."""

    @property
    def server(self) -> MailServer:
        return MailServer(host="127.0.0.1", port=self.port, sender=SENDER, security=Security.NONE)

    @property
    def subjects(self) -> list[str]:
        return [str(one["Subject"]) for one in self.letters]

    async def handle_RCPT(  # noqa: N802  # the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.dozes:
            await asyncio.sleep(3600)
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer[:1] in ("", "2"):
            assert isinstance(envelope.content, bytes)
            letter = message_from_bytes(envelope.content, policy=default)
            assert isinstance(letter, EmailMessage)
            self.letters.append(letter)
            self.recipients.append(list(envelope.rcpt_tos))
        if not answer:
            assert server.transport is not None
            server.transport.close()
        return answer or "250 OK"

    def accept(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"a long password", handled=False)


@asynccontextmanager
async def post_office(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, login: bool = False
) -> AsyncIterator[Post]:
    """A mail server on the loopback interface, in a thread of its own."""
    post = Post()
    controller = Controller(
        post,
        hostname="127.0.0.1",
        port=_free_port(),
        ssl_context=tls,
        tls_context=starttls,
        require_starttls=starttls is not None,
        auth_required=login,
        auth_require_tls=tls is None,  # from the first byte, it does not know that the line is encrypted
        authenticator=post.accept if login else None,
    )
    await asyncio.to_thread(controller.start)
    post.port = controller.port
    try:
        yield post
    finally:
        await asyncio.to_thread(controller.stop)


def _free_port() -> int:
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def letter_text(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def checkpoint_of(letter: EmailMessage) -> bytes:
    """The checkpoint that came with a message, byte for byte."""
    (attached,) = letter.iter_attachments()
    content = attached.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


@dataclass
class Browser:
    """A device: it made the key, so it alone reads what is sent."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = b"sixteen secrets!"

    @property
    def device(self) -> Device:
        return Device(endpoint=self.endpoint, p256dh=public_point(self.key), auth=self.auth)

    @property
    def subscription(self) -> dict[str, Any]:
        """As its `PushSubscription.toJSON()` says it."""
        keys = {"p256dh": base64url(public_point(self.key)), "auth": base64url(self.auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def read(self, body: bytes) -> dict[str, Any]:
        """What was sent, as only this device can read it."""
        plain = http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        said: dict[str, Any] = json.loads(plain)
        return said


@dataclass
class PushService:
    """A push service: it takes what is sent, knows who sent it, and reads nothing."""

    address: str = ""
    status: int = 201
    more: str = ""
    heard: list[Asked] = field(default_factory=list)

    def browser(self, name: str = "one") -> Browser:
        return Browser(f"{self.address}/send/{name}")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await read_request(reader))
        answer = f"HTTP/1.1 {self.status} Said\r\n{self.more}Content-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(answer.encode())
        await writer.drain()


@asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    service = PushService()
    async with serving(service.serve) as port:
        service.address = f"http://127.0.0.1:{port}"
        yield service


def sender_of(asked: Asked, key: bytes) -> dict[str, Any]:
    """What a request says of whoever sent it, once its signature was checked against this public key."""
    scheme, _, rest = asked.headers["authorization"].partition(" ")
    said = dict(one.strip().split("=", 1) for one in rest.split(","))
    assert (scheme, from_base64url(said["k"])) == ("vapid", key)
    head, claims, signature = said["t"].split(".")
    raw = from_base64url(signature)
    numbers = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
    point.verify(encode_dss_signature(*numbers), f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
    assert json.loads(_plain(head)) == {"alg": "ES256", "typ": "JWT"}
    found: dict[str, Any] = json.loads(_plain(claims))
    return found


def _plain(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@asynccontextmanager
async def told(
    practice: Practice, *, mail: MailServer | None = None, service: str | None = None
) -> AsyncIterator[Telling]:
    """A practice house whose people are told, by this mail server and through this push service."""
    way = push_way(near=frozenset({service} if service else ()))
    async with open_way(way) as http:
        key = read_or_make_push_key(practice.home)
        ways = Ways(
            push=WebPush(http, way, key=key, contact=SENDER),
            mail=None if mail is None else SmtpMail(mail),
        )
        async with Telling.opened(
            practice.home, ledger=practice.ledger, engine=practice.engine, ways=ways, address=ADDRESS
        ) as telling:
            yield telling
