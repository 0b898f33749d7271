"""Mail to a real server: one that takes it, refuses it, drips, hangs up, or is not who it should be."""

import asyncio
import time
from pathlib import Path

import pytest

from haloop.connectors.mail import smtp
from haloop.connectors.mail.smtp import MailServer, Security, SmtpMail
from haloop.kernel.errors import BadInput
from haloop.kernel.notice import NoticeKind
from haloop.ports.notifier import NeverTold, Notice, NotTold
from tests.connectors.outside import Authority, serving
from tests.notices.post import SENDER, checkpoint_of, letter_text, post_office

ANA = "ana@example.org"
CHECKPOINT = "haloop.local/acc_0\n1\nroot\n\n— haloop.local/acc_0 AAAA\n"
NOTICE = Notice(
    id="0123456789abcdef" * 2,
    kind=NoticeKind.WAITS,
    title="Something waits for your answer",
    lines=("A line with <b>marks</b> & more.", "Another."),
    link="http://localhost:4000/open?draft_id=gate_1",
    settings="http://localhost:4000/plain#notices",
    checkpoint=CHECKPOINT,
    at=1_800_000_000_000_000,
)


async def test_a_message_says_its_words_twice_and_carries_the_checkpoint() -> None:
    """Plain text, the same as HTML with nothing of it taken for marks, and the checkpoint byte for byte."""
    async with post_office() as post:
        await SmtpMail(post.server).tell(ANA, NOTICE)

    (letter,) = post.letters
    html = letter.get_body(("html",))
    assert html is not None
    said = {name: str(letter[name]) for name in ("From", "To", "Subject", "Message-ID", "List-Unsubscribe")}
    assert said == {
        "From": f"Haloop <{SENDER}>",
        "To": ANA,
        "Subject": NOTICE.title,
        "Message-ID": f"<{NOTICE.id}@example.org>",
        "List-Unsubscribe": f"<{NOTICE.settings}>",
    }
    assert "Fri, 15 Jan 2027 08:00:00" in str(letter["Date"])
    assert "A line with <b>marks</b> & more.\n\nAnother.\n\nhttp://localhost:4000/open?draft_id=gate_1" in letter_text(
        letter
    )
    assert "<p>A line with &lt;b&gt;marks&lt;/b&gt; &amp; more.</p>" in html.get_content()
    assert checkpoint_of(letter) == CHECKPOINT.encode()
    assert post.recipients == [[ANA]]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
async def test_the_way_to_the_server_is_encrypted_and_the_login_goes_over_it(
    tmp_path: Path, security: Security
) -> None:
    """By STARTTLS or from the first byte, with the certificate checked."""
    authority = Authority.made(tmp_path, "localhost")
    tls = {"starttls" if security is Security.STARTTLS else "tls": authority.server()}
    async with post_office(**tls, login=True) as post:
        server = MailServer(
            host="localhost",
            port=post.port,
            sender=SENDER,
            user="haloop",
            password="a long password",
            security=security,
            certificates=authority.believed(),
        )
        await SmtpMail(server).tell(ANA, NOTICE)

    assert post.logins == [("haloop", "a long password")]
    assert len(post.letters) == 1
    assert "a long password" not in repr(server)


async def test_a_wrong_certificate_or_none_at_all_stops_the_mail(tmp_path: Path) -> None:
    """Somebody else's certificate, an authority nobody believes, a server without encryption: no word goes out."""
    (tmp_path / "other").mkdir()
    ours, other = Authority.made(tmp_path, "localhost"), Authority.made(tmp_path / "other", "elsewhere.example")
    refused = []
    async with post_office(starttls=other.server()) as wrong_name, post_office() as plain:
        for post, authority in ((wrong_name, other), (wrong_name, ours), (plain, ours)):
            server = MailServer(host="localhost", port=post.port, sender=SENDER, certificates=authority.believed())
            with pytest.raises(NotTold) as error:
                await SmtpMail(server).tell(ANA, NOTICE)
            refused.append(error.value.code)

    assert refused == ["mail.certificate", "mail.certificate", "mail.unsupported"]
    assert wrong_name.letters + plain.letters == []


