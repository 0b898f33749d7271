"""What the settings name beyond this machine: who says who people are, how people are told, and which model reads.

Secrets stand in files of their own, which only the settings' owner can read; they are read once, at the start, so that
a file that is not there is found before anybody waits for it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from haloop.api.house import House
from haloop.connectors.egress import open_way
from haloop.connectors.gateway import providers
from haloop.connectors.gateway.providers import Provider, Upstream
from haloop.connectors.mail.mailbox import ImapLetterbox, Mailbox
from haloop.connectors.mail.smtp import MailServer, Security, SmtpMail
from haloop.connectors.models.hosted import ADDRESSES, MODELS, HostedModel, ModelHost, Shape
from haloop.connectors.push.web_push import WebPush, push_way
from haloop.engines.local import LocalEngine
from haloop.issuer import CALLBACK, Issuer
from haloop.kernel.clock import Clock
from haloop.kernel.connector import Connector
from haloop.kernel.errors import BadInput
from haloop.kernel.letter_address import LetterAddresses
from haloop.kernel.reader import BUILT_IN
from haloop.letters.taking import Letters
from haloop.notices.telling import Telling, Ways
from haloop.ports.letterbox import Letterbox
from haloop.settings import PRACTICE_MAIL, PRACTICE_MODEL, Settings
from haloop.store.letters import LetterBook
from haloop.store.model_use import ModelUse
from haloop.store.push_key import read_or_make_push_key
from haloop.store.sqlite import SqliteLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Outward:
    """Those beyond this machine whom the house knows, where the settings name them."""

    issuer: Issuer | None
    mail: MailServer | None
    mailbox: Mailbox | None = None
    model: ModelHost | None = None
    upstreams: Mapping[Provider, Upstream] = field(default_factory=dict)
    """Whose models agents may ask."""

    @classmethod
    def read(cls, settings: Settings) -> "Outward":
        return cls(
            issuer=_issuer(settings),
            mail=_mail_server(settings),
            mailbox=_mailbox(settings),
            model=model_host(settings),
            upstreams=upstreams(settings),
        )

    @property
    def secrets(self) -> Sequence[str]:
        """What no log may hold."""
        passwords = [one.password for one in (self.mail, self.mailbox) if one]
        keys = [self.issuer.client_secret if self.issuer else "", self.model.key if self.model else ""]
        return [one for one in (*keys, *passwords, *(one.key for one in self.upstreams.values())) if one]


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
        opened = Telling.opened(
            settings.home, ledger=ledger, engine=engine, ways=ways, address=address, zone=settings.zone.key
        )
        async with opened as telling:
            yield telling


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A mailbox that is read, with what its letters are remembered and addressed by."""

    letterbox: Letterbox
    book: LetterBook
    addresses: LetterAddresses
    thread: ThreadPoolExecutor

    @property
    def connector(self) -> Connector:
        """How it stands among all connectors; no run calls it."""
        box = self.letterbox
        return Connector(
            port=Letterbox, speaks=box, name="mail", live=True, account=self.addresses.mailbox, check=box.check
        )


@asynccontextmanager
async def open_post(settings: Settings, outward: Outward, clock: Clock) -> AsyncIterator[Post | None]:
    """Make ready to read letters, where a mailbox is set."""
    if outward.mailbox is None or outward.mail is None:
        yield None
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="letters") as thread:
        loop = asyncio.get_running_loop()
        book = await loop.run_in_executor(thread, LetterBook.open, settings.home)
        try:
            secret = await loop.run_in_executor(thread, book.secret)
            async with ImapLetterbox.opened(outward.mailbox, SmtpMail(outward.mail), clock) as letterbox:
                addresses = LetterAddresses(mailbox=outward.mailbox.address, secret=secret)
                yield Post(letterbox=letterbox, book=book, addresses=addresses, thread=thread)
        finally:
            await loop.run_in_executor(thread, book.close)


@asynccontextmanager
async def taking_letters(post: Post | None, house: House, address: str) -> AsyncIterator[None]:
    """Take letters up until the end of the block, where there are any; `address` is where links lead."""
    if post is None:
        yield
        return
    letters = Letters(
        house=house,
        letterbox=post.letterbox,
        book=post.book,
        addresses=post.addresses,
        address=address,
        thread=post.thread,
    )
    async with letters.reading():
        yield


@asynccontextmanager
async def open_model(settings: Settings, host: ModelHost | None) -> AsyncIterator[HostedModel | None]:
    """The model that the settings name, if they name one; each account's tokens are counted in the home."""
    if host is None:
        yield None
        return
    with ModelUse.opened(settings.home, tokens_max=settings.model_tokens_max) as use:
        async with HostedModel.opened(host, use) as model:
            yield model


