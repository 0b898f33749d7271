"""A piece of the outer world on this machine: servers with certificates, and a network that leads to them alone."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from haloop.connectors.egress import Found, Network

PUBLIC = "93.184.215.14"
"""An address that is a public place; no test ever connects to it."""

Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Asked:
    """What one request said."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Names:
    """What each name answers, one list of addresses for each time it is asked, and what was connected to."""

    answers: dict[str, list[Sequence[str]]]
    port: int
    """Where all connections lead in truth."""
    asked: list[str] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)

    async def look_up(self, host: str, port: int) -> Found:
        self.asked.append(host)
        answers = self.answers.get(host)
        if not answers:
            raise OSError("no such name")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(10 if ":" in one else 2, 1, 6, "", (one, port)) for one in addresses]

    async def connect(self, address: str, port: int, timeout: float | None) -> httpcore2.AsyncNetworkStream:  # noqa: ASYNC109
        self.connected.append((address, port))
        return await httpcore2.AnyIOBackend().connect_tcp("127.0.0.1", self.port, timeout=timeout)

    def network(self, certificates: ssl.SSLContext | None = None) -> Network:
        return Network(look_up=self.look_up, connect=self.connect, certificates=certificates)


@dataclass(frozen=True)
class Authority:
    """Somebody whose certificates a test believes."""

    folder: Path

    def believed(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self._file("ca.pem").read_text())

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._file("server.pem"), self._file("server.key"))
        return context

    @classmethod
    def made(cls, folder: Path, *names: str) -> "Authority":
        """An authority that gave a server a certificate for these names."""
        ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A test's authority")])
        ca = _certificate(issuer, ca_key, issuer, ca_key, [], is_authority=True)
        server = _certificate(x509.Name([]), key, issuer, ca_key, names, is_authority=False)
        authority = cls(folder)
        authority._file("ca.pem").write_bytes(ca.public_bytes(Encoding.PEM))
        authority._file("server.pem").write_bytes(server.public_bytes(Encoding.PEM))
        plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        authority._file("server.key").write_bytes(plain)
        return authority

    def _file(self, name: str) -> Path:
        return self.folder / name


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    signing: ec.EllipticCurvePrivateKey,
    names: Sequence[str],
    *,
    is_authority: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    building = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if is_authority:
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        building = building.add_extension(usage, critical=True)
    if names:
        listed = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        building = building.add_extension(listed, critical=True)
    return building.sign(signing, SHA256())


@asynccontextmanager
async def serving(served: Served, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve connections on the loopback interface; yields the port."""
    under_way: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        try:
            await served(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        finally:
            under_way.discard(task)
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> Asked:
    """One request over HTTP/1.1."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *rest = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(line, headers, body)


def answering(answer: bytes, heard: list[Asked] | None = None) -> Served:
    """A server that gives every request the same answer."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await read_request(reader)
        if heard is not None:
            heard.append(asked)
        writer.write(answer)
        await writer.drain()

    return served


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