async def test_a_login_that_is_refused_is_named(tmp_path: Path) -> None:
    """Whoever keeps the settings is told what to look at."""
    authority = Authority.made(tmp_path, "localhost")
    async with post_office(starttls=authority.server(), login=True) as post:
        server = MailServer(
            host="localhost",
            port=post.port,
            sender=SENDER,
            user="haloop",
            password="wrong",
            certificates=authority.believed(),
        )
        with pytest.raises(NotTold) as refused:
            await SmtpMail(server).tell(ANA, NOTICE)

    assert (refused.value.code, isinstance(refused.value, NeverTold)) == ("mail.login", False)
    assert "wrong" not in refused.value.sentence


@pytest.mark.parametrize(
    ("answer", "for_good"),
    [("550 no such user ana@example.org", True), ("450 come back later", False), ("421 closing", False)],
)
async def test_what_a_server_says_of_an_address_is_understood(answer: str, for_good: bool) -> None:
    """A refusal for good is not tried again; one for now is. What the server says is not repeated: it names people."""
    async with post_office() as post:
        post.refuses = answer
        with pytest.raises(NotTold) as refused:
            await SmtpMail(post.server).tell(ANA, NOTICE)

    assert isinstance(refused.value, NeverTold) is for_good
    assert "ana" not in refused.value.sentence


@pytest.mark.parametrize(("answer", "for_good"), [("554 spam", True), ("451 not now", False)])
async def test_what_a_server_says_of_a_message_is_understood(answer: str, for_good: bool) -> None:
    """The same once it has read it."""
    async with post_office() as post:
        post.answers = [answer]
        with pytest.raises(NotTold) as refused:
            await SmtpMail(post.server).tell(ANA, NOTICE)

    assert isinstance(refused.value, NeverTold) is for_good


async def test_a_server_that_hangs_up_is_tried_again() -> None:
    """Nobody knows whether it took the message; the next try carries the same name."""
    async with post_office() as post:
        post.answers = [""]
        mail = SmtpMail(post.server)
        with pytest.raises(NotTold) as refused:
            await mail.tell(ANA, NOTICE)
        await mail.tell(ANA, NOTICE)

    assert not isinstance(refused.value, NeverTold)
    assert {str(one["Message-ID"]) for one in post.letters} == {f"<{NOTICE.id}@example.org>"}


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    """Nobody listens there."""
    async with serving(_silent) as port:
        pass
    server = MailServer(host="127.0.0.1", port=port, sender=SENDER, security=Security.NONE)

    with pytest.raises(NotTold) as refused:
        await SmtpMail(server).tell(ANA, NOTICE)

    assert refused.value.code == "mail.unreachable"


async def test_a_server_that_drips_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then keeps a line alive, not us: all of a message has one time."""
    monkeypatch.setattr(smtp, "SECONDS_MAX", 0.5)
    begun = time.monotonic()
    async with serving(_dripping) as port:
        server = MailServer(host="127.0.0.1", port=port, sender=SENDER, security=Security.NONE)
        with pytest.raises(NotTold):
            await SmtpMail(server).tell(ANA, NOTICE)

    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "mail.example.org", "security": Security.NONE},
        {"host": "192.168.0.1", "security": Security.NONE},
        {"host": "mail.example.org", "user": "haloop"},
        {"host": "mail.example.org", "password": "a long password"},
    ],
)
def test_settings_that_would_betray_something_are_refused(wrong: dict[str, str]) -> None:
    """Nothing crosses a network unencrypted, and half a login is none."""
    with pytest.raises(BadInput):
        MailServer(port=25, sender=SENDER, **wrong)  # type: ignore[arg-type]  # a table of several fields


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"2")
        await writer.drain()
        await asyncio.sleep(0.05)