def _issuer(settings: Settings) -> Issuer | None:
    if settings.server_public_address is None or settings.login_issuer is None or settings.login_client_id is None:
        return None
    return Issuer(
        address=settings.login_issuer,
        client_id=settings.login_client_id,
        client_secret=_secret("login.client_secret_file", settings.login_client_secret_file),
        callback=f"{settings.server_public_address}{CALLBACK}",
    )


def practice_mail(port: int) -> MailServer:
    """The town's post office, which takes all mail and sends none."""
    return MailServer(host="127.0.0.1", port=port, sender="haloop@town.example", security=Security.NONE)


def _mail_server(settings: Settings) -> MailServer | None:
    if settings.mail_host in (None, PRACTICE_MAIL):
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


def _mailbox(settings: Settings) -> Mailbox | None:
    if settings.letters_host is None:
        return None
    password = _secret("letters.password_file", settings.letters_password_file)
    needed = {
        "letters.user": settings.letters_user,
        "letters.password_file": password,
        "letters.checked_by": settings.letters_checked_by,
        "mail.host": settings.mail_host if settings.mail_host != PRACTICE_MAIL else None,
        "mail.from": settings.mail_from,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise BadInput(
            f"letters.host is set, and {' and '.join(missing)} is not.",
            code="letters.settings",
            next_step="Set them all, or take letters.host out; docs/RUNBOOK.md says how.",
        )
    return Mailbox(
        host=settings.letters_host,
        port=settings.letters_port,
        user=settings.letters_user or "",
        address=settings.mail_from or "",
        checked_by=settings.letters_checked_by or "",
        password=password,
        security=Security(settings.letters_security),
    )


def model_host(settings: Settings) -> ModelHost | None:
    """The model that the settings name, if they do; BadInput where they do not say enough to reach it."""
    if settings.model_provider == BUILT_IN:
        return None
    if find_spec("pydantic_ai") is None:
        raise BadInput(
            "model.provider is set, and what speaks to models is not installed.",
            code="model.extra",
            next_step="Install Haloop with its extra models, or take the setting out.",
        )
    shape = Shape(settings.model_provider)
    if settings.model_address and not settings.model_name:
        raise BadInput(
            "model.address is set, and model.name is not.",
            code="model.name",
            next_step="Say which of that server's models.",
        )
    key = _secret("model.key_file", settings.model_key_file)
    if shape is Shape.OPENAI and not settings.model_address:
        key = key or settings.model_openai_key or ""
    if not key and not settings.model_address:
        raise BadInput(
            f"{shape} asks for a key, and none is set.",
            code="model.key",
            next_step="Put it in a file and name that as model.key_file; OpenAI's may be in OPENAI_API_KEY.",
        )
    return ModelHost(
        shape=shape,
        model=settings.model_name or MODELS[shape],
        address=(settings.model_address or ADDRESSES[shape]).replace("http://localhost:", "http://127.0.0.1:"),
        key=key,
    )


def upstreams(settings: Settings) -> Mapping[Provider, Upstream]:
    """The providers that the settings name for agents: by a key, or by an address of their own."""
    said = {
        Provider.ANTHROPIC: (settings.gateway_anthropic_address, settings.gateway_anthropic_key_file),
        Provider.OPENAI: (settings.gateway_openai_address, settings.gateway_openai_key_file),
        Provider.GEMINI: (settings.gateway_gemini_address, settings.gateway_gemini_key_file),
    }
    return {
        provider: Upstream(
            provider=provider,
            address=(address or providers.ADDRESSES[provider])
            .replace("http://localhost:", "http://127.0.0.1:")
            .rstrip("/"),
            key=_secret(f"gateway.{provider}_key_file", file),
        )
        for provider, (address, file) in said.items()
        if address or file
    }


def practising(known: Mapping[Provider, Upstream], town: str) -> Mapping[Provider, Upstream]:
    """Those that are the town's where it is served now, and without a key."""
    here = town.replace("http://localhost:", "http://127.0.0.1:")
    at = {Provider.OPENAI: f"{here}/v1"}
    return {
        provider: (
            replace(one, address=at.get(provider, here), key="", is_practice=True)
            if one.address == PRACTICE_MODEL
            else one
        )
        for provider, one in known.items()
    }


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
    if not (secret.isascii() and secret.isprintable()):
        raise BadInput(
            f"{setting} is {file}, whose first line has a letter that nobody can be sent there.",
            code="settings.secret",
            next_step="Write it anew as plain text, without a mark at its beginning; accents are no part of a key.",
        )
    return secret
